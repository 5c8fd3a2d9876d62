//! The schemas lay out every message as the table `layout.tsv` says, which was derived from what existing apps do.

mod schema;

use schema::{describe_folder, difference, folder, lines};

fn table() -> std::collections::BTreeSet<String> {
    lines(include_str!("layout.tsv"))
}

#[test]
fn schemas_are_laid_out_as_the_table_says() {
    let difference = difference(&table(), &describe_folder(&folder()));
    assert!(
        difference.is_empty(),
        "schemas/ and tests/layout.tsv differ; apps that exist depend on the table (- the table, + the schemas):\n{difference}"
    );
}

/// Mistakes that still compile: the file, the right text, the wrong text, and how the difference must begin.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    // An id.
    ("util", "ByteStream @0xcd57387729cfe35f", "ByteStream @0xcd57387729cfe35e", "+ 0xcd57387729cfe35e  file"),
    ("ip", "@0xf44732d435305f86;", "@0xf44732d435305f87;", "- 0xf44732d435305f86  file  ip.capnp"),
    // A method's ordinal, name, parameters, results.
    ("util", "done @1 ()", "finish @1 ()", "- 0xcd57387729cfe35f  method  01  done  ()  ()"),
    ("util", "startAtOffset :UInt64", "startAtOffset :UInt32", "- 0xe53527a75d90198f  method  01  writeTo"),
    ("util", "write @0 (data :Data) -> stream", "write @0 (data :Data) -> ()", "- 0xcd57387729cfe35f  method  00  write"),
    ("grain", "path :Text = \"\"", "path :Text", "- 0xbf3e401d5a63f336  method  06  openView"),
    // A method too many, and what an interface extends.
    ("util", "ping @0 () -> ();", "ping @0 () -> (); pong @1 ();", "+ 0x98f424ac606042e0  method  01  pong"),
    ("api-session", "extends(Web.WebSession)", "", "- 0xc879e379c625cdc7  interface  ApiSession  WebSession"),
    // A field's type, its place, its default, its membership in a union.
    ("email", "date @0 :Int64", "date @0 :UInt64", "- 0xcff459e769562d2f  field  @00  date  Int64  d0:64"),
    ("identity", "pronouns @5", "pronouns2 @5", "- 0x94b9d1efb35d11d3  field  @05  pronouns"),
    ("web-session", "contentCoding @0 :Text;", "", ""),
    ("web-session", "    qValue @1 :Float32 = 1;", "    qValue @1 :Float32;", "- 0xaaf9021b627cc1f9  field  @01  qValue  Float32 = 1"),
    // An enumerant's value, a constant's value, an annotation's value.
    ("powerbox", "acceptable @0", "acceptable @1", ""),
    ("package", "sizeLimitInWords @0xd9bd68bd9dba918f :UInt64 = 1048576", "sizeLimitInWords @0xd9bd68bd9dba918f :UInt64 = 1048575", "- 0xd9bd68bd9dba918f  const"),
    ("package", "id = \"Zlib\"", "id = \"zlib\"", "- 0xd86e43f42c8b0f74  enumerant  18  zlib  Zlib"),
    ("web-session", "id = 412", "id = 413", "- 0x8ea31bdb4c044f01  enumerant  11  preconditionFailed  412"),
];
