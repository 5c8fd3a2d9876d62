//! Framed messages: what is read, what is refused and why, and how far any bytes get.

use capnp::message::{AllocationStrategy, Builder, HeapAllocator, ReaderSegments};
use granary_wire::framing::{self, Error, Extent, Limits, Segments};
use granary_wire::package_capnp::archive;
use proptest::prelude::*;

const LIMITS: Limits = Limits::of_bytes(1 << 20);

/// An archive with one file for each name, in segments of about `segment_words`.
fn archive_of(names: &[String], segment_words: u32) -> Builder<HeapAllocator> {
    let allocator =
        HeapAllocator::new().first_segment_words(segment_words).allocation_strategy(AllocationStrategy::FixedSize);
    let mut message = Builder::new(allocator);
    let mut files = message.init_root::<archive::Builder<'_>>().init_files(u32::try_from(names.len()).unwrap());
    for (index, name) in names.iter().enumerate() {
        let mut file = files.reborrow().get(u32::try_from(index).unwrap());
        file.set_name(name);
        file.set_regular(name.as_bytes());
    }
    message
}

fn names_in(bytes: &[u8], limits: &Limits) -> Vec<String> {
    let (message, length) = framing::read(bytes, limits).unwrap();
    assert_eq!(length, bytes.len());
    let archive = message.get_root::<archive::Reader<'_>>().unwrap();
    let name = |file: archive::file::Reader<'_>| file.get_name().unwrap().to_str().unwrap().to_owned();
    archive.get_files().unwrap().iter().map(name).collect()
}

/// A table of these lengths in words and nothing behind it.
fn table(lengths: &[u32]) -> Vec<u8> {
    framing::table(lengths.iter().map(|length| *length as usize * 8))
}

#[test]
fn messages_of_any_number_of_segments_are_read() {
    for count in [1_u32, 2, 3, 511, 512, 513, 5000] {
        let names: Vec<String> = (0..count).map(|index| format!("name-{index}")).collect();
        let message = archive_of(&names, 1);
        let segments = message.get_segments_for_output().len();
        assert!(segments >= count as usize, "{segments} segments");
        let bytes = framing::to_bytes(&message);
        assert_eq!(bytes, capnp::serialize::write_message_to_words(&message), "written as capnp writes it");
        assert_eq!(names_in(&bytes, &LIMITS), names);
    }
}

#[test]
fn segments_of_length_zero_are_segments() {
    let message = archive_of(&["a".to_owned()], 4);
    let original = message.get_segments_for_output();
    // Empty segments behind, which no pointer mentions, and so many that capnp's own reader would refuse.
    let mut segments: Vec<&[u8]> = original.to_vec();
    segments.extend(std::iter::repeat_n(&[][..], 1000));
    let mut bytes = framing::table(segments.iter().map(|segment| segment.len()));
    segments.iter().for_each(|segment| bytes.extend_from_slice(segment));
    assert_eq!(names_in(&bytes, &LIMITS), ["a"]);

    let segments = Segments::new(&bytes[..], &LIMITS).unwrap();
    assert_eq!(segments.len(), original.len() + 1000);
    let last = u32::try_from(segments.len()).unwrap() - 1;
    assert_eq!(segments.get_segment(last), Some(&[][..]));
    assert_eq!(segments.get_segment(last + 1), None);

    // A message whose root would lie in an empty segment has no root, which is an error and not a panic.
    let bytes = table(&[0]);
    let (message, length) = framing::read(&bytes, &LIMITS).unwrap();
    assert_eq!(length, 8);
    assert!(message.get_root::<archive::Reader<'_>>().is_err());
}

#[test]
fn buffers_may_begin_at_any_address() {
    let names: Vec<String> = (0..40).map(|index| format!("file number {index}")).collect();
    let message = framing::to_bytes(&archive_of(&names, 7));
    for shift in 0..9 {
        let mut buffer = vec![0xff; shift];
        buffer.extend_from_slice(&message);
        assert_eq!(names_in(&buffer[shift..], &LIMITS), names, "{shift} bytes further");
    }
}

#[test]
fn messages_follow_each_other() {
    let mut bytes = Vec::new();
    for name in ["first", "second", "third"] {
        bytes.extend(framing::to_bytes(&archive_of(&[name.to_owned()], 64)));
    }
    bytes.extend(b"the rest");
    let mut rest = &bytes[..];
    for name in ["first", "second", "third"] {
        let (_, length) = framing::read(rest, &LIMITS).unwrap();
        assert_eq!(names_in(&rest[..length], &LIMITS), [name]);
        assert_eq!(framing::extent(rest, &LIMITS), Ok(Extent::Known { length }));
        assert_eq!(
            framing::read_alone(rest, &LIMITS).err(),
            Some(Error::Trailing { extra: rest.len() - length }),
            "what follows is refused when nothing should"
        );
        rest = &rest[length..];
    }
    assert_eq!(rest, b"the rest");
}

#[test]
fn tables_that_lie_are_refused_by_name() {
    let limits = Limits::of_bytes(4096).with_segments(100);
    let with_words = |mut table: Vec<u8>, words: usize| {
        table.resize(table.len() + words * 8, 0);
        table
    };
    let cases: Vec<(&str, Vec<u8>, Error)> = vec![
        ("nothing", vec![], Error::TableCutOff { needed: 8, available: 0 }),
        ("half a count", vec![0, 0], Error::TableCutOff { needed: 8, available: 2 }),
        ("half a table", vec![0, 0, 0, 0], Error::TableCutOff { needed: 8, available: 4 }),
        ("a table of two, cut off", table(&[1, 1])[..12].to_vec(), Error::TableCutOff { needed: 16, available: 12 }),
        ("no body", table(&[2]), Error::CutOff { needed: 24, available: 8 }),
        ("a word short", with_words(table(&[2]), 1), Error::CutOff { needed: 24, available: 16 }),
        ("half a word short", with_words(table(&[2]), 2)[..20].to_vec(), Error::CutOff { needed: 24, available: 20 }),
        ("the second segment lacks", with_words(table(&[1, 9]), 1), Error::CutOff { needed: 96, available: 24 }),
        ("a count that wraps", vec![0xff; 64], Error::NoSegments),
        ("too many segments", with_words(table(&[0; 101]), 9), Error::TooManySegments { found: 101, limit: 100 }),
        (
            "almost as many as there can be",
            [0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec(),
            Error::TooManySegments { found: 0xffff_ffff, limit: 100 },
        ),
        ("a word too long", with_words(table(&[512]), 512), Error::TooLong { found: 4104, limit: 4096 }),
        (
            "the longest there can be",
            table(&[u32::MAX; 99]),
            Error::TooLong { found: u64::from(u32::MAX) * 99 * 8 + 400, limit: 4096 },
        ),
    ];
    for (name, bytes, error) in cases {
        assert_eq!(framing::read(&bytes, &limits).err(), Some(error), "{name}");
        assert_eq!(framing::read_owned(bytes, &limits).err(), Some(error), "{name}, owned");
    }
    // Just within the limits.
    framing::read(&with_words(table(&[511]), 511), &limits).unwrap();
    framing::read(&with_words(table(&[0; 100]), 0), &limits).unwrap();
    // Without a limit worth the name, sums stay right.
    let boundless = Limits::of_bytes(usize::MAX).with_segments(usize::MAX);
    let needed = u64::from(u32::MAX) * 8 + 16;
    let (bytes, available) = (table(&[u32::MAX, 0]), 16);
    assert_eq!(
        framing::read(&bytes, &boundless).err(),
        Some(Error::CutOff { needed: usize::try_from(needed).unwrap(), available })
    );
    assert!(matches!(framing::read(&table(&[u32::MAX, 1]), &boundless), Err(Error::TooLong { .. })));
}

#[test]
fn the_extent_is_told_as_early_as_possible() {
    let message = framing::to_bytes(&archive_of(&["a".to_owned(), "b".to_owned()], 3));
    let mut known = 0;
    while let Extent::Unknown { needed } = framing::extent(&message[..known], &LIMITS).unwrap() {
        assert!(needed > known, "{needed} bytes are more than {known}");
        known = needed;
    }
    assert_eq!(framing::extent(&message[..known], &LIMITS), Ok(Extent::Known { length: message.len() }));
    // What is too much is refused before it has arrived.
    let small = Limits::of_bytes(message.len() - 1);
    assert_eq!(
        framing::extent(&message[..known], &small),
        Err(Error::TooLong { found: message.len() as u64, limit: message.len() - 1 })
    );
    let few = LIMITS.with_segments(1);
    assert!(matches!(framing::extent(&message[..4], &few), Err(Error::TooManySegments { limit: 1, .. })));
    assert_eq!(framing::extent(&[0xff; 4], &LIMITS), Err(Error::NoSegments));
}

#[test]
fn walking_is_limited_too() {
    let mut message = Builder::new_default();
    let mut file = message.init_root::<archive::file::Builder<'_>>();
    for _ in 0..200 {
        file = file.init_directory(1).get(0);
    }
    let bytes = framing::to_bytes(&message);
    let depth = |limits: &Limits| {
        let (message, _) = framing::read(&bytes, limits).unwrap();
        let mut depth = 0;
        let mut file = message.get_root::<archive::file::Reader<'_>>().unwrap();
        while let Ok(archive::file::Directory(Ok(files))) = file.which() {
            if files.is_empty() {
                break;
            }
            depth += 1;
            file = files.get(0);
        }
        depth
    };
    assert_eq!(depth(&LIMITS.with_nesting(1000)), 200);
    // Each directory is two levels: a list, and a struct in it.
    assert_eq!(depth(&LIMITS), 64 / 2);
    assert!(depth(&LIMITS.with_nesting(1000).with_traversal_words(100)) < 30);
}

proptest! {
    #[test]
    fn what_is_written_is_read(names in prop::collection::vec("[a-z]{0,40}", 0..60), words in 1_u32..40, shift in 0_usize..8) {
        let mut bytes = vec![0; shift];
        bytes.extend(framing::to_bytes(&archive_of(&names, words)));
        prop_assert_eq!(names_in(&bytes[shift..], &LIMITS), names);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        framing::exercise(&bytes);
    }

    /// A message with some bytes changed gets further than random bytes do.
    #[test]
    fn damaged_messages_are_a_message_or_an_error(
        names in prop::collection::vec("[a-z]{0,20}", 1..20),
        words in 1_u32..20,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut bytes = framing::to_bytes(&archive_of(&names, words));
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        framing::exercise(&bytes);
    }

    #[test]
    fn tables_add_up(lengths in prop::collection::vec(0_u32..50, 1..80)) {
        let mut bytes = table(&lengths);
        let total: usize = lengths.iter().map(|length| *length as usize * 8).sum();
        prop_assert_eq!(framing::extent(&bytes, &LIMITS), Ok(Extent::Known { length: bytes.len() + total }));
        bytes.resize(bytes.len() + total, 7);
        let segments = Segments::new(&bytes[..], &LIMITS).unwrap();
        prop_assert_eq!(segments.message_length(), bytes.len());
        for (id, length) in lengths.iter().enumerate() {
            let segment = segments.get_segment(u32::try_from(id).unwrap());
            prop_assert_eq!(segment.map(<[u8]>::len), Some(*length as usize * 8));
        }
        prop_assert_eq!(segments.get_segment(u32::try_from(lengths.len()).unwrap()), None);
    }
}
