# E-mail: messages, ports that take them, and proof that somebody has an address.
#
# An app does not talk to mail servers. To send, it is given an `EmailSendPort`; to receive, it gives one away.

@0xdd10df585a82c6d8;

using Util = import "util.capnp";

struct EmailAddress @0xacaddcee86563ee1 {
  # One address.

  address @0 :Text;
  # The address alone: "ada@example.org".

  name @1 :Text;
  # The name to show beside it; may be empty.
}

struct EmailAttachment @0xb309c51a9d28244f {
  # A file that comes with a message.

  contentType @0 :Text;
  # Its MIME type, perhaps with parameters.

  contentDisposition @1 :Text;
  # The header of that name: "attachment; filename=report.pdf", or "inline".

  contentId @2 :Text;
  # The header of that name with its angle brackets, by which `html` may refer to the attachment.

  content @3 :Data;
  # Its bytes.
}

struct EmailMessage @0xcff459e769562d2f {
  # A message, taken apart. Where a header would be missing, the member is empty or null.

  date @0 :Int64;
  # When it was written, in nanoseconds since 1970-01-01 00:00 UTC.

  from @1 :EmailAddress;
  # From whom.

  to @2 :List(EmailAddress);
  # To whom.

  cc @3 :List(EmailAddress);
  # Who else is to see it.

  bcc @4 :List(EmailAddress);
  # Who else, without the others knowing.

  replyTo @5 :EmailAddress;
  # Where an answer should go.

  messageId @6 :Text;
  # The header of that name, with its angle brackets.

  references @7 :List(Text);
  # The ids of the messages before it in the discussion.

  inReplyTo @8 :List(Text);
  # The ids of those that it answers.

  subject @9 :Text;
  # What it is about.

  text @10 :Text;
  # The body as plain text. A message may have this, `html`, or both.

  html @11 :Text;
  # The body as a page.

  attachments @12 :List(EmailAttachment);
  # What comes with it.
}

interface EmailSendPort @0xec831dbf4cc9bcca {
  # Somewhere to send messages to. Who gives one away decides what becomes of them.

  send @0 (email :EmailMessage) -> ();
  # Takes one message. The answer says that it was taken, not that it was delivered. A port that sends to the world
  # refuses a sender that is not the app's to use, and more recipients than it thinks proper; the exception says so.

  hintAddress @1 (address :EmailAddress) -> ();
  # Says from which address messages will come through this port, or to which it leads: for a person to see.

  struct PowerboxTag @0x90790c61fc899dd3 {
    # Goes with the tag id of EmailSendPort.

    fromHint @0 :EmailAddress;
    # From which address messages will be sent.

    listIdHint @1 :Text;
    # Of which mailing list they will be (List-Id).
  }
}

interface VerifiedEmail @0xf88bf102464dfa5a {
  # Proof that the person who handed it over has shown to have some address. It has no methods: what it proves, its
  # `EmailVerifier` tells.

  struct PowerboxTag @0x97469291ac5bb892 {
    # Goes with the tag id of VerifiedEmail.

    verifierId @0 :Data;
    # In a request: proof that this verifier can check, by `EmailVerifier.getId`.

    address @1 :Text;
    # Proof of this address. Empty for any.

    domain @2 :Text;
    # Proof of some address at this domain. Empty for any.
  }
}

interface VerifiedEmailSendPort @0xa3cc885445aed8e9 extends(VerifiedEmail, EmailSendPort) {
  # Proof of an address and a way to send messages to it, in one.

  struct PowerboxTag @0x8f555bd4141fbb3b {
    # Goes with the tag id of VerifiedEmailSendPort.

    verification @0 :VerifiedEmail.PowerboxTag;
    # What is asked of the proof.

    port @1 :EmailSendPort.PowerboxTag;
    # What is asked of the port.
  }
}

interface EmailVerifier @0xd458f7ca9d1ba9ff {
  # Checks proofs. An app gets one through the powerbox from somebody whom it trusts in the matter, once; then it asks other
  # people for a `VerifiedEmail` with the verifier's id, and checks what they hand over.

  getId @0 () -> (id :Data);
  # What to put into `VerifiedEmail.PowerboxTag.verifierId`. Not a secret.

  verifyEmail @1 (tabId :Data, verification :VerifiedEmail) -> (address :Text);
  # The proven address. Fails when the proof was made for another tab than `tabId` (that of `UiView.newSession`), so that
  # nobody can pass on another person's proof, or by another verifier.
}

interface EmailAgent @0x8b6f158d70cbc773 {
  # A mailbox of a person, as a capability: the right to send as that person and to receive what they get.

  send @0 (email :EmailMessage) -> ();
  # Sends a message from the person's address.

  addReceiver @1 (port :EmailSendPort) -> (handle :Util.Handle);
  # Delivers what arrives to `port`, which must be one that can be saved, until the handle is dropped.
}
