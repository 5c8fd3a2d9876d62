//! Lays an archive out as one Cap'n Proto segment and writes it from front to back, without holding it in memory.
//!
//! The message could be built with `capnp`, but only in memory, and an archive may have a gigabyte. The encoding that
//! matters here is small: <https://capnproto.org/encoding.html>.

use std::fs::File;
use std::io::{self, Read as _, Write};

use super::tree::{Node, Source, SourceTree, lossy};
use crate::container::ARCHIVE_LIMIT;
use crate::tree::{DEPTH_LIMIT, ENTRY_LIMIT};
use crate::{Error, Options};

const WORD: u64 = 8;
/// `Archive.File`: two words of data (which kind, when changed) and two pointers (name, content).
const FILE_DATA: u64 = 2;
const FILE_POINTERS: u64 = 2;
const FILE_WORDS: u64 = FILE_DATA + FILE_POINTERS;
/// A Cap'n Proto list has fewer than 2^29 elements.
const FILE_LIMIT: u64 = 1 << 29;
const NAME_LIMIT: usize = 255;

const REGULAR: u64 = 0;
const EXECUTABLE: u64 = 1;
const SYMLINK: u64 = 2;
const FOLDER: u64 = 3;

const BYTES: u64 = 2;
const COMPOSITE: u64 = 7;

/// Where everything stands, in words from the beginning of the segment.
pub(crate) struct Plan<'a> {
    root: Folder<'a>,
    words: u64,
}

struct Folder<'a> {
    at: u64,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    name: &'a [u8],
    name_at: u64,
    node: &'a Node,
    content_at: u64,
    folder: Option<Folder<'a>>,
}

/// Decides where everything goes, and refuses what no reader would accept.
pub(crate) fn plan(tree: &SourceTree) -> Result<Plan<'_>, Error> {
    // The root pointer and the one pointer of the struct `Archive` come first.
    let mut planner = Planner { words: 2, entries: 0, path: Vec::new() };
    let root = planner.folder(tree)?;
    let words = planner.words;
    if (words + 1) * WORD > ARCHIVE_LIMIT {
        let size = (words * WORD) >> 20;
        return Err(Error::Pack(format!(
            "the files have {size} MiB together, and a package holds 1 GiB at most; leave some out"
        )));
    }
    Ok(Plan { root, words })
}

struct Planner<'a> {
    words: u64,
    entries: usize,
    path: Vec<&'a [u8]>,
}

impl<'a> Planner<'a> {
    fn take(&mut self, bytes: u64) -> u64 {
        let at = self.words;
        self.words += bytes.div_ceil(WORD);
        at
    }

    fn folder(&mut self, tree: &'a SourceTree) -> Result<Folder<'a>, Error> {
        self.entries += tree.entries.len();
        if self.entries > ENTRY_LIMIT {
            return Err(Error::Pack(format!(
                "there are more than {ENTRY_LIMIT} files, which no package holds; leave some out"
            )));
        }
        if self.path.len() >= DEPTH_LIMIT && !tree.entries.is_empty() {
            return Err(
                self.problem(&format!("is nested more than {DEPTH_LIMIT} folders deep, which no package may be"))
            );
        }
        let at = self.words;
        if !tree.entries.is_empty() {
            self.take(WORD + tree.entries.len() as u64 * FILE_WORDS * WORD);
        }
        let mut entries = Vec::with_capacity(tree.entries.len());
        for (name, node) in &tree.entries {
            self.path.push(name);
            let unusable =
                name.is_empty() || name == b"." || name == b".." || name.iter().any(|byte| matches!(byte, 0 | b'/'));
            if unusable || name.len() > NAME_LIMIT {
                return Err(self.problem("has a name that a file cannot have"));
            }
            let name_at = self.take(name.len() as u64 + 1);
            let content_at = self.words;
            let mut folder = None;
            match node {
                Node::File { source, .. } if source.size() >= FILE_LIMIT => {
                    return Err(self.problem("is too large: a file in a package has less than 512 MiB"));
                }
                Node::File { source, .. } => drop(self.take(source.size())),
                Node::Symlink { target, .. } if target.is_empty() || target.contains(&0) => {
                    return Err(self.problem("is a symbolic link that leads nowhere"));
                }
                Node::Symlink { target, .. } => drop(self.take(target.len() as u64 + 1)),
                Node::Folder { tree, .. } => folder = Some(self.folder(tree)?),
            }
            entries.push(Entry { name, name_at, node, content_at, folder });
            self.path.pop();
        }
        Ok(Folder { at, entries })
    }

    fn problem(&self, text: &str) -> Error {
        let path: Vec<_> = self.path.iter().map(|name| lossy(name)).collect();
        Error::Pack(format!("/{} {text}", path.join("/")))
    }
}

/// Writes the message, segment table included.
pub(crate) fn write(plan: &Plan<'_>, output: &mut impl Write, options: &mut Options<'_>) -> Result<(), Error> {
    let mut writer = Writer { output, at: 0, options };
    let table = (plan.words << 32).to_le_bytes();
    writer.output.write_all(&table).map_err(Writer::<io::Empty>::failed)?;
    writer.word(struct_pointer(0, 0, 0, 1))?;
    writer.word(folder_pointer(1, &plan.root))?;
    writer.folder(&plan.root)?;
    debug_assert_eq!(writer.at, plan.words, "everything is where it was planned");
    Ok(())
}

struct Writer<'w, 'o, W> {
    output: &'w mut W,
    at: u64,
    options: &'w mut Options<'o>,
}

impl<W: Write> Writer<'_, '_, W> {
    fn failed(source: io::Error) -> Error {
        Error::Io { what: "cannot write", path: "the archive".into(), source }
    }

    fn word(&mut self, word: u64) -> Result<(), Error> {
        self.at += 1;
        self.output.write_all(&word.to_le_bytes()).map_err(Self::failed)
    }

    /// Writes bytes and fills up to a whole word.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.output.write_all(bytes).map_err(Self::failed)?;
        self.pad(bytes.len() as u64)
    }

    fn pad(&mut self, length: u64) -> Result<(), Error> {
        let words = length.div_ceil(WORD);
        self.at += words;
        for _ in length..words * WORD {
            self.output.write_all(&[0]).map_err(Self::failed)?;
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Folder<'_>) -> Result<(), Error> {
        if folder.entries.is_empty() {
            return Ok(());
        }
        debug_assert_eq!(self.at, folder.at, "a folder is where its pointer says");
        let count = folder.entries.len() as u64;
        self.word((count << 2) | (FILE_DATA << 32) | (FILE_POINTERS << 48))?;
        for entry in &folder.entries {
            self.entry(entry)?;
        }
        for entry in &folder.entries {
            self.text(entry.name)?;
            match (entry.node, &entry.folder) {
                (Node::File { source, .. }, _) => self.source(source)?,
                (Node::Symlink { target, .. }, _) => self.text(target)?,
                (Node::Folder { .. }, Some(folder)) => self.folder(folder)?,
                (Node::Folder { .. }, None) => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        let (kind, modified) = match entry.node {
            Node::File { executable: false, modified, .. } => (REGULAR, modified),
            Node::File { executable: true, modified, .. } => (EXECUTABLE, modified),
            Node::Symlink { modified, .. } => (SYMLINK, modified),
            Node::Folder { modified, .. } => (FOLDER, modified),
        };
        self.word(kind)?;
        self.word(modified.cast_unsigned())?;
        self.word(list_pointer(self.at, entry.name_at, BYTES, entry.name.len() as u64 + 1))?;
        let content = match (entry.node, &entry.folder) {
            // An empty list is a null pointer.
            (Node::File { source, .. }, _) if source.size() == 0 => 0,
            (Node::File { source, .. }, _) => list_pointer(self.at, entry.content_at, BYTES, source.size()),
            (Node::Symlink { target, .. }, _) => {
                list_pointer(self.at, entry.content_at, BYTES, target.len() as u64 + 1)
            }
            (Node::Folder { .. }, Some(folder)) => folder_pointer(self.at, folder),
            (Node::Folder { .. }, None) => 0,
        };
        self.word(content)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Error> {
        self.output.write_all(text).map_err(Self::failed)?;
        self.output.write_all(&[0]).map_err(Self::failed)?;
        self.pad(text.len() as u64 + 1)
    }

    fn source(&mut self, source: &Source) -> Result<(), Error> {
        self.options.check_cancelled()?;
        match source {
            Source::Bytes(bytes) => self.bytes(bytes),
            Source::File { path, size } => {
                let mut file = File::open(path).map_err(Error::io("cannot read", path))?;
                let copied =
                    io::copy(&mut (&mut file).take(*size), self.output).map_err(Error::io("cannot copy", path))?;
                let more = file.read(&mut [0]).map_err(Error::io("cannot read", path))?;
                if copied != *size || more > 0 {
                    return Err(Error::Pack(format!("{} changed while it was packed; pack again", path.display())));
                }
                self.pad(*size)
            }
        }
    }
}

/// The offset of a pointer at `from` to `to`: counted from the end of the pointer, in its bits 2 to 31. Everything stands
/// behind what points to it.
fn offset(from: u64, to: u64) -> u64 {
    (to - from - 1) << 2
}

fn struct_pointer(from: u64, gap: u64, data: u64, pointers: u64) -> u64 {
    offset(from, from + 1 + gap) | (data << 32) | (pointers << 48)
}

fn list_pointer(from: u64, to: u64, kind: u64, count: u64) -> u64 {
    1 | offset(from, to) | (kind << 32) | (count << 35)
}

fn folder_pointer(from: u64, folder: &Folder<'_>) -> u64 {
    match folder.entries.len() as u64 {
        0 => 0,
        count => list_pointer(from, folder.at, COMPOSITE, count * FILE_WORDS),
    }
}
