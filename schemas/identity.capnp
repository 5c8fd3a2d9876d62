# Who a person is, as far as an app may know.
#
# An app never sees an account. It sees, for each person, an id that is made for this one grain: the same person has another
# id in another grain, so that grains cannot compare notes. Beside it stand a name and a picture to show.

@0xc822108a5c3d7d25;

using Util = import "util.capnp";

interface Identity @0xc084987aa951dd18 {
  # A person, as a capability: an app holds it to show who did something, to mention the person in an activity, or to ask
  # Granary for the person's id in this grain (`SandstormApi.getIdentityId`). It may be saved. It breaks when the
  # person loses access to the grain.

  getProfile @0 () -> (profile :Profile);
  # The person's profile as it is now. Names change: ask again rather than keep it for ever.

  struct PowerboxTag @0xf35052cfb1d3bbe8 {
    # Goes with the tag id of Identity, for an app that asks the person to pick somebody else.

    permissions @0 :List(Bool);
    # In a request: what the picked person should be allowed to do in this grain; picking shares the grain with them, and
    # this suggests a role. In the answer: what that person may do now.
  }
}

struct Profile @0xd3d0c34d7201fcef {
  # What a person says about themself. Nothing in here proves anything.

  displayName @0 :Util.LocalizedText;
  # The name to show. It is not unique.

  preferredHandle @1 :Text;
  # A short name to be used where there is no room, or as a suggestion for an account name: lower-case letters, digits
  # and underscores, not beginning with a digit. It is not unique.

  picture @2 :Util.StaticAsset;
  # A square picture; null when there is none.

  pronouns @3 :Pronouns;
  # How to speak of the person.

  enum Pronouns @0x84752dcf8539ab01 {
    neutral @0;
    # "they", and whoever did not say.

    male @1;
    # "he"

    female @2;
    # "she"

    robot @3;
    # "it"
  }
}

struct UserInfo @0x94b9d1efb35d11d3 {
  # Who opened a session, and what they may do in it. Granary fills it in and passes it to `UiView.newSession`. It holds
  # for that session: when the person's permissions change, the session ends and another begins.

  displayName @0 :Util.LocalizedText;
  # As in `Profile`. For somebody who came by a link without saying who they are: "Anonymous User".

  preferredHandle @4 :Text;
  # As in `Profile`; "anonymous" for the same somebody.

  pictureUrl @6 :Text;
  # Where a browser finds the picture; empty when there is none.

  pronouns @5 :Profile.Pronouns;
  # As in `Profile`.

  deprecatedPermissionsBlob @1 :Data;
  # `permissions` as the oldest apps read them: one bit each, beginning with the lowest bit of the first byte. Granary
  # fills it in beside `permissions`.

  permissions @3 :List(Bool);
  # What this person may do. The app must enforce it: Granary cannot know what a request means. The grain's owner has
  # all of them.

  identityId @2 :Data;
  # 32 bytes that stand for this person in this grain and stay the same for ever, for an app to remember things by.
  # Empty for an anonymous visitor. (Apps behind the HTTP bridge are given the first 16 bytes, in hexadecimal.)

  identity @7 :Identity;
  # The person as a capability; null for an anonymous visitor.
}
