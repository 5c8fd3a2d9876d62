# Saving, owning and revoking references. Apps never see any of this; Granary's membrane around a grain speaks it, the HTTP
# bridge stores some of it, and the structs occur in data that outlives versions of Granary.
#
# A reference leaves a grain wrapped: the membrane passes calls through, adds what they depend on, and can be cut. To save
# such a reference is to ask its wrapping, not the app: `SystemPersistent.save` with the one who will own it. The wrapping
# asks the app's object for its name (`AppPersistent.save`), and Granary keeps name, owner and requirements in a row of its
# database. The answer, 43 characters of base64url made from 32 random bytes, is the only way back to that row: the database
# has its SHA-256 alone.

@0x86ba8b3f6167d33c;

using Activity = import "activity.capnp";
using ApiSession = import "api-session.capnp";
using Email = import "email.capnp";
using Grain = import "grain.capnp";
using Identity = import "identity.capnp";
using Ip = import "ip.capnp";
using Powerbox = import "powerbox.capnp";
using Util = import "util.capnp";

interface Persistent @0xc8cb212fcd9f5691(SturdyRef, Owner) {
  # A capability that can be saved, as Cap'n Proto has it in general. (The standard file /capnp/persistent.capnp declares the
  # same id; it is declared again here so that nothing but this folder is needed.)

  save @0 SaveParams -> SaveResults;
  # Makes a reference that survives the connection.

  struct SaveParams @0xf76fba59183073a5 {
    sealFor @0 :Owner;
    # Who alone will be able to restore it.
  }

  struct SaveResults @0xb76848c18c40efbf {
    sturdyRef @0 :SturdyRef;
    # The reference.
  }
}

interface SystemPersistent @0xc38cedd77cbed5b4 extends(Persistent(Data, ApiTokenOwner)) {
  # What everything implements that crosses a membrane: it can be saved, and made to depend on more. Calls of these methods
  # from inside a grain never get out: an app saves by `SandstormApi.save`.

  addRequirements @0 (requirements :List(MembraneRequirement), observer :RevocationObserver) -> (cap :SystemPersistent);
  # The same capability inside another membrane: it and everything that comes through it break when a requirement no
  # longer holds, and saved references to it depend on the requirements too.

  interface RevocationObserver @0xcdda9d1436d7d206 {
    # Who watches the requirements.

    dropWhenRevoked @0 (handle :Util.Handle) -> ();
    # Called once, at the beginning. The observer holds `handle` as long as all requirements hold. When it drops it, or when
    # this call fails, the membrane is cut: all calls fail with `disconnected`, "capability has been revoked".
  }
}

struct MembraneRequirement @0x918db9a721f13886 {
  # One thing that a reference depends on.

  union {
    tokenValid @0 :Text;
    # That this token is there, as are all that it came from; by the id of its row.

    permissionsHeld :group {
      # That somebody has all these permissions in some grain.

      union {
        accountId @5 :Text;
        # The person with this account.

        tokenId @6 :Text;
        # Whoever came by this link.
      }

      grainId @2 :Text;
      # In which grain.

      permissions @3 :List(Bool);
      # Which ones, in that grain's order. Access to the grain as such is always among them.

      userId @1 :Text;
      # What older data has in the place of `accountId`.
    }

    userIsAdmin @4 :Text;
    # That the person with this account owns the computer.
  }
}

struct ApiTokenOwner @0xda970537e2a8a9a9 {
  # Who may restore a token. For anybody else it does not exist.

  union {
    webkey @0 :Void;
    # Whoever has its text: a link, or a program's access to an API.

    grain :group {
      # A grain, which got it from `SandstormApi.save`.

      grainId @1 :Text;
      # Which one.

      saveLabel @2 :Util.LocalizedText;
      # What the grain called it.

      introducerUser @5 :Text;
      # The account of the person who gave it to the grain.

      introducerIdentity @9 :Text;
      # What older data has in its place.
    }

    clientPowerboxRequest :group {
      # A grain's page that asked for something; its server will claim it (`SessionContext.claimRequest`). It lives for ten
      # minutes.

      sessionId @15 :Text;
      # In which session it must be claimed.

      grainId @13 :Text;
      # By which grain.

      introducerIdentity @14 :Text;
      # In older data: who gave it.
    }

    clientPowerboxOffer :group {
      # A grain that offers something; the person has not taken it yet. It lives for ten minutes.

      sessionId @17 :Text;
      # In which session it was offered.
    }

    internet @3 :AnyPointer;
    # Somebody on another computer. Never came to be.

    frontend @4 :Void;
    # Granary itself: for a notification that stays, or a job.

    user :group {
      # A person: a grain that somebody shared with them, as an entry in their list.

      accountId @18 :Text;
      # The person.

      identityId @10 :Text;
      # Their id in that grain, in hexadecimal.

      title @7 :Text;
      # What they call the grain.

      upstreamTitle @11 :Text;
      # What its owner calls it, when that is something else.

      renamed @12 :Bool;
      # They gave it a title of their own, so that the owner's no longer changes it.

      denormalizedGrainMetadata @8 :DenormalizedGrainMetadata;
      # What the list shows beside the title.

      seenAllActivity @16 :Bool;
      # Nothing happened there that they have not seen.

      userId @6 :Text;
      # What older data has in the place of `accountId`.
    }
  }
}

struct DenormalizedGrainMetadata @0xbdd9bea5585df6c5 {
  # What is shown of a grain to a person who cannot see its app.

  appTitle @0 :Util.LocalizedText;
  # The app's name.

  union {
    icon :group {
      # The app's icon, kept as a static asset.

      format @1 :Text;
      # "svg" or "png".

      assetId @2 :Text;
      # The asset.

      assetId2xDpi @3 :Text;
      # The same for finer screens; empty when there is none.
    }

    appId @4 :Text;
    # There is none: draw one from the app's id.
  }
}

struct SupervisorObjectId @0x8e74650737dbb840(AppObjectId) {
  # What a token of a grain's object stands for.

  union {
    appRef @0 :AppObjectId;
    # An object of the app, by the name that `AppPersistent.save` gave.

    wakeLockNotification @1 :UInt32;
    # A notification that stays and keeps the grain running, by a number that the running grain gave to it: it does not
    # outlive the grain's stop.
  }
}

# What Granary itself hands out, each with the right to save it. The two sides of such an interface are always both
# inside Granary; the ids are fixed because the membrane dispatches on them.

interface PersistentHandle @0xc22ce229c18c0a02 extends(SystemPersistent, Util.Handle) {
  # A handle that outlives a stop of the grain: that of a notification which stays.
}

interface PersistentOngoingNotification @0xdbbdcec8587dd355 extends(SystemPersistent, Activity.OngoingNotification) {
  # An app's end of such a notification, wrapped.
}

interface PersistentUiView @0x826f7187e23c37c9 extends(Grain.UiView, SystemPersistent) {
  # A grain, as another grain holds it: `getViewInfo` is all that it answers.
}

interface PersistentIdentity @0xaaecb6e5c137fd7a extends(Identity.Identity, SystemPersistent) {
  # A person.
}

interface PersistentEmailVerifier @0xd76bb6182f0aece3 extends(Email.EmailVerifier, SystemPersistent) {
  # Granary's own check of addresses.
}

interface PersistentVerifiedEmail @0xe536db3eed324f9b extends(Email.VerifiedEmail, SystemPersistent) {
  # Proof of an address that Granary has checked.
}

interface PersistentApiSession @0xaca1efb8eb6cd18a extends(ApiSession.ApiSession, SystemPersistent) {
  # An HTTP API somewhere on the Internet.
}

interface PersistentIpNetwork @0xa5b3215660e038f2 extends(Ip.IpNetwork, SystemPersistent) {
  # The way out.
}

interface PersistentIpInterface @0xcf43ebe6a5a6f1b4 extends(Ip.IpInterface, SystemPersistent) {
  # The way in.
}

# What the HTTP bridge keeps, and what it says to apps. Bridges of many versions are inside packages, so these are as fixed
# as the rest.

struct BridgeObjectId @0xde7c54260c265bb4 {
  # The name by which a bridge finds a saved object again; it is the `AppObjectId` of grains behind a bridge.

  union {
    application @0 :AnyPointer;
    # An object of the app, by the app's own name for it (`AppHooks.restore`).

    httpApi @1 :HttpApi;
    # An API of the app, handed on through the powerbox.
  }

  struct HttpApi @0x903896a2654fb12b {
    name @0 :Text;
    # Which one: `BridgeConfig.PowerboxApi.name`.

    path @1 :Text;
    # Its path, as it was when it was handed on.

    permissions @2 :List(Bool);
    # What those who use it may do.

    identityId @3 :Data;
    # The person who handed it on, in whose name requests arrive. Empty for nobody.
  }
}

interface BridgeHttpSession @0xb71e38915c2a2afc extends(ApiSession.ApiSession, Grain.AppPersistent(BridgeObjectId)) {
  # What a bridge hands out for an API of its app.
}

struct SessionInfo @0xcf999463ccff87dd {
  # What a bridge knows of a session besides who opened it.

  union {
    normal @0 :Void;
    # It is an ordinary one.

    request :group {
      # It is to answer a request of the powerbox.

      requestInfo @1 :List(Powerbox.PowerboxDescriptor);
      # The query.
    }

    offer :group {
      # It is to take something.

      offer @2 :Capability;
      # The thing.

      descriptor @3 :Powerbox.PowerboxDescriptor;
      # What it is.
    }
  }
}

struct ProxyClaimRequestRequest @0xe85d79ab9bde4783 {
  # What an app sends to its bridge, as JSON, to claim what its page was given by the powerbox: the body of
  # POST http://http-bridge/session/<session id>/claim through the bridge's proxy.

  requestToken @0 :Text;
  # What the page was given.

  requiredPermissions @1 :List(Text);
  # What the person must be allowed for it to stay valid, by names of permissions.

  label @2 :Util.LocalizedText;
  # What to call it in the list of what the grain holds.
}

struct ProxyClaimRequestResponse @0x88b48ab0daf5d8d0 {
  # The answer, as JSON.

  cap @0 :Text;
  # The saved reference in base64: what the app sends as a bearer token with requests through the proxy.
}
