@0xdd10df585a82c6d8;

using Util = import "util.capnp";

struct EmailAddress @0xacaddcee86563ee1 {
  address @0 :Text;
  name @1 :Text;
}

struct EmailAttachment @0xb309c51a9d28244f {
  contentType @0 :Text;
  contentDisposition @1 :Text;
  contentId @2 :Text;
  content @3 :Data;
}

struct EmailMessage @0xcff459e769562d2f {
  date @0 :Int64;
  from @1 :EmailAddress;
  to @2 :List(EmailAddress);
  cc @3 :List(EmailAddress);
  bcc @4 :List(EmailAddress);
  replyTo @5 :EmailAddress;
  messageId @6 :Text;
  references @7 :List(Text);
  inReplyTo @8 :List(Text);
  subject @9 :Text;
  text @10 :Text;
  html @11 :Text;
  attachments @12 :List(EmailAttachment);
}

interface EmailSendPort @0xec831dbf4cc9bcca {
  send @0 (email :EmailMessage) -> ();
  hintAddress @1 (address :EmailAddress) -> ();
  struct PowerboxTag @0x90790c61fc899dd3 {
    fromHint @0 :EmailAddress;
    listIdHint @1 :Text;
  }
}

interface VerifiedEmail @0xf88bf102464dfa5a {
  struct PowerboxTag @0x97469291ac5bb892 {
    verifierId @0 :Data;
    address @1 :Text;
    domain @2 :Text;
  }
}

interface VerifiedEmailSendPort @0xa3cc885445aed8e9 extends(VerifiedEmail, EmailSendPort) {
  struct PowerboxTag @0x8f555bd4141fbb3b {
    verification @0 :VerifiedEmail.PowerboxTag;
    port @1 :EmailSendPort.PowerboxTag;
  }
}

interface EmailVerifier @0xd458f7ca9d1ba9ff {
  getId @0 () -> (id :Data);
  verifyEmail @1 (tabId :Data, verification :VerifiedEmail) -> (address :Text);
}

interface EmailAgent @0x8b6f158d70cbc773 {
  send @0 (email :EmailMessage) -> ();
  addReceiver @1 (port :EmailSendPort) -> (handle :Util.Handle);
}
