//! Builds packages byte by byte, good ones and bad ones, with nothing of the code that is tested.

use std::io::{Read, Write as _};
use std::process::{Command, Stdio};

use capnp::message;
use capnp::text::Reader as Text;
use ed25519_dalek::{Signer as _, SigningKey};
use granary_package::{AppId, Command as AppCommand, LocalizedText, Manifest};
use granary_wire::package_capnp::archive::{self, file};
use liblzma::stream::{Check, Filters, LzmaOptions, MatchFinder, Mode, MtStreamBuilder, Stream};
use sha2::{Digest as _, Sha256, Sha512};

pub(crate) const MAGIC: [u8; 8] = [0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96];

/// An entry of an archive.
#[derive(Clone)]
pub(crate) enum Entry {
    File(Vec<u8>, Vec<u8>),
    Program(Vec<u8>, Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
    Folder(Vec<u8>, Vec<Entry>),
    /// A kind that no version of the format has.
    Unknown(Vec<u8>),
    /// Any of these, changed at that time.
    At(i64, Box<Entry>),
}

pub(crate) fn file(name: &str, content: &[u8]) -> Entry {
    Entry::File(name.into(), content.into())
}

pub(crate) fn program(name: &str, content: &[u8]) -> Entry {
    Entry::Program(name.into(), content.into())
}

pub(crate) fn link(name: &str, target: &str) -> Entry {
    Entry::Link(name.into(), target.into())
}

pub(crate) fn folder(name: &str, entries: Vec<Entry>) -> Entry {
    Entry::Folder(name.into(), entries)
}

pub(crate) fn at(time: i64, entry: Entry) -> Entry {
    Entry::At(time, Box::new(entry))
}

/// The key of every package here that is not about keys.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn app_id(key: &SigningKey) -> AppId {
    AppId::from_bytes(key.verifying_key().to_bytes())
}

pub(crate) fn a_manifest() -> Manifest {
    Manifest {
        app_title: LocalizedText::new("Test app"),
        app_version: 3,
        app_marketing_version: LocalizedText::new("0.3"),
        continue_command: AppCommand { argv: vec!["/run".to_owned()], environ: vec![("A".to_owned(), "b".to_owned())] },
        ..Manifest::default()
    }
}

pub(crate) fn manifest_entry() -> Entry {
    file("sandstorm-manifest", &a_manifest().to_bytes())
}

/// A small package's files, besides those given.
pub(crate) fn with_manifest(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.push(manifest_entry());
    entries
}

/// An archive message.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut message = message::Builder::new(message::HeapAllocator::new().max_segment_words(1 << 24));
    let mut root = message.init_root::<archive::Builder<'_>>();
    fill(root.reborrow().init_files(u32::try_from(entries.len()).unwrap()), entries);
    frame(&message.get_segments_for_output())
}

fn fill(mut list: capnp::struct_list::Builder<'_, file::Owned>, entries: &[Entry]) {
    for (index, entry) in (0..).zip(entries) {
        fill_one(list.reborrow().get(index), entry);
    }
}

fn fill_one(mut builder: file::Builder<'_>, entry: &Entry) {
    match entry {
        Entry::File(name, content) => {
            builder.set_name(Text(name));
            builder.set_regular(content);
        }
        Entry::Program(name, content) => {
            builder.set_name(Text(name));
            builder.set_executable(content);
        }
        Entry::Link(name, target) => {
            builder.set_name(Text(name));
            builder.set_symlink(Text(target));
        }
        Entry::Folder(name, entries) => {
            builder.set_name(Text(name));
            fill(builder.init_directory(u32::try_from(entries.len()).unwrap()), entries);
        }
        Entry::Unknown(name) => {
            builder.set_name(Text(name));
            builder.set_last_modification_time_ns(UNKNOWN);
        }
        Entry::At(time, entry) => {
            builder.set_last_modification_time_ns(*time);
            fill_one(builder, entry);
        }
    }
}

/// Marks the entry whose kind [`unknown_kinds`] changes.
const UNKNOWN: i64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Gives every entry marked as unknown a kind that does not exist.
pub(crate) fn unknown_kinds(mut archive: Vec<u8>) -> Vec<u8> {
    for at in (8..archive.len()).step_by(8) {
        if archive[at..at + 8] == UNKNOWN.to_le_bytes() {
            archive[at - 8..at - 6].copy_from_slice(&99_u16.to_le_bytes());
        }
    }
    archive
}

/// A segment table and its segments.
pub(crate) fn frame(segments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = u32::try_from(segments.len() - 1).unwrap().to_le_bytes().to_vec();
    for segment in segments {
        bytes.extend(u32::try_from(segment.len() / 8).unwrap().to_le_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    for segment in segments {
        bytes.extend_from_slice(segment);
    }
    bytes
}

/// The signature message, laid out by hand: a table, the root, the two pointers, and the two blobs.
pub(crate) fn signature_message(public: &[u8], attached: &[u8]) -> Vec<u8> {
    let words = |bytes: &[u8]| bytes.len().div_ceil(8) as u64;
    let list = |offset: u64, bytes: &[u8]| 1 | (offset << 2) | (2 << 32) | ((bytes.len() as u64) << 35);
    let mut segment = Vec::new();
    segment.extend((2_u64 << 48).to_le_bytes());
    segment.extend(list(1, public).to_le_bytes());
    segment.extend(list(words(public), attached).to_le_bytes());
    for blob in [public, attached] {
        segment.extend_from_slice(blob);
        segment.resize(segment.len().next_multiple_of(8), 0);
    }
    frame(&[&segment])
}

/// NaCl's attached signature of an archive.
pub(crate) fn attached(key: &SigningKey, archive: &[u8]) -> Vec<u8> {
    let hash = Sha512::digest(archive);
    let mut attached = key.sign(&hash).to_bytes().to_vec();
    attached.extend_from_slice(&hash);
    attached
}

/// Both messages, not compressed.
pub(crate) fn signed(key: &SigningKey, archive: &[u8]) -> Vec<u8> {
    let mut bytes = signature_message(key.verifying_key().as_bytes(), &attached(key, archive));
    bytes.extend_from_slice(archive);
    bytes
}

/// A package of these files.
pub(crate) fn package(entries: &[Entry]) -> Vec<u8> {
    package_of(&signed(&key(), &archive(entries)))
}

/// A package of what is inside the compressed part.
pub(crate) fn package_of(inside: &[u8]) -> Vec<u8> {
    compressed(&xz(inside, Check::Crc64))
}

pub(crate) fn compressed(xz: &[u8]) -> Vec<u8> {
    [&MAGIC, xz].concat()
}

pub(crate) fn xz(bytes: &[u8], check: Check) -> Vec<u8> {
    encode(bytes, Stream::new_easy_encoder(1, check).unwrap())
}

/// Many blocks, each of which says its size, as packing tools with threads make them.
pub(crate) fn xz_blocks(bytes: &[u8], block: u64) -> Vec<u8> {
    let stream = MtStreamBuilder::new().threads(2).preset(0).block_size(block).check(Check::Crc32).encoder();
    encode(bytes, stream.unwrap())
}

/// One block, with a dictionary of this size.
pub(crate) fn xz_dictionary(bytes: &[u8], dictionary: u32) -> Vec<u8> {
    let mut options = LzmaOptions::new_preset(0).unwrap();
    options.dict_size(dictionary).mode(Mode::Fast).match_finder(MatchFinder::HashChain3).nice_len(64).depth(1);
    encode(bytes, Stream::new_stream_encoder(Filters::new().lzma2(&options), Check::Crc64).unwrap())
}

fn encode(bytes: &[u8], stream: Stream) -> Vec<u8> {
    let mut output = Vec::new();
    liblzma::read::XzEncoder::new_stream(bytes, stream).read_to_end(&mut output).unwrap();
    output
}

pub(crate) fn package_id(package: &[u8]) -> String {
    hex::encode(&Sha256::digest(package)[..16])
}

/// Bytes that no compressor makes smaller, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

/// Runs a program of the system with some input; its absence is a failure that says what to install.
pub(crate) fn tool(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child =
        child.unwrap_or_else(|error| panic!("this test needs the program {program} ({error}); run `make deps-test`"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("the program reads its input"));
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
