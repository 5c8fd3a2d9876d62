//! Packages that are invalid, by accident or on purpose: each is refused by everything that reads packages, with words of
//! its own, and nothing is left behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ed25519_dalek::SigningKey;
use granary_package::{Error, Options, Refusal, install, unpack, verify};
use liblzma::stream::Check;

use crate::build::{self, Entry, archive, file, folder, link, manifest_entry, program, with_manifest};

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    code: &'static str,
}

fn case(name: &'static str, code: &'static str, bytes: Vec<u8>) -> Case {
    Case { name, bytes, code }
}

/// A package with these entries, whatever is wrong with them.
fn tree(name: &'static str, code: &'static str, entries: Vec<Entry>) -> Case {
    case(name, code, build::package(&with_manifest(entries)))
}

/// A package with this archive, properly signed.
fn archived(name: &'static str, code: &'static str, archive: &[u8]) -> Case {
    case(name, code, build::package_of(&build::signed(&build::key(), archive)))
}

fn good() -> Vec<u8> {
    build::package(&with_manifest(vec![file("a", b"content of a file")]))
}

fn nested(depth: usize) -> Entry {
    (0..depth).fold(file("file", b""), |inner, _| folder("folder", vec![inner]))
}

fn containers() -> Vec<Case> {
    let good = good();
    let archive_bytes = archive(&[manifest_entry()]);
    let key = build::key();
    let public = key.verifying_key().to_bytes();
    let attached = build::attached(&key, &archive_bytes);
    let with_signature = |public: &[u8], attached: &[u8], archive: &[u8]| {
        build::package_of(&[&build::signature_message(public, attached), archive].concat())
    };
    let mut flipped = attached.clone();
    flipped[5] ^= 1;
    let other_key = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
    let mut other_archive = archive_bytes.clone();
    *other_archive.last_mut().unwrap() ^= 1;
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let inside = build::xz(&build::signed(&key, &archive_bytes), Check::Crc64);
    // A valid header of a block that asks for the largest dictionary there is (4 GiB - 1), with its checksum.
    let mut dictionary = build::xz_dictionary(b"x", 4096);
    dictionary[16] = 40;
    let crc = crc32(&dictionary[12..20]);
    dictionary[20..24].copy_from_slice(&crc.to_le_bytes());
    // A signature whose key is the neutral element: everything verifies under such keys unless they are refused.
    let mut small = [0; 32];
    small[0] = 1;

    vec![
        case("empty file", "not-a-package", Vec::new()),
        case("bad magic", "not-a-package", [b"PK\x03\x04", &good[4..]].concat()),
        case("only half the magic", "package-truncated", build::MAGIC[..5].to_vec()),
        case("only the magic", "package-truncated", build::MAGIC.to_vec()),
        case("no xz after the magic", "package-damaged", build::compressed(&[b'x'; 1000])),
        case("cut off in the middle", "package-truncated", good[..middle].to_vec()),
        case("cut off at the last byte", "package-truncated", good[..good.len() - 1].to_vec()),
        case("damaged", "package-damaged", damaged),
        case("garbage after the stream", "package-trailing-garbage", [&good[..], b"garbage"].concat()),
        case("one byte after the stream", "package-trailing-garbage", [&good[..], b"x"].concat()),
        case("padding of a wrong length", "package-trailing-garbage", [&good[..], &[0; 6]].concat()),
        case("garbage after padding", "package-trailing-garbage", [&good[..], &[0; 8], b"xz"].concat()),
        case("second stream cut off", "package-truncated", [&good[..], &inside[..20]].concat()),
        case("second stream's magic cut off", "package-trailing-garbage", [&good[..], &inside[..4]].concat()),
        case("dictionary of 4 GiB", "package-dictionary", build::compressed(&dictionary)),
        case("dictionary of 192 MiB", "package-dictionary", build::compressed(&build::xz_dictionary(b"x", 192 << 20))),
        case("nothing inside", "package-signature-message", build::package_of(b"")),
        case("signature message cut off", "package-signature-message", build::package_of(&[0, 0, 0, 0, 9, 0, 0, 0, 1])),
        case("huge signature message", "package-signature-message", build::package_of(&[0, 0, 0, 0, 255, 255, 255, 0])),
        case("signature message without content", "package-public-key", {
            build::package_of(&build::frame(&[&[0; 8]]))
        }),
        case("short public key", "package-public-key", with_signature(&public[..31], &attached, &archive_bytes)),
        case(
            "long public key",
            "package-public-key",
            with_signature(&[&public[..], &[0]].concat(), &attached, &archive_bytes),
        ),
        case("short signature", "package-signature-length", with_signature(&public, &attached[..127], &archive_bytes)),
        case(
            "detached signature",
            "package-signature-length",
            with_signature(&public, &attached[..64], &archive_bytes),
        ),
        case("bad signature", "package-bad-signature", with_signature(&public, &flipped, &archive_bytes)),
        case("another's key", "package-bad-signature", with_signature(&other_key, &attached, &archive_bytes)),
        case("key of small order", "package-bad-signature", {
            let mut forged = small.to_vec();
            forged.resize(64, 0);
            forged.extend_from_slice(&attached[64..]);
            with_signature(&small, &forged, &archive_bytes)
        }),
        case("bad hash", "package-hash-mismatch", with_signature(&public, &attached, &other_archive)),
        case("archive missing", "package-hash-mismatch", with_signature(&public, &attached, b"")),
        case("archive of nothing", "package-segment-table", with_signature(&public, &build::attached(&key, b""), b"")),
    ]
}

fn messages() -> Vec<Case> {
    let archive_bytes = archive(&[manifest_entry()]);
    let mut too_long = archive_bytes.clone();
    too_long[4..8].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
    let mut one_more = archive_bytes.clone();
    let words = u32::from_le_bytes(one_more[4..8].try_into().unwrap());
    one_more[4..8].copy_from_slice(&(words + 1).to_le_bytes());
    let mut one_less = archive_bytes.clone();
    one_less[4..8].copy_from_slice(&(words - 1).to_le_bytes());
    let mut billions = archive_bytes.clone();
    billions[..4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let mut none = archive_bytes.clone();
    none[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    // The list of files: 2^28 structs of no size at all.
    let endless = build::frame(&[&[
        (1_u64 << 48).to_le_bytes(),
        (1 | (7_u64 << 32)).to_le_bytes(),
        ((1_u64 << 28) << 2).to_le_bytes(),
    ]
    .concat()]);
    // One file more than there may be, each of one word.
    let count = (1_u64 << 20) + 1;
    let pointers =
        [1_u64 << 48, 1 | (7 << 32) | (count << 35), (count << 2) | (1 << 48)].map(u64::to_le_bytes).concat();
    let crowded = build::frame(&[&[pointers, vec![0; count as usize * 8]].concat()]);
    vec![
        archived("more than a million files", "package-too-many-files", &crowded),
        archived("segment table that promises too much", "package-segment-table", &too_long),
        archived("segment table that promises one word too much", "package-segment-table", &one_more),
        archived("segment table that promises one word too little", "package-after-archive", &one_less),
        archived("segment table with billions of segments", "package-segment-table", &billions),
        archived("segment table with no segments", "package-segment-table", &none),
        archived("garbage after the archive", "package-after-archive", &[&archive_bytes[..], b"12345678"].concat()),
        archived("pointers out of the message", "package-archive", &build::frame(&[&[0xff; 64]])),
        archived("a folder that contains itself", "package-archive", &circular()),
        archived("countless entries of no size", "package-archive", &endless),
    ]
}

/// A file list whose second entry is a folder with the same list.
fn circular() -> Vec<u8> {
    let word = |word: u64| word.to_le_bytes();
    let entry = |kind: u64, name: u64, content: u64| [word(kind), word(0), word(name), word(content)].concat();
    let list = |from: i64, to: i64, count: u64| {
        1 | (((to - from - 1) as u64 & 0x3fff_ffff) << 2) | (7 << 32) | ((count * 4) << 35)
    };
    let name = |from: u64, to: u64| 1 | ((to - from - 1) << 2) | (2 << 32) | (2 << 35);
    // 0: root, 1: files, 2: tag, 3..7 and 7..11: entries, 11 and 12: names.
    let segment = [
        word(1 << 48).to_vec(),
        word(list(1, 2, 2)).to_vec(),
        word((2 << 2) | (2 << 32) | (2 << 48)).to_vec(),
        entry(0, name(5, 11), 0),
        entry(3, name(9, 12), list(10, 2, 2)),
        b"a\0\0\0\0\0\0\0".to_vec(),
        b"b\0\0\0\0\0\0\0".to_vec(),
    ]
    .concat();
    build::frame(&[&segment])
}

fn trees() -> Vec<Case> {
    let names = |prefix: &str| (0..3).map(|index| file(&format!("{prefix}{index}"), b"x")).collect::<Vec<_>>();
    let mut duplicates = names("b");
    duplicates.push(file("b1", b"y"));
    let inside = |entry: Entry| vec![folder("inner", vec![entry])];
    let manifest_bytes = || build::a_manifest().to_bytes();
    let website = |website: &str, code: &str| {
        let mut manifest = build::a_manifest();
        manifest.metadata.website = Some(website.to_owned()).filter(|text| !text.is_empty());
        manifest.metadata.code_url = Some(code.to_owned()).filter(|text| !text.is_empty());
        build::package(&[file("sandstorm-manifest", &manifest.to_bytes())])
    };
    vec![
        tree("name ..", "package-dot-name", vec![file("..", b"")]),
        tree("folder named ..", "package-dot-name", vec![folder("..", vec![file("escaped", b"")])]),
        tree("name .", "package-dot-name", vec![file(".", b"")]),
        tree("name with a slash", "package-slash-in-name", vec![file("../escaped", b"")]),
        tree("absolute name", "package-slash-in-name", vec![file("/etc/passwd", b"")]),
        tree("name with a zero byte", "package-nul-in-name", vec![file("a\0b", b"")]),
        tree("empty name", "package-empty-name", vec![file("", b"")]),
        tree("name too long", "package-long-name", vec![file(&"n".repeat(256), b"")]),
        tree("bad name deep inside", "package-dot-name", inside(folder("more", vec![link("..", "x")]))),
        tree("duplicate", "package-duplicate-name", vec![file("a", b"1"), file("a", b"2")]),
        tree("duplicate apart", "package-duplicate-name", duplicates),
        tree(
            "duplicate inside",
            "package-duplicate-name",
            inside(folder("x", vec![folder("a", vec![]), program("a", b"")])),
        ),
        tree("symlink, then file", "package-name-behind-symlink", vec![link("a", "/tmp/escaped"), file("a", b"")]),
        tree("symlink, then folder", "package-name-behind-symlink", {
            vec![link("a", "/tmp"), folder("a", vec![file("escaped", b"")])]
        }),
        tree(
            "folder, then symlink",
            "package-name-behind-symlink",
            vec![folder("a", vec![]), file("b", b""), link("a", "/")],
        ),
        tree("symlink to nothing", "package-bad-symlink", vec![link("a", "")]),
        tree("symlink with a zero byte", "package-bad-symlink", vec![link("a", "b\0c")]),
        tree("symlink too long", "package-bad-symlink", vec![link("a", &"x".repeat(4096))]),
        tree("70 folders deep", "package-too-deep", vec![nested(70)]),
        tree("64 folders deep", "package-too-deep", vec![nested(64)]),
        archived(
            "a kind of file that does not exist",
            "package-unknown-kind",
            &build::unknown_kinds(archive(&with_manifest(vec![Entry::Unknown(b"strange".to_vec())]))),
        ),
        case("no manifest", "package-manifest-missing", build::package(&[file("a", b"")])),
        case("no files", "package-manifest-missing", build::package(&[])),
        case("manifest not at the root", "package-manifest-missing", build::package(&inside(manifest_entry()))),
        case("executable manifest", "package-manifest-not-a-file", {
            build::package(&[program("sandstorm-manifest", &manifest_bytes())])
        }),
        case(
            "manifest that is a link",
            "package-manifest-not-a-file",
            build::package(&[link("sandstorm-manifest", "a")]),
        ),
        case(
            "manifest that is a folder",
            "package-manifest-not-a-file",
            build::package(&[folder("sandstorm-manifest", vec![])]),
        ),
        case("empty manifest", "package-manifest", build::package(&[file("sandstorm-manifest", b"")])),
        case("manifest of garbage", "package-manifest", build::package(&[file("sandstorm-manifest", &[0x55; 400])])),
        case("manifest larger than 8 MiB", "package-manifest-too-big", {
            build::package(&[file("sandstorm-manifest", &vec![0; (8 << 20) + 8])])
        }),
        tree("bridge configuration of garbage", "package-bridge-config", {
            vec![file("sandstorm-http-bridge-config", b"garbage garbage ")]
        }),
        case("website without http", "package-web-address", website("javascript:alert(1)", "")),
        case("source without http", "package-web-address", website("https://example.com", "ftp://example.com")),
        case("signature without keyring", "package-author-keyring", {
            let mut manifest = build::a_manifest();
            manifest.metadata.author.pgp_signature = Some(granary_package::Bytes(vec![1, 2, 3]));
            build::package(&[file("sandstorm-manifest", &manifest.to_bytes())])
        }),
    ]
}

/// The checksum of xz's headers.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    }) ^ u32::MAX
}

#[track_caller]
fn refused<T: std::fmt::Debug>(name: &str, way: &str, code: &str, result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.code(), code, "{name}, by {way}: {refusal}");
            refusal
        }
        other => panic!("{name}, by {way}: refused with {code} was expected, and it is {other:?}"),
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("the folder is there").next().is_none()
}

fn check(cases: Vec<Case>) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    // One message for one kind of trouble.
    let mut messages: BTreeMap<String, &str> = BTreeMap::new();
    for Case { name, bytes, code } in cases {
        let scratch = || Options { scratch: Some(at), ..Options::default() };
        let refusal = refused(name, "verify", code, verify(bytes.as_slice(), scratch()));
        assert!(is_empty(at), "{name}: verify left something");
        let same = refused(name, "unpack", code, unpack(bytes.as_slice(), &at.join("target"), Options::default()));
        assert!(is_empty(at), "{name}: unpack left something");
        assert_eq!(same, refusal, "{name}");
        let same = refused(name, "install", code, install(bytes.as_slice(), &at.join("apps"), Options::default()));
        assert!(is_empty(&at.join("apps")), "{name}: install left something");
        fs::remove_dir(at.join("apps")).expect("nothing is in it");
        assert_eq!(same, refusal, "{name}");
        let before = messages.insert(refusal.to_string(), code);
        assert!(before.is_none_or(|before| before == code), "{name}: {refusal} is said for {before:?} and {code}");
    }
}

#[test]
fn bad_containers_are_refused() {
    check(containers());
}

/// More than a gigabyte of zeros, in a file of some hundred kilobytes.
#[test]
fn decompression_bombs_are_refused() {
    let head = build::xz(&build::signed(&build::key(), &archive(&[manifest_entry()])), Check::None);
    let zeros = build::xz_blocks(&vec![0; 64 << 20], 64 << 20);
    let bomb = build::compressed(&[&head[..], &zeros.repeat(17)].concat());
    assert!(bomb.len() < 1 << 20);
    check(vec![case("decompression bomb", "package-too-big", bomb)]);
}

#[test]
fn bad_messages_are_refused() {
    check(messages());
}

#[test]
fn bad_trees_are_refused() {
    check(trees());
}

#[test]
fn a_package_may_be_cut_anywhere() {
    let good = good();
    for length in 0..good.len() {
        let error = verify(&good[..length], Options::default()).expect_err("a part of a package is none");
        let code = if length == 0 { "not-a-package" } else { "package-truncated" };
        assert_eq!(error.code(), code, "the first {length} bytes: {error}");
    }
    assert!(verify(good.as_slice(), Options::default()).is_ok());
}

#[test]
fn names_cannot_steer_a_terminal() {
    let package = build::package(&with_manifest(vec![link("\x1b[31mred\u{202e}", "")]));
    let error = verify(package.as_slice(), Options::default()).expect_err("the link leads nowhere").to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
}

/// What looks odd but is right.
#[test]
fn unusual_packages_are_accepted() {
    let key = build::key();
    let entries = with_manifest(vec![file("a", b"content of a file"), folder("empty", vec![])]);
    let inside = build::signed(&key, &archive(&entries));
    let (head, tail) = inside.split_at(300);
    let split =
        |check: Check, padding: &[u8]| [&build::xz(head, check), padding, &build::xz(tail, check), padding].concat();
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for check in [Check::None, Check::Crc32, Check::Crc64, Check::Sha256] {
        cases.push((format!("{check:?}"), build::compressed(&build::xz(&inside, check))));
        cases.push((format!("two streams, {check:?}"), build::compressed(&split(check, b""))));
        cases.push((format!("two streams and padding, {check:?}"), build::compressed(&split(check, &[0; 8]))));
    }
    cases.push(("an empty stream".to_owned(), {
        build::compressed(&[build::xz(b"", Check::Crc64), build::xz(&inside, Check::Crc64)].concat())
    }));
    cases.push(("blocks".to_owned(), build::compressed(&build::xz_blocks(&inside, 4096))));
    cases.push(("dictionary of 128 MiB".to_owned(), build::compressed(&build::xz_dictionary(&inside, 128 << 20))));
    cases.push(("63 folders deep".to_owned(), build::package(&with_manifest(vec![nested(62)]))));
    cases.push(("60 folders deep".to_owned(), build::package(&with_manifest(vec![nested(60)]))));
    cases.push(("longest name".to_owned(), build::package(&with_manifest(vec![file(&"n".repeat(255), b"")]))));
    for (name, package) in cases {
        let verified = verify(package.as_slice(), Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.app_id, build::app_id(&key), "{name}");
        assert_eq!(verified.package_id.to_string(), build::package_id(&package), "{name}");
        assert_eq!(verified.manifest, build::a_manifest(), "{name}");
    }
}

/// Packing tools make a segment for each larger file, and of length zero for some empty ones.
#[test]
fn many_segments_and_empty_ones_are_accepted() {
    for files in [1, 511, 512, 513, 3000] {
        let archive = segmented(files);
        let package = build::package_of(&build::signed(&build::key(), &archive));
        let target = tempfile::tempdir().expect("a folder");
        let verified = unpack(package.as_slice(), &target.path().join("out"), Options::default());
        let verified = verified.unwrap_or_else(|error| panic!("{files} files: {error}"));
        assert_eq!(verified.entries, files as u64 + 1);
        for index in [0, files / 2, files - 1] {
            let content = fs::read(target.path().join(format!("out/{index:06}"))).expect("the file is there");
            assert_eq!(content, format!("file {index}").as_bytes());
        }
    }
}

/// An archive whose files each have a segment of their own, with an empty segment after each.
fn segmented(files: usize) -> Vec<u8> {
    let word = |word: u64| word.to_le_bytes();
    let far = |segment: usize| 2 | ((segment as u64) << 32);
    let padded = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let blob = |bytes: &[u8]| [&word(1 | (2 << 32) | ((bytes.len() as u64) << 35))[..], &padded(bytes)].concat();
    let count = files as u64 + 1;
    let mut first =
        [word(1 << 48), word(1 | (7 << 32) | ((count * 4) << 35)), word((count << 2) | (2 << 32) | (2 << 48))].concat();
    let mut segments = vec![Vec::new()];
    let contents = (0..files).map(|index| (format!("{index:06}"), format!("file {index}").into_bytes()));
    let manifest = ("sandstorm-manifest".to_owned(), build::a_manifest().to_bytes());
    for (name, content) in contents.chain([manifest]) {
        let name_segment = segments.len();
        segments.push(blob(&[name.as_bytes(), &[0]].concat()));
        segments.push(Vec::new());
        let content_segment = segments.len();
        segments.push(blob(&content));
        first.extend([word(0), word(0), word(far(name_segment)), word(far(content_segment))].concat());
    }
    segments[0] = first;
    build::frame(&segments.iter().map(Vec::as_slice).collect::<Vec<_>>())
}
