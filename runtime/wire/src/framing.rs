//! Reads and writes Cap'n Proto messages in their standard stream framing, under limits that the caller states.
//!
//! A framed message is a table of segment lengths followed by the segments. `capnp`'s own reader refuses 512 segments
//! and more, but packages have one segment for each file, and empty files give segments of length zero; so the
//! table is read here. Everything after it stays with `capnp`: [`read`] hands out an ordinary
//! [`capnp::message::Reader`], which checks each pointer against the segments and counts against the limits.
//!
//! ```
//! use granary_wire::framing::{self, Limits};
//! use granary_wire::package_capnp::signature;
//!
//! let mut builder = capnp::message::Builder::new_default();
//! builder.init_root::<signature::Builder>().set_public_key(b"32 bytes");
//! let bytes = framing::to_bytes(&builder);
//!
//! let (message, length) = framing::read(&bytes, &Limits::of_bytes(4096))?;
//! assert_eq!(length, bytes.len());
//! assert_eq!(message.get_root::<signature::Reader>()?.get_public_key()?, b"32 bytes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # No copies, and alignment
//!
//! Segments are slices of the buffer that was given: a mapped file of a gigabyte costs four bytes of memory for each of
//! its segments and nothing for its contents. The buffer may begin at any address. A message inside a mapped file
//! begins wherever the one before it ended, and a buffer of bytes promises nothing at all; the workspace therefore
//! builds `capnp` with its feature `unaligned`, in which every load is one that the processor may do unaligned (on x86-64
//! and aarch64 it is the same instruction). The price: `primitive_list::Reader::as_slice` panics for elements
//! wider than a byte, so nobody may call it; `Data` and `Text` are plain slices as ever.

use capnp::message::{Allocator, Builder, Reader, ReaderOptions, ReaderSegments};

const WORD: usize = 8;

/// What a message may cost. There is no default: whoever reads foreign bytes says how much they are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes, its segment table included. A longer one is refused before any of it is used.
    pub bytes: usize,
    /// The most segments. Each one costs four bytes of memory while the message is read, even when it is empty.
    pub segments: usize,
    /// How many words (of 8 bytes) may be visited while the message is read. Pointers may overlap, so a small message
    /// can look endless to who walks it; every visit to a struct, list, text or blob counts again.
    pub traversal_words: usize,
    /// How deep structs and lists may be nested, which bounds the stack of recursive readers. A list of structs counts
    /// twice: once for the list, once for the struct in it.
    pub nesting: u16,
}

impl Limits {
    /// Limits for a message of at most `bytes` that is read a few times over: room for four complete visits, 64
    /// levels, and as many segments as leave each a word on average, but no more than 65 536.
    pub const fn of_bytes(bytes: usize) -> Self {
        let words = bytes.div_ceil(WORD);
        let segments = if words < 1 << 16 { words + 1 } else { 1 << 16 };
        Self { bytes, segments, traversal_words: words.saturating_mul(4).saturating_add(64), nesting: 64 }
    }

    /// The same limits with another bound on segments.
    #[must_use]
    pub const fn with_segments(mut self, segments: usize) -> Self {
        self.segments = segments;
        self
    }

    /// The same limits with another bound on the words visited.
    #[must_use]
    pub const fn with_traversal_words(mut self, words: usize) -> Self {
        self.traversal_words = words;
        self
    }

    /// The same limits with another bound on nesting.
    #[must_use]
    pub const fn with_nesting(mut self, levels: u16) -> Self {
        self.nesting = levels;
        self
    }

    /// The part of these limits that `capnp` itself enforces while a message is read.
    pub fn reader_options(&self) -> ReaderOptions {
        ReaderOptions { traversal_limit_in_words: Some(self.traversal_words), nesting_limit: i32::from(self.nesting) }
    }
}

/// Why bytes are not a message that may be read. What is wrong *inside* the segments shows later, as [`capnp::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end inside the segment table.
    #[error(
        "the message ends inside its segment table ({available} bytes of {needed}); it was cut off, fetch it again"
    )]
    TableCutOff {
        /// Bytes the table needs, as far as can be told.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The table promises more than follows it.
    #[error(
        "the segment table promises a message of {needed} bytes but only {available} are there; it was cut off or lies"
    )]
    CutOff {
        /// Bytes the table promises, itself included.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The count of segments wraps around to none at all.
    #[error("the segment table says that there is no segment at all; this is no Cap'n Proto message")]
    NoSegments,
    /// More segments than the reader is ready to keep account of.
    #[error("the message has {found} segments, more than the {limit} allowed here")]
    TooManySegments {
        /// Segments the table says there are.
        found: usize,
        /// Segments allowed.
        limit: usize,
    },
    /// The message is longer than the reader is ready to look at.
    #[error("the message is {found} bytes long, more than the {limit} allowed here")]
    TooLong {
        /// Bytes the table promises, itself included.
        found: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// Something follows a message that should stand alone.
    #[error("{extra} bytes follow the message, where nothing should")]
    Trailing {
        /// Bytes after the message.
        extra: usize,
    },
}

/// A message over borrowed bytes, as [`read`] gives it.
pub type Message<'a> = Reader<Segments<&'a [u8]>>;

/// The segments of one message inside a buffer `B`, which may be a borrowed slice, a `Vec<u8>`, a `Bytes`, a map.
pub struct Segments<B> {
    buffer: B,
    /// Where the first segment begins in the buffer.
    start: usize,
    ends: Ends,
}

/// Where each segment ends, in words after `start`.
enum Ends {
    /// Nearly every message on a connection: nothing to allocate.
    One(u32),
    Many(Box<[u32]>),
}

impl Ends {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(end) => std::slice::from_ref(end),
            Self::Many(ends) => ends,
        }
    }
}

impl<B: AsRef<[u8]>> Segments<B> {
    /// Finds the segments of the message that `buffer` begins with.
    pub fn new(buffer: B, limits: &Limits) -> Result<Self, Error> {
        let bytes = buffer.as_ref();
        let table = Table::read(bytes, limits)?;
        let available = bytes.len();
        let needed = table.message_length(limits)?;
        if needed > available {
            return Err(Error::CutOff { needed, available });
        }
        let (start, ends) = (table.length, table.ends());
        Ok(Self { buffer, start, ends })
    }

    /// The message's length in bytes, segment table included. Whatever the buffer holds after it was not looked at.
    pub fn message_length(&self) -> usize {
        let words = self.ends.as_slice().last().copied().unwrap_or(0);
        self.start + words as usize * WORD
    }

    /// Gives the buffer back.
    pub fn into_buffer(self) -> B {
        self.buffer
    }
}

impl<B: AsRef<[u8]>> ReaderSegments for Segments<B> {
    fn get_segment(&self, id: u32) -> Option<&[u8]> {
        let ends = self.ends.as_slice();
        let id = id as usize;
        let to = *ends.get(id)? as usize;
        let from = if id == 0 { 0 } else { ends[id - 1] as usize };
        self.buffer.as_ref().get(self.start + from * WORD..self.start + to * WORD)
    }

    fn len(&self) -> usize {
        self.ends.as_slice().len()
    }
}

/// The part of the table that is known to be complete, still in its place.
struct Table<'a> {
    /// Little-endian lengths in words, four bytes each.
    lengths: &'a [u8],
    /// The table's own length in bytes, padding included.
    length: usize,
}

impl<'a> Table<'a> {
    /// Checks that the whole table is there.
    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let available = bytes.len();
        let Some((count, rest)) = bytes.split_first_chunk::<4>() else {
            return Err(Error::TableCutOff { needed: WORD, available });
        };
        let count = u32::from_le_bytes(*count).checked_add(1).ok_or(Error::NoSegments)? as usize;
        if count > limits.segments {
            return Err(Error::TooManySegments { found: count, limit: limits.segments });
        }
        // The count and the lengths, four bytes each, filled up to whole words. At most 16 GiB, so no overflow.
        let length = (1 + count).next_multiple_of(2) * 4;
        if length > limits.bytes {
            return Err(Error::TooLong { found: length as u64, limit: limits.bytes });
        }
        if length > available {
            return Err(Error::TableCutOff { needed: length, available });
        }
        Ok(Self { lengths: &rest[..count * 4], length })
    }

    fn lengths(&self) -> impl Iterator<Item = u32> {
        self.lengths.chunks_exact(4).map(|length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]))
    }

    /// The length in bytes of the message this table stands before, when it is within the limits.
    fn message_length(&self, limits: &Limits) -> Result<usize, Error> {
        // 2^32 lengths of 2^32 words of 2^3 bytes: one short of 2^67. In words it fits, so saturate when counting bytes.
        let words: u64 = self.lengths().map(u64::from).fold(0, u64::saturating_add);
        let found = words.saturating_mul(WORD as u64).saturating_add(self.length as u64);
        // Ends are kept as 32 bits, which is 32 GiB: a message near that is refused whatever the limit.
        match usize::try_from(found) {
            Ok(length) if length <= limits.bytes && u32::try_from(words).is_ok() => Ok(length),
            _ => Err(Error::TooLong { found, limit: limits.bytes.min(u32::MAX as usize * WORD) }),
        }
    }

    /// Where each segment ends. Only for a table whose sum was checked.
    fn ends(&self) -> Ends {
        let mut end = 0_u32;
        let mut ends = self.lengths().map(|length| {
            end = end.wrapping_add(length);
            end
        });
        if self.lengths.len() == 4 { Ends::One(ends.next().unwrap_or(0)) } else { Ends::Many(ends.collect()) }
    }
}

/// Reads the message that `input` begins with, without copying it, and says how many bytes it takes.
///
/// What follows the message is left alone: the next one, or the rest of a file, begins at `input[length..]`.
pub fn read<'a>(input: &'a [u8], limits: &Limits) -> Result<(Message<'a>, usize), Error> {
    let segments = Segments::new(input, limits)?;
    let length = segments.message_length();
    Ok((Reader::new(segments, limits.reader_options()), length))
}

/// Reads the one message that `input` consists of, and refuses whatever follows it.
pub fn read_alone<'a>(input: &'a [u8], limits: &Limits) -> Result<Message<'a>, Error> {
    let (message, length) = read(input, limits)?;
    match input.len() - length {
        0 => Ok(message),
        extra => Err(Error::Trailing { extra }),
    }
}

/// Like [`read`], for a buffer that the message takes with it: what a connection needs, whose messages outlive the call.
pub fn read_owned<B: AsRef<[u8]>>(buffer: B, limits: &Limits) -> Result<Reader<Segments<B>>, Error> {
    Ok(Reader::new(Segments::new(buffer, limits)?, limits.reader_options()))
}

/// How much is known of a message of which only a beginning has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing yet: ask again with at least this many bytes from the message's beginning.
    Unknown {
        /// Bytes from the beginning that are needed to learn more.
        needed: usize,
    },
    /// The message is this many bytes long, segment table included, and within the limits.
    Known {
        /// The whole message's length in bytes.
        length: usize,
    },
}

/// Tells from the first bytes of a message how long it is, for readers of a stream.
///
/// A message beyond the limits is refused as soon as the bytes there tell, and before memory is set aside for it.
pub fn extent(beginning: &[u8], limits: &Limits) -> Result<Extent, Error> {
    match Table::read(beginning, limits) {
        Ok(table) => Ok(Extent::Known { length: table.message_length(limits)? }),
        Err(Error::TableCutOff { needed, .. }) => Ok(Extent::Unknown { needed }),
        Err(error) => Err(error),
    }
}

/// Writes a message with its segment table into one piece of memory.
pub fn to_bytes<A: Allocator>(message: &Builder<A>) -> Vec<u8> {
    let segments = message.get_segments_for_output();
    let mut bytes = table(segments.iter().map(|segment| segment.len()));
    bytes.reserve_exact(segments.iter().map(|segment| segment.len()).sum());
    for segment in segments.iter() {
        bytes.extend_from_slice(segment);
    }
    bytes
}

/// The segment table for segments of these lengths in bytes, for those who write the segments themselves.
///
/// # Panics
///
/// When there is no segment, or one whose length is not a multiple of 8 bytes or does not fit the format (32 GiB).
pub fn table(lengths: impl ExactSizeIterator<Item = usize>) -> Vec<u8> {
    let count = lengths.len();
    let field = |value: usize| u32::try_from(value).expect("counts and lengths in a segment table have 32 bits");
    let mut bytes = Vec::with_capacity((1 + count).next_multiple_of(2) * 4);
    bytes.extend_from_slice(&field(count.checked_sub(1).expect("a message has a segment")).to_le_bytes());
    for length in lengths {
        assert_eq!(length % WORD, 0, "segments consist of whole words");
        bytes.extend_from_slice(&field(length / WORD).to_le_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
    bytes
}

/// Does with any bytes what Granary does with an app's, and panics when they break a promise: the entry for fuzzing.
///
/// The bytes are taken for a message, walked as a package's archive is, and written again.
pub fn exercise(bytes: &[u8]) {
    let limits = Limits::of_bytes(1 << 20);
    let extent = extent(bytes, &limits);
    let (message, length) = match read(bytes, &limits) {
        Ok(read) => read,
        Err(error) => {
            // Telling the length early must not contradict reading it at the end.
            match (extent, error) {
                (Ok(Extent::Unknown { needed }), Error::TableCutOff { .. }) => assert!(needed > bytes.len()),
                (Ok(Extent::Known { length }), Error::CutOff { needed, .. }) => {
                    assert!(length == needed && needed > bytes.len());
                }
                (extent, error) => assert_eq!(extent, Err(error)),
            }
            return;
        }
    };
    assert_eq!(extent, Ok(Extent::Known { length }));
    assert!(length <= bytes.len() && length <= limits.bytes);

    // Walking ends, whatever the pointers say; errors are part of the game.
    let walked = walk(&message);
    let segments = message.into_segments();
    let lengths: Vec<usize> = (0..).map_while(|id| Some(segments.get_segment(id)?.len())).collect();
    assert_eq!(lengths.len(), segments.len());
    let mut copy = table(lengths.iter().copied());
    copy.extend_from_slice(&bytes[copy.len()..length]);

    // The copy differs in the table's padding at most, begins at another address, and reads the same.
    let again = read_owned(copy, &limits).expect("what was read can be read again");
    assert_eq!(walk(&again).is_ok(), walked.is_ok());
}

fn walk<S: ReaderSegments>(message: &Reader<S>) -> capnp::Result<()> {
    use crate::package_capnp::archive;

    fn files(list: capnp::struct_list::Reader<'_, archive::file::Owned>) -> capnp::Result<()> {
        for file in list {
            let _ = file.get_name()?.to_str();
            match file.which()? {
                archive::file::Regular(data) | archive::file::Executable(data) => _ = std::hint::black_box(data?),
                archive::file::Symlink(target) => _ = target?.to_str(),
                archive::file::Directory(inner) => files(inner?)?,
            }
        }
        Ok(())
    }

    message.get_root::<capnp::any_pointer::Reader<'_>>()?.target_size()?;
    files(message.get_root::<archive::Reader<'_>>()?.get_files()?)
}
