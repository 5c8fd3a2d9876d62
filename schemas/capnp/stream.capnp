# What a method declared `-> stream` answers.
#
# The compiler looks this file up as "/capnp/stream.capnp". Granary brings its own copy, so that a
# build needs the `capnp` program and no development files beside it.

@0x86c366a91393f3f8;

struct StreamResult @0x995f9a3377c0b16e {
  # Nothing is answered; that the answer came is the whole news. Until it comes, the sender counts
  # the call's bytes as in flight and holds back further ones beyond its window.
}
