# How a capability is described, offered and asked for.
#
# An app cannot name what lies outside its grain. When it needs something (a calendar, an address to send mail from), it
# describes the *kind*, and Granary asks the person, in a window that the app cannot see into: the powerbox. What the
# person picks is handed to the app as a capability; that the person picked it is the permission. In the other direction an
# app describes what its grain has to offer, so that the grain shows up in the powerbox of others.
#
# Both sides describe by `PowerboxDescriptor`, a list of tags. Browsers pass descriptors as text: the message in the packed
# encoding with its segment table, then base64 (either alphabet, padding optional).

@0xf6c200ab14cd53e4;

using Util = import "util.capnp";

struct PowerboxDescriptor @0xedcf0fa3bfc71c58 {
  # One way in which a capability answers a request, or one thing that a request would be content with.
  #
  # A request is a list of descriptors of which any one will do; a descriptor is a list of tags all of which must hold.
  # An offered descriptor matches a requested one when it has every tag that is asked for; tags beyond that do no harm. A
  # requested descriptor without tags matches nothing.

  tags @0 :List(Tag);
  # What must hold (in a request) or does hold (in an offer). The order means nothing. Of two tags with one id in an
  # offer, the last counts.

  struct Tag @0xbe3d16a8df03c418 {
    # One statement about a capability.

    id @0 :UInt64;
    # What the statement is about: usually the id of the interface that the capability implements, sometimes that of a
    # struct which somebody defined for the purpose. In use are the ids of UiView, ApiSession, Identity, EmailVerifier,
    # VerifiedEmail, EmailSendPort, VerifiedEmailSendPort, IpNetwork and IpInterface; apps may define their own.

    value @1 :AnyPointer;
    # More about it, of a type that goes with the id (an interface that wants one has a struct `PowerboxTag`). Null in a
    # request asks for nothing in particular, null in an offer promises anything. Otherwise the two are compared:
    #   * structs: the data sections must be equal, a shorter one being filled up with zeros; hence a number left at 0
    #     in a request does ask for 0. Pointers are compared one by one by these same rules.
    #   * texts, blobs and lists of numbers must be equal
    #   * a list of structs in a request: each of its elements must match some element of the offer's
    #   * other lists: as long as each other, and matching element by element
    #   * capabilities never match
  }

  quality @1 :MatchQuality;
  # In an offer: how well this answers a request that it matches.

  enum MatchQuality @0xbb1afa45d25ce8de {
    acceptable @0;
    # It will do, and is listed among the rest.

    preferred @1;
    # It is meant for just this, and is listed before the rest.

    unacceptable @2;
    # It must not be listed although the tags match: a way to make an exception from a more general descriptor in the
    # same list.
  }
}

struct PowerboxDisplayInfo @0xa553a209bee32bec {
  # What people are shown of a capability that an app hands out.

  title @0 :Util.LocalizedText;
  # What it is called, as the title of a document would be.

  verbPhrase @1 :Util.LocalizedText;
  # What having it allows, to be put after a person's name: "can add events".

  description @2 :Util.LocalizedText;
  # A sentence or two for somebody who decides whether to accept it.
}
