# Older calls that apps make on the `context` of their session. They were a way to get things done before there was a
# powerbox; a few are still in use and stay.

@0xbf6889795837d1e0;

using Email = import "email.capnp";
using Grain = import "grain.capnp";
using Identity = import "identity.capnp";
using Ip = import "ip.capnp";

interface HackSessionContext @0xe14c1f5321159b8f extends(Grain.SessionContext, Email.EmailSendPort) {
  # What the `context` that Granary passes to `UiView.newSession` implements besides `SessionContext`. `send` sends mail
  # from the grain's own address, or from the owner's.

  getPublicId @0 () -> (publicId :Text, hostname :Text, autoUrl :Text, isDemoUser :Bool);
  # Makes the grain's folder /var/www a public site, if it is not one yet.
  #
  #   publicId    20 lower-case letters and digits that name the site
  #   hostname    the host where sites are served
  #   autoUrl     where this one is
  #   isDemoUser  false with Granary

  obsoleteHttpGet @1 (url :Text) -> (mimeType :Text, content :Data);
  # Always fails. Apps use an `ApiSession` from the powerbox.

  getUserAddress @2 () -> Email.EmailAddress;
  # The owner's address, and name, for an app to put into the From header of what it sends. Fails when none is known.

  obsoleteGenerateApiToken @3 (petname :Text, userInfo :Identity.UserInfo, expires :UInt64) -> (token :Text, endpointUrl :Text, tokenId :Text);
  # Always fails. Pages use an offer template.

  obsoleteListApiTokens @4 () -> (tokens :List(TokenInfo));
  # Always fails.

  obsoleteRevokeApiToken @5 (tokenId :Text) -> ();
  # Always fails.

  obsoleteGetIpNetwork @6 () -> (network :Ip.IpNetwork);
  # Always fails. Apps use the powerbox.

  obsoleteGetIpInterface @7 () -> (interface :Ip.IpInterface);
  # Always fails. Apps use the powerbox.

  obsoleteGetUiViewForEndpoint @8 (url :Text) -> (view :Grain.UiView);
  # Always fails. Apps use the powerbox.

  struct TokenInfo @0xf910658ae8c6674d {
    # What `obsoleteListApiTokens` told of a token.

    tokenId @0 :Text;
    # Its id.

    petname @1 :Text;
    # The name it was given.

    userInfo @2 :Identity.UserInfo;
    # For whom it acted.
  }
}

interface HackEmailSession @0xc3b5ced7344b04a6 extends(Grain.UiSession, Email.EmailSendPort) {
  # A session by which mail arrives: `send` delivers one message to the grain. Granary opens it for nobody in particular
  # (an empty `UserInfo`), with an empty struct as its parameters.
}
