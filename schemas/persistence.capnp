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
  save @0 SaveParams -> SaveResults;
  struct SaveParams @0xf76fba59183073a5 {
    sealFor @0 :Owner;
  }
  struct SaveResults @0xb76848c18c40efbf {
    sturdyRef @0 :SturdyRef;
  }
}

struct MembraneRequirement @0x918db9a721f13886 {
  union {
    tokenValid @0 :Text;
    permissionsHeld :group {
      grainId @2 :Text;
      permissions @3 :List(Bool);
      userId @1 :Text;
      union {
        accountId @5 :Text;
        tokenId @6 :Text;
      }
    }
    userIsAdmin @4 :Text;
  }
}

interface SystemPersistent @0xc38cedd77cbed5b4 extends(Persistent(Data, ApiTokenOwner)) {
  addRequirements @0 (requirements :List(MembraneRequirement), observer :RevocationObserver) -> (cap :SystemPersistent);
  interface RevocationObserver @0xcdda9d1436d7d206 {
    dropWhenRevoked @0 (handle :Util.Handle) -> ();
  }
}

interface PersistentHandle @0xc22ce229c18c0a02 extends(SystemPersistent, Util.Handle) {
}

interface PersistentOngoingNotification @0xdbbdcec8587dd355 extends(SystemPersistent, Activity.OngoingNotification) {
}

struct DenormalizedGrainMetadata @0xbdd9bea5585df6c5 {
  appTitle @0 :Util.LocalizedText;
  union {
    icon :group {
      format @1 :Text;
      assetId @2 :Text;
      assetId2xDpi @3 :Text;
    }
    appId @4 :Text;
  }
}

struct ApiTokenOwner @0xda970537e2a8a9a9 {
  union {
    webkey @0 :Void;
    grain :group {
      grainId @1 :Text;
      saveLabel @2 :Util.LocalizedText;
      introducerIdentity @9 :Text;
      introducerUser @5 :Text;
    }
    clientPowerboxRequest :group {
      sessionId @15 :Text;
      grainId @13 :Text;
      introducerIdentity @14 :Text;
    }
    clientPowerboxOffer :group {
      sessionId @17 :Text;
    }
    internet @3 :AnyPointer;
    frontend @4 :Void;
    user :group {
      accountId @18 :Text;
      identityId @10 :Text;
      title @7 :Text;
      denormalizedGrainMetadata @8 :DenormalizedGrainMetadata;
      userId @6 :Text;
      upstreamTitle @11 :Text;
      renamed @12 :Bool;
      seenAllActivity @16 :Bool;
    }
  }
}

struct SupervisorObjectId @0x8e74650737dbb840(AppObjectId) {
  union {
    appRef @0 :AppObjectId;
    wakeLockNotification @1 :UInt32;
  }
}

interface PersistentIpNetwork @0xa5b3215660e038f2 extends(Ip.IpNetwork, SystemPersistent) {
}

interface PersistentIpInterface @0xcf43ebe6a5a6f1b4 extends(Ip.IpInterface, SystemPersistent) {
}

interface PersistentUiView @0x826f7187e23c37c9 extends(Grain.UiView, SystemPersistent) {
}

interface PersistentIdentity @0xaaecb6e5c137fd7a extends(Identity.Identity, SystemPersistent) {
}

interface PersistentEmailVerifier @0xd76bb6182f0aece3 extends(Email.EmailVerifier, SystemPersistent) {
}

interface PersistentVerifiedEmail @0xe536db3eed324f9b extends(Email.VerifiedEmail, SystemPersistent) {
}

interface PersistentApiSession @0xaca1efb8eb6cd18a extends(ApiSession.ApiSession, SystemPersistent) {
}

struct BridgeObjectId @0xde7c54260c265bb4 {
  union {
    application @0 :AnyPointer;
    httpApi @1 :HttpApi;
  }
  struct HttpApi @0x903896a2654fb12b {
    name @0 :Text;
    path @1 :Text;
    permissions @2 :List(Bool);
    identityId @3 :Data;
  }
}

interface BridgeHttpSession @0xb71e38915c2a2afc extends(ApiSession.ApiSession, Grain.AppPersistent(BridgeObjectId)) {
}

struct SessionInfo @0xcf999463ccff87dd {
  union {
    normal @0 :Void;
    request :group {
      requestInfo @1 :List(Powerbox.PowerboxDescriptor);
    }
    offer :group {
      offer @2 :Capability;
      descriptor @3 :Powerbox.PowerboxDescriptor;
    }
  }
}

struct ProxyClaimRequestRequest @0xe85d79ab9bde4783 {
  requestToken @0 :Text;
  requiredPermissions @1 :List(Text);
  label @2 :Util.LocalizedText;
}

struct ProxyClaimRequestResponse @0x88b48ab0daf5d8d0 {
  cap @0 :Text;
}
