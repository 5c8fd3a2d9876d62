//! A message from a grain: its segments within one allocation, and the memory it is charged for.

use std::ops::Range;
use std::rc::Rc;

use capnp::Word;
use capnp::message::{Reader, ReaderOptions, ReaderSegments};

use super::Shared;

/// What a message costs beside its own bytes: the library's entries for it.
const OVERHEAD: usize = 512;
/// What each capability in a message costs: the library's import with its client.
const CAPABILITY: usize = 512;

/// The segments of one message, all in one piece of memory.
pub(super) struct Segments {
    words: Vec<Word>,
    bounds: Bounds,
}

/// Nearly every message has one segment; only the others pay for a list.
enum Bounds {
    One(Range<usize>),
    Many(Vec<Range<usize>>),
}

impl ReaderSegments for Segments {
    fn get_segment(&self, index: u32) -> Option<&[u8]> {
        let range = match (&self.bounds, index) {
            (Bounds::One(range), 0) => range,
            (Bounds::One(_), _) => return None,
            (Bounds::Many(list), index) => list.get(usize::try_from(index).ok()?)?,
        };
        Some(Word::words_to_bytes(self.words.get(range.clone())?))
    }

    fn len(&self) -> usize {
        match &self.bounds {
            Bounds::One(_) => 1,
            Bounds::Many(list) => list.len(),
        }
    }
}

/// What a message's first words say of it.
pub(super) enum Header {
    /// More bytes are needed to say anything.
    Incomplete,
    /// The whole message has this many words, the table of segments included.
    Words(usize),
    /// It is no message that we accept.
    Refused(String),
}

/// Looks at the table of segments at the start of `bytes`.
pub(super) fn header(bytes: &[u8], max_segments: usize, max_bytes: usize) -> Header {
    let Some(first) = number(bytes, 0) else { return Header::Incomplete };
    let count = first.saturating_add(1);
    if count > max_segments {
        return Header::Refused(format!("it sent a message of {count} segments; at most {max_segments} are allowed"));
    }
    let table = count / 2 + 1;
    let mut words = table;
    for index in 0..count {
        let Some(size) = number(bytes, index + 1) else { return Header::Incomplete };
        words = words.saturating_add(size);
        if words.saturating_mul(8) > max_bytes {
            return Header::Refused(format!("it sent a message of more than {} MiB", max_bytes >> 20));
        }
    }
    Header::Words(words)
}

fn number(bytes: &[u8], index: usize) -> Option<usize> {
    let bytes = bytes.get(index * 4..index * 4 + 4)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

impl Segments {
    /// Takes `words`, which start with a table of segments that [`header`] has accepted.
    pub(super) fn new(words: Vec<Word>) -> Self {
        let table = Word::words_to_bytes(&words);
        let count = number(table, 0).unwrap_or(0) + 1;
        let mut start = count / 2 + 1;
        let mut range = |index: usize| {
            let end = start + number(table, index + 1).unwrap_or(0);
            std::mem::replace(&mut start, end)..end
        };
        let bounds = if count == 1 { Bounds::One(range(0)) } else { Bounds::Many((0..count).map(range).collect()) };
        Self { words, bounds }
    }
}

/// One message, charged to its grain for as long as anybody keeps it.
pub(super) struct Incoming {
    reader: Reader<Segments>,
    charge: Option<Charge>,
}

struct Charge {
    shared: Rc<Shared>,
    bytes: usize,
    is_call: bool,
}

impl Incoming {
    pub(super) fn new(words: Vec<Word>) -> Self {
        let mut options = ReaderOptions::new();
        // Twice the message, since some are read once here and once by whoever is called; never less than 8 MiB.
        options.traversal_limit_in_words(Some((words.len() * 4).max(1 << 20)));
        Self { reader: Reader::new(Segments::new(words), options), charge: None }
    }

    pub(super) fn root(&self) -> capnp::Result<capnp_rpc::rpc_capnp::message::Reader<'_>> {
        self.reader.get_root()
    }

    /// Charges the message to the connection until it is dropped.
    pub(super) fn charge(&mut self, shared: &Rc<Shared>, is_call: bool, capabilities: u32) {
        let capabilities = usize::try_from(capabilities).unwrap_or(usize::MAX);
        let bytes =
            (self.reader.get_segments().words.capacity() * 8).saturating_add(OVERHEAD + capabilities * CAPABILITY);
        shared.hold(bytes);
        if is_call {
            shared.call_bytes.set(shared.call_bytes.get() + bytes);
        }
        self.charge = Some(Charge { shared: shared.clone(), bytes, is_call });
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.is_call {
            self.shared.call_bytes.set(self.shared.call_bytes.get() - self.bytes);
        }
        self.shared.free(self.bytes);
        self.shared.wake_reader();
    }
}

impl capnp_rpc::IncomingMessage for Incoming {
    fn get_body(&self) -> capnp::Result<capnp::any_pointer::Reader<'_>> {
        self.reader.get_root()
    }
}
