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

/// What is replaced by what, once each.
type Changes = &'static [(&'static str, &'static str)];

/// Mistakes that still compile: the file, what is replaced by what, and the beginning of a line that must then be told.
const MISTAKES: &[(&str, Changes, &str)] = &[
    // Ids: of an interface, a struct, a file.
    ("util", &[("@0xcd57387729cfe35f", "@0xcd57387729cfe35e")], "- 0xcd57387729cfe35f  interface  ByteStream"),
    ("package", &[("@0xf153ba7dee1c9118", "@0xf153ba7dee1c9119")], "+ 0xf153ba7dee1c9119  struct  Archive"),
    ("ip", &[("@0xf44732d435305f86;", "@0xf44732d435305f87;")], "- 0xf44732d435305f86  file  ip.capnp"),
    // Methods: ordinals, names, parameters, results, defaults, one too many, one too few.
    (
        "util",
        &[("done @1 ()", "done @2 ()"), ("expectSize @2", "expectSize @1")],
        "- 0xcd57387729cfe35f  method  01  done  ()  ()",
    ),
    ("util", &[("done @1 ()", "finish @1 ()")], "- 0xcd57387729cfe35f  method  01  done  ()  ()"),
    ("util", &[("startAtOffset :UInt64", "startAtOffset :UInt32")], "- 0xe53527a75d90198f  method  01  writeTo"),
    ("util", &[("(data :Data) -> stream", "(data :Data) -> ()")], "- 0xcd57387729cfe35f  method  00  write"),
    ("grain", &[("path :Text = \"\"", "path :Text = \"/\"")], "+ 0xbf3e401d5a63f336  method  06  openView"),
    ("util", &[("ping @0 () -> ();", "ping @0 () -> (); pong @1 ();")], "+ 0x98f424ac606042e0  method  01  pong"),
    (
        "web-session",
        &[("patch @17 (path :Text, content :PostContent, context :Context) -> Response;", "")],
        "- 0xa50711a14d35a8ce  method  17  patch",
    ),
    // What an interface extends.
    ("api-session", &[(" extends(Web.WebSession)", "")], "- 0xc879e379c625cdc7  interface  ApiSession    WebSession"),
    // Fields: ordinals, types, places, defaults, membership in a union, one too few, one too many.
    (
        "util",
        &[("key @0 :Text", "key @1 :Text"), ("value @1 :Text", "value @0 :Text")],
        "- 0x94a081e4abb13424  field  @00  key  Text  p0",
    ),
    ("email", &[("date @0 :Int64", "date @0 :UInt64")], "- 0xcff459e769562d2f  field  @00  date  Int64  d0:64"),
    (
        "identity",
        &[("pronouns @5 :Profile.Pronouns", "pronouns @5 :UInt8")],
        "+ 0x94b9d1efb35d11d3  field  @05  pronouns  UInt8  d0:8",
    ),
    (
        "web-session",
        &[("qValue @1 :Float32 = 1", "qValue @1 :Float32")],
        "- 0xaaf9021b627cc1f9  field  @01  qValue  Float32 = 1  d0:32",
    ),
    (
        "activity",
        &[("requiredPermission :union {", "requiredPermission :group {")],
        "- 0xe638de0ad7c89a2b  field  @03  requiredPermission.everyone  Void    tag d0:16=0",
    ),
    (
        "powerbox",
        &[("description @2 :Util.LocalizedText;", "")],
        "- 0xa553a209bee32bec  struct  PowerboxDisplayInfo    0 bytes, 3 pointers",
    ),
    (
        "powerbox",
        &[("quality @1 :MatchQuality;", "quality @1 :MatchQuality; more @2 :Bool;")],
        "+ 0xedcf0fa3bfc71c58  field  @02  more  Bool  d16:1",
    ),
    // Enumerants, constants, annotations.
    (
        "identity",
        &[("male @1;", "male @2;"), ("female @2;", "female @1;")],
        "- 0x84752dcf8539ab01  enumerant  01  male",
    ),
    (
        "package",
        &[(":UInt64 = 1048576", ":UInt64 = 1048575")],
        "- 0xd9bd68bd9dba918f  const  Manifest.sizeLimitInWords  UInt64  1048576",
    ),
    ("package", &[("8f c6 cd ef", "8f c6 cd ee")], "- 0x82bdd60d2cf486c9  const  magicNumber  Data  8fc6cdef451aea96"),
    ("web-session", &[("\"x-sandstorm-app-*\", \"x-oc-mtime\"", "\"x-oc-mtime\"")], "- 0xef174541b62cac82  const"),
    ("package", &[("id = \"Zlib\"", "id = \"zlib\"")], "- 0xd86e43f42c8b0f74  enumerant  18  zlib  Zlib"),
    ("web-session", &[("id = 412", "id = 413")], "- 0x8ea31bdb4c044f01  enumerant  11  preconditionFailed  412"),
    (
        "web-session",
        &[("httpStatus @0xaf480a0c6cab8887 (enumerant)", "httpStatus @0xaf480a0c6cab8887 (enumerant, enum)")],
        "- 0xaf480a0c6cab8887  annotation",
    ),
    // A whole interface that lacks.
    (
        "persistence",
        &[(
            "interface PersistentHandle @0xc22ce229c18c0a02 extends(SystemPersistent, Util.Handle) {",
            "struct PersistentHandle @0xc22ce229c18c0a02 {",
        )],
        "- 0xc22ce229c18c0a02  interface  PersistentHandle",
    ),
];

#[test]
fn mistakes_in_the_schemas_are_noticed() {
    let (table, right) = (table(), folder());
    let mut unnoticed = String::new();
    for (file, changes, told) in MISTAKES {
        let wrong = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&right).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), wrong.path().join(entry.file_name())).unwrap();
            }
        }
        std::fs::create_dir(wrong.path().join("capnp")).unwrap();
        std::fs::copy(right.join("capnp/stream.capnp"), wrong.path().join("capnp/stream.capnp")).unwrap();
        let path = wrong.path().join(file).with_extension("capnp");
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (from, to) in *changes {
            assert!(text.contains(from), "{file}.capnp no longer says {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(&path, text).unwrap();
        let difference = difference(&table, &describe_folder(wrong.path()));
        if !difference.lines().any(|line| line.starts_with(told)) {
            unnoticed += &format!("{changes:?} should tell {told}, not\n{difference}");
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed}");
}
