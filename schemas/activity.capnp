# What happened in a grain, and who is to be told.
#
# An app reports events; it does not decide who hears of them. A person subscribes to a grain or to a thread in it, is
# subscribed by writing in it, or is mentioned; Granary puts the event on their list and shows a notification.
#
# There is also the notification that stays: as long as it does, the grain is not stopped for being idle. That is how an
# app goes on working with nobody looking, and how the person sees that it does.

@0xa4e001d4cbcf33fa;

using Identity = import "identity.capnp";
using Util = import "util.capnp";

struct ActivityEvent @0xa7c0b6eaa98c6c4b {
  # One event. An app passes it to `SessionContext.activity` when a person's action caused it, and to
  # `SandstormApi.backgroundActivity` when nobody's did.

  path @0 :Text;
  # Where in the grain it can be seen: what would follow the grain's own URL and a slash. Opening that path counts as
  # having seen the event.

  thread @4 :ThreadInfo;
  # What larger discussion it belongs to; null when the grain as a whole is the discussion.

  struct ThreadInfo @0xf3902b5a86ffba44 {
    path @0 :Text;
    # Where the thread is, like `ActivityEvent.path`; it is what identifies the thread.

    title @1 :Util.LocalizedText;
    # What the thread is called.
  }

  notification @1 :NotificationDisplayInfo;
  # What is shown to those who are told.

  type @2 :UInt16;
  # What kind of event it is: an index into `UiView.ViewInfo.eventTypes`. Another number is an error.

  users @3 :List(User);
  # People whom this event concerns in particular.

  struct User @0xbb4d119bbcd89677 {
    identity @0 :Identity.Identity;
    # Who.

    mentioned @1 :Bool;
    # They are told, whether they subscribed or not (unless they muted the grain or the thread).

    subscribed @3 :Bool;
    # They are told, as if they had subscribed.

    canView @2 :Bool;
    # The app has checked that they may see what happened, even where the type of event asks for a permission that they
    # lack.
  }
}

struct ActivityTypeDef @0xe638de0ad7c89a2b {
  # A kind of event, declared once in `UiView.ViewInfo.eventTypes`.

  name @0 :Text;
  # A name for machines, which does not change between versions of the app.

  verbPhrase @1 :Util.LocalizedText;
  # What somebody did, to be put after their name: "edited the document".

  description @2 :Util.LocalizedText;
  # A sentence for a person who chooses what to be told of.

  requiredPermission :union {
    # Who may know that such an event happened.

    everyone @3 :Void;
    # Everybody who has access to the grain.

    permissionIndex @4 :UInt16;
    # Who has this permission.

    explicitList @5 :Void;
    # Only those in the event's `users` with `canView`.
  }

  obsolete @6 :Bool;
  # The app reports no such event any more; do not offer it as a choice.

  notifySubscribers @7 :Bool;
  # Those who subscribed to the grain or to the thread are told. The owner is always taken for subscribed to the grain.

  autoSubscribeToThread @8 :Bool;
  # Who caused the event is subscribed to its thread from now on, as somebody who wrote in a discussion wants to be.

  autoSubscribeToGrain @9 :Bool;
  # Likewise to the whole grain.

  suppressUnread @10 :Bool;
  # The grain does not become unread by it, as it otherwise does for everybody but the one who caused the event.
}

struct NotificationDisplayInfo @0xd3b9f2ca42d4f783 {
  # What a notification says.

  caption @0 :Util.LocalizedText;
  # One line, without the grain's title, which Granary puts beside it.
}

interface NotificationTarget @0xf0f87337d73020f0 {
  # Somebody to notify. Granary's own, behind `SandstormApi.stayAwake`; apps never hold one.

  addOngoing @0 (displayInfo :NotificationDisplayInfo, notification :OngoingNotification) -> (handle :Util.Handle);
  # Shows a notification that stays until the handle is dropped or the person cancels it, of which `notification` is then
  # told.
}

interface OngoingNotification @0xfe851ddbb88940cd {
  # An app's end of a notification that stays.

  cancel @0 () -> ();
  # The person wants it to stop: the app ends what it was doing and drops the handle. Granary removes the notification in
  # any case and no longer keeps the grain running for it.
}
