@0xd5d3e63bd0a552b6;

using Util = import "util.capnp";

interface WebSite @0xdddcca47803e2377 {
  getUrl @0 () -> (path :Text);
  getEntities @1 (path :Text) -> (entities :Util.Assignable(List(Entity)));
  getNotFoundEntities @2 () -> (entities :Util.Assignable(List(Entity)));
  uploadBlob @3 () -> (blob :Util.Blob, stream :Util.ByteStream);
  getSubsite @4 (prefix :Text) -> (site :WebSite);
  listResources @5 (shallow :Bool) -> (names :List(Text));
  struct Entity @0xd019dd3e3c0e7e68 {
    mimeType @0 :Text;
    language @1 :Text;
    encoding @2 :Text;
    body :union {
      bytes @3 :Data;
      blob @4 :Util.Blob;
    }
    redirectTo @5 :Text;
  }
}
