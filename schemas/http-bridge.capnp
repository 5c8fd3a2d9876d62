# What an app that speaks plain HTTP may ask of its HTTP bridge.
#
# Most apps are ordinary web servers. Their package carries a small program, the bridge, which Granary talks to and which
# passes requests on to the server's port. An app that wants more than HTTP connects to the Unix socket
# /tmp/sandstorm-api inside its sandbox and speaks Cap'n Proto RPC there: the bridge's bootstrap capability is a
# `SandstormHttpBridge`, the app's, if it wants to be asked things, an `AppHooks`.

@0xac137d236832bb1e;

using Grain = import "grain.capnp";
using Identity = import "identity.capnp";
using Powerbox = import "powerbox.capnp";

interface SandstormHttpBridge @0xad678f0d09bdd98a {
  # The bridge, as the app sees it.

  getSandstormApi @0 () -> (api :Grain.SandstormApi);
  # What Granary gave to the grain.

  getSessionContext @1 (id :Text) -> (context :Grain.SessionContext);
  # The context of the session with this id, which the bridge sends with each request as X-Sandstorm-Session-Id. Fails when
  # there is no such session any more.

  getSessionRequest @4 (id :Text) -> (requestInfo :List(Powerbox.PowerboxDescriptor));
  # What the session was asked for. Fails unless it is a request session (X-Sandstorm-Session-Type: request).

  getSessionOffer @5 (id :Text) -> (offer :Capability, descriptor :Powerbox.PowerboxDescriptor);
  # What the session was offered. Fails unless it is an offer session (X-Sandstorm-Session-Type: offer).

  getSavedIdentity @2 (identityId :Text) -> (identity :Identity.Identity);
  # Somebody who was here before, by their id as X-Sandstorm-User-Id has it: 32 hexadecimal digits. Needs
  # `BridgeConfig.saveIdentityCaps`.

  saveIdentity @3 (identity :Identity.Identity) -> ();
  # Keeps an identity that came another way, for `getSavedIdentity`.
}

interface AppHooks @0xcb12390f1429f70f(AppObjectId) {
  # What the bridge asks the app instead of answering by itself. The bridge expects it on the first connection that the
  # app makes, when the package says so (`BridgeConfig.expectAppHooks`).

  getViewInfo @0 () -> Grain.UiView.ViewInfo;
  # As `UiView.getViewInfo`. An app that fails with `unimplemented` leaves it to the bridge, which takes what the package
  # says.

  restore @1 (objectId :AppObjectId) -> (cap :Capability);
  # As `MainView.restore`, for objects that the app saved through the bridge.

  drop @2 (objectId :AppObjectId) -> ();
  # As `MainView.drop`.
}
