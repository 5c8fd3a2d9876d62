# A web site that is written through capabilities. No platform implements it so far, Granary included: apps publish by
# writing to /var/www. The file is here so that the ids are, and because apps were built against it.

@0xd5d3e63bd0a552b6;

using Util = import "util.capnp";

interface WebSite @0xdddcca47803e2377 {
  # A site, or a part of one below some path.

  getUrl @0 () -> (path :Text);
  # Where it is.

  getEntities @1 (path :Text) -> (entities :Util.Assignable(List(Entity)));
  # What is served at a path, as a value to be read and set. Several entities are the same thing in several languages or
  # encodings, of which the browser's favourite is served; none at all is "not found".

  getNotFoundEntities @2 () -> (entities :Util.Assignable(List(Entity)));
  # What is served where there is nothing.

  struct Entity @0xd019dd3e3c0e7e68 {
    # One form of what is served at a path.

    mimeType @0 :Text;
    # Content-Type.

    language @1 :Text;
    # Content-Language; empty for none.

    encoding @2 :Text;
    # Content-Encoding; empty for none.

    body :union {
      bytes @3 :Data;
      # The body itself.

      blob @4 :Util.Blob;
      # A long body, uploaded before by `uploadBlob`.
    }

    redirectTo @5 :Text;
    # When not empty: it is elsewhere, at this URL, and the body goes with a redirect.
  }

  uploadBlob @3 () -> (blob :Util.Blob, stream :Util.ByteStream);
  # Takes a long body. The blob can be used at once; what reads it waits for what is written to the stream.

  getSubsite @4 (prefix :Text) -> (site :WebSite);
  # The part of the site below `prefix`, as a site of its own, to hand on.

  listResources @5 (shallow :Bool) -> (names :List(Text));
  # Paths with something at them. With `shallow`, those with no further slash, and the first parts of the others.
}
