# What an app and Granary offer each other: the root of everything.
#
# When a grain starts, its program finds a socket at file descriptor 3 and speaks Cap'n Proto RPC on it. Each side asks
# for the other's bootstrap capability: Granary gives a `SandstormApi`, the app a `MainView`. Neither needs to speak first.
#
#   Granary -> app   getViewInfo, newSession ...      a person opened the grain: what is it, and let me in
#   app -> Granary   save, restore, stayAwake ...     what the grain needs with nobody looking
#   app -> Granary   `context` of newSession          what the app may ask of the person who looks
#
# The app draws nothing: it answers HTTP requests, which arrive as method calls on the session (web-session.capnp).
#
# A grain that nobody calls for 90 to 180 seconds is stopped, without warning and by SIGKILL, as it may be by a crash or
# a power cut: whatever must last is in files. All live capabilities end with it, in both directions. The next call starts
# it again. What must outlive a stop is saved: an object becomes a token (`SandstormApi.save`), a token an object.

@0xc8d91463cfc4fb4a;

using Activity = import "activity.capnp";
using Identity = import "identity.capnp";
using Powerbox = import "powerbox.capnp";
using Util = import "util.capnp";

interface SandstormApi @0xd2654fcf2a7002cb(AppObjectId) {
  # What Granary does for a grain, whoever is looking, if anybody. The grain gets it as the bootstrap capability of its
  # socket. `AppObjectId` is whatever type the app names its own objects by.

  deprecatedPublish @0 () -> ();
  # Always `unimplemented`. The number is taken.

  deprecatedRegisterAction @1 () -> ();
  # Always `unimplemented`. The number is taken.

  shareCap @2 (cap :Capability, displayInfo :Powerbox.PowerboxDisplayInfo) -> (sharedCap :Capability, link :SharingLink);
  # Meant to hand on a capability with a link that can be revoked. `unimplemented`, as everywhere.

  shareView @3 (view :UiView) -> (sharedView :UiView, link :ViewSharingLink);
  # Meant to do the same for a view. `unimplemented`, as everywhere.

  save @8 (cap :Capability, label :Util.LocalizedText) -> (token :Data);
  # Makes a token out of a capability that can be saved: an object of another grain or of Granary that came through the
  # powerbox, an identity, or an object of the app itself that implements `AppPersistent`. `label` is shown to the person
  # in the list of what this grain holds. The token is a secret, and works in this grain only.
  #
  # Fails for null ("Cannot save a null capability.") and for what cannot be saved.

  restore @4 (token :Data) -> (cap :Capability);
  # The capability that a token of this grain stands for, good until either side stops. Fails when the token is unknown,
  # was dropped or revoked, or when a permission it depends on is gone.

  drop @5 (token :Data) -> ();
  # The token is no longer needed. Dropping one that is not this grain's does nothing.

  deleted @6 (ref :AppObjectId) -> ();
  # Meant to tell that an object of the app has gone, and all tokens for it with it. `unimplemented`, as everywhere.

  stayAwake @7 (displayInfo :Activity.NotificationDisplayInfo, notification :Activity.OngoingNotification) -> (handle :Util.Handle);
  # Keeps the grain running with nobody looking, as long as the handle is held. The person sees a notification for that time
  # and may end it, of which `notification.cancel` tells. The handle can be saved, but a stop of the grain ends it anyway.

  backgroundActivity @9 (event :Activity.ActivityEvent) -> ();
  # Something happened that no person caused: `SessionContext.activity` without a person.

  getIdentityId @10 (identity :Identity.Identity) -> (id :Data);
  # The 32 bytes by which this grain knows a person, as in `UserInfo.identityId`.

  schedule @11 ScheduledJob -> ();
  # Calls the app back later, once or again and again, starting it if need be. Errors in the job (a time in the past, a
  # callback that cannot be saved) fail the call.
}

struct ScheduledJob @0xa34f0cfe24c69d74 {
  # Work that a grain wants to be woken for.

  name @0 :Util.LocalizedText;
  # What the person is shown in the list of this grain's jobs.

  callback @1 :Callback;
  # Whom to call. It must implement `AppPersistent`: the grain will have been stopped in between.

  schedule :union {
    # When.

    oneShot :group {
      # Once.

      when @2 :Int64;
      # Not before this time, in nanoseconds since 1970-01-01 00:00 UTC.

      slack @3 :UInt64;
      # How much later it may be, in nanoseconds. Granary picks a moment within, so that not everything wakes at the full
      # hour. 0 leaves it to Granary, which takes an eighth of the time from now until `when`. At least
      # `minimumSchedulingSlack`; less is raised to that.
    }

    periodic @4 :SchedulingPeriod;
    # Again and again. The first run comes at a moment of Granary's choice within half a period. Runs that were missed
    # while the computer was off are made up for by one.
  }

  interface Callback @0xab619ad5a8fb7e11 {
    run @0 () -> (cancelFutureRuns :Bool);
    # Do it. The grain is kept running until the answer. `cancelFutureRuns` ends a periodic job. When the call fails with
    # `disconnected`, it is tried again a few times; another failure is noted and waits for the next period.
  }
}

const minimumSchedulingSlack @0xeecac1be25f73248 :UInt64 = 300000000000;
# The least slack of a job that runs once: five minutes, in nanoseconds.

enum SchedulingPeriod @0x8478a37e9456409d {
  # How often a periodic job runs. The numbers are out of order because `weekly` came last.

  hourly @0;
  # Every 3 600 seconds.

  daily @1;
  # Every 24 hours.

  monthly @2;
  # Every 30 days.

  annually @3;
  # Every 365 days.

  weekly @4;
  # Every 7 days.
}

interface UiView @0xdbb4d798ea67e2e7 {
  # A grain, as one that can be opened. The app implements it (as a `MainView`) and Granary calls it.

  getViewInfo @0 () -> ViewInfo;
  # What the grain offers: permissions, roles, kinds of events. Granary asks at each opening and remembers the answer for
  # the time when the grain does not run. An app that fails with `unimplemented` or `failed` has no permissions and no
  # roles.

  struct ViewInfo @0xbc5e354741a8e665 {
    # What Granary needs to know of a grain in order to share it.

    permissions @0 :List(PermissionDef);
    # All permissions that the app tells apart. The position in this list is what every permission set refers to, so a
    # later version of the app may add at the end and mark as obsolete, but never move or remove one.

    roles @1 :List(RoleDef);
    # Sets of permissions that make sense to people: "editor", "viewer". Sharing offers these. The positions are fixed
    # like those of permissions.

    deniedPermissions @2 :List(Bool);
    # Permissions that nobody is to be given, the owner included.

    matchRequests @3 :List(Powerbox.PowerboxDescriptor);
    # Requests in the powerbox that this grain can answer. When one matches, the grain is listed; picking it opens a
    # `newRequestSession`.

    matchOffers @4 :List(Powerbox.PowerboxDescriptor);
    # Offers of other grains that this one can make use of, by `newOfferSession`.

    appTitle @5 :Util.LocalizedText;
    # The app's name. Apps leave it empty: Granary knows it from the package. It is filled in where one grain sees another's
    # view.

    grainIcon @6 :Util.StaticAsset;
    # The app's icon, likewise filled in by Granary.

    eventTypes @7 :List(Activity.ActivityTypeDef);
    # The kinds of events that the app reports. The positions are fixed like those of permissions.
  }

  newSession @1 (userInfo :Identity.UserInfo, context :SessionContext, sessionType :UInt64, sessionParams :AnyPointer, tabId :Data) -> (session :UiSession);
  # A person opened the grain; gives the session that stands for their tab. Granary drops it when the tab is closed.
  #
  #   userInfo       who it is, and what they may do
  #   context        what the app may ask of them during this session
  #   sessionType    the id of the interface that `session` must implement, of those that extend `UiSession`: WebSession,
  #                  ApiSession or HackEmailSession. An app that does not know it fails.
  #   sessionParams  the struct `Params` of that interface
  #   tabId          16 bytes that stay the same when a tab's session is opened anew, after the grain was restarted for
  #                  example; unlike a session it can be kept, to tell tabs of one person apart

  newRequestSession @2 (userInfo :Identity.UserInfo, context :SessionContext, sessionType :UInt64, sessionParams :AnyPointer, requestInfo :List(Powerbox.PowerboxDescriptor), tabId :Data) -> (session :UiSession);
  # Like `newSession`, inside the powerbox of somebody else's request: the person chose this grain to answer it. The app
  # shows a way to choose what exactly, and ends with `SessionContext.fulfillRequest`. `requestInfo` is the whole query.

  newOfferSession @3 (userInfo :Identity.UserInfo, context :SessionContext, sessionType :UInt64, sessionParams :AnyPointer, offer :Capability, descriptor :Powerbox.PowerboxDescriptor, tabId :Data) -> (session :UiSession);
  # Like `newSession`, for a person who wants to use `offer`, described by `descriptor`, with this grain.

  struct PowerboxTag @0x982790c08b1958ec {
    # Goes with the tag id of UiView, for an app that asks for a grain or offers one.

    title @0 :Text;
    # The grain's title, as the person sees it. An offer of a view must have one.
  }
}

interface UiSession @0xf63241ee58b5166f {
  # A person's tab, on the app's side. It has no methods by itself; what the other side calls are those of the interface
  # that `sessionType` asked for.
}

interface SessionContext @0xbf3e401d5a63f336 {
  # A person's tab, on Granary's side. What the app asks of it concerns that person, who may say no.

  getSharedPermissions @0 () -> (var :Util.Assignable(List(Bool)).Getter);
  # Meant to tell what permissions anybody might have through the links by which this person came.

  tieToUser @1 (cap :Capability, requiredPermissions :List(Bool), displayInfo :Powerbox.PowerboxDisplayInfo) -> (tiedCap :Capability);
  # Gives `cap` in a wrapping that breaks as soon as the person loses one of the `requiredPermissions`.

  offer @2 (cap :Capability, requiredPermissions :List(Bool), descriptor :Powerbox.PowerboxDescriptor, displayInfo :Powerbox.PowerboxDisplayInfo) -> ();
  # Offers a capability to the person, who may accept it outside this grain: as a grain of their own, as a link for
  # another program, in another app. What they make of it dies when they lose one of the `requiredPermissions` here. The
  # answer tells nothing of what they did.

  request @3 (query :List(Powerbox.PowerboxDescriptor), requiredPermissions :List(Bool)) -> (cap :Capability, descriptor :Powerbox.PowerboxDescriptor);
  # Asks the person for a capability. Apps do that from their page, by a message to the window around it, and
  # then call `claimRequest`.

  fulfillRequest @4 (cap :Capability, requiredPermissions :List(Bool), descriptor :Powerbox.PowerboxDescriptor, displayInfo :Powerbox.PowerboxDisplayInfo) -> ();
  # In a request session: answers the request with `cap`, which closes the powerbox. In any other session: the same as
  # `offer`.

  close @5 () -> ();
  # Closes the tab.

  openView @6 (view :UiView, path :Text = "", newTab :Bool) -> ();
  # Takes the person to another grain's view, at `path` in it, in this tab or in another.

  claimRequest @7 (requestToken :Text, requiredPermissions :List(Bool)) -> (cap :Capability);
  # Turns the token that the page received from the powerbox into the capability that the person picked. The call must be
  # made within ten minutes and on the context of the session whose page made the request. The capability breaks when the
  # person loses one of the `requiredPermissions`; to keep it, save it.

  activity @8 (event :Activity.ActivityEvent) -> ();
  # This person did something that others may want to know.
}

struct PermissionDef @0xf144a5e58889dafb {
  # One thing that people may be allowed to do.

  name @3 :Text;
  # A name for machines: letters, digits, underscores. Apps behind the HTTP bridge see permissions by it.

  title @0 :Util.LocalizedText;
  # A name for people.

  description @1 :Util.LocalizedText;
  # What it allows, in a sentence.

  obsolete @2 :Bool;
  # It means nothing any more, and keeps its place only.
}

struct RoleDef @0xcb3f7064eae4dc5a {
  # A set of permissions that makes sense to people.

  title @0 :Util.LocalizedText;
  # What somebody in the role is called: "editor".

  verbPhrase @1 :Util.LocalizedText;
  # What they can do: "can edit".

  description @2 :Util.LocalizedText;
  # A sentence for a person who is about to share the grain.

  permissions @3 :List(Bool);
  # What the role comes with.

  obsolete @4 :Bool;
  # It is not offered any more. Who has it keeps it.

  default @5 :Bool;
  # It is what a link gives when nobody said which. The first role so marked counts.
}

interface SharingLink @0xc05520c9b0994ad3 {
  # One act of sharing, as the sharer sees it. Part of what `SandstormApi.shareCap` was meant to give.

  getPetname @0 () -> (name :Util.Assignable(Util.LocalizedText));
  # The name that the sharer gave to it, to tell it from other links.
}

interface ViewSharingLink @0xa4f82f764dc3fee8 extends(SharingLink) {
  # The same for a view.

  getRoleAssignment @0 () -> (var :Util.Assignable(RoleAssignment));
  # What those who use the link may do.

  struct RoleAssignment @0xf020f2be35e8e2b5 {
    # What sharing gives, as far as the sharer has it: nobody gives more than they have. It is kept with every share.

    union {
      none @0 :Void;
      # Nothing was chosen: the default role, or no permissions when there is none.

      allAccess @1 :Void;
      # Everything the sharer has.

      roleId @2 :UInt16;
      # The role at this position in `ViewInfo.roles`.
    }

    addPermissions @3 :List(Bool);
    # These in addition.

    removePermissions @4 :List(Bool);
    # These not, whatever the rest says.
  }
}

struct GrainInfo @0xb5fcc0e153671d68 {
  # What a backup says of the grain it holds. It is the file `metadata` in the archive.

  appId @0 :Text;
  # What app it needs.

  appVersion @1 :UInt32;
  # The version it was last used with; an older one may not understand its data.

  title @2 :Text;
  # What the owner called it.

  ownerIdentityId @3 :Text;
  # The owner's identity id in this grain, in hexadecimal, so that the app knows them again.

  users @4 :List(User);
  # Others whom the app knows by identity id.

  struct User @0x9f07b75928ba4e20 {
    identityId @0 :Text;
    # The person's identity id in this grain, in hexadecimal.

    credentialIds @1 :List(Text);
    # Ways to log in by which the person may be recognised, when they have an account where the grain is restored.

    profile @2 :Identity.Profile;
    # What they were called.
  }

  originalGrainId @5 :Text;
  # The id it had where the backup was made.
}

interface AppPersistent @0xaffa789add8747b8(AppObjectId) {
  # An object of an app that can be saved. Granary calls it, and nobody else can.

  save @0 () -> (objectId :AppObjectId, label :Util.LocalizedText);
  # The name by which `MainView.restore` will find the object again. The label is for a person; Granary takes the one that
  # was given to `SandstormApi.save`.
}

interface MainView @0xc277e9822ae2c8fc(AppObjectId) extends(UiView) {
  # The bootstrap capability of an app: the grain's view, and the way back to its saved objects. Only Granary ever holds
  # it; what others hold is the view. An app without saved objects may implement the view alone.

  restore @0 (objectId :AppObjectId) -> (cap :Capability);
  # The object that `AppPersistent.save` named so.

  drop @1 (objectId :AppObjectId) -> ();
  # Nobody holds a token for that object any more. It says nothing about live references.
}
