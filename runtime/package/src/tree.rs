//! The tree of files inside an archive: walked once to check everything about it, before anything is written.

use std::fmt::Write as _;

use capnp::struct_list;
use granary_wire::framing::{self, Limits, Message};
use granary_wire::package_capnp::archive::{self, file};

use crate::container::ARCHIVE_LIMIT;
use crate::manifest::{BRIDGE_CONFIG_NAME, MANIFEST_NAME};
use crate::{Error, Options, Refusal};

/// How many folders may stand inside each other, the deepest one empty: what Cap'n Proto's nesting limit of 128, which
/// Sandstorm reads archives with, leaves for entries (two levels each, and the root).
pub(crate) const DEPTH_LIMIT: usize = 63;
/// More entries than any package has. It bounds the memory for finding duplicate names.
pub(crate) const ENTRY_LIMIT: usize = 1 << 20;
/// Sandstorm's reader's limit, which [`DEPTH_LIMIT`] follows from.
const NESTING: u16 = 128;
/// Each segment costs four bytes while the archive is read. Packing tools make one for each larger file.
const SEGMENT_LIMIT: usize = 1 << 22;
/// Longest file name of Linux's file systems.
const NAME_LIMIT: usize = 255;
/// Longest target of a symbolic link on Linux.
const TARGET_LIMIT: usize = 4095;

/// An archive as a Cap'n Proto message.
pub(crate) struct Tree<'a> {
    message: Message<'a>,
}

/// The entries of one folder.
pub(crate) type Folder<'a> = struct_list::Reader<'a, file::Owned>;

/// What an entry of an archive is.
pub(crate) enum Content<'a> {
    Regular(&'a [u8]),
    Executable(&'a [u8]),
    Symlink(&'a [u8]),
    Folder(Folder<'a>),
}

/// One entry of an archive.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) content: Content<'a>,
    /// Nanoseconds after 1970.
    pub(crate) modified: i64,
}

/// What the check of a tree found.
#[derive(Default)]
pub(crate) struct Contents<'a> {
    pub(crate) manifest: Option<&'a [u8]>,
    pub(crate) bridge_config: Option<&'a [u8]>,
    /// Bytes in all files together.
    pub(crate) size: u64,
    pub(crate) entries: u64,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(archive: &'a [u8]) -> Result<Self, Refusal> {
        // A well-formed archive is walked once, so its own size bounds what is visited. Names may be visited twice.
        let words = archive.len() / 8;
        let limits = Limits::of_bytes(usize::try_from(ARCHIVE_LIMIT).unwrap_or(usize::MAX))
            .with_segments(SEGMENT_LIMIT)
            .with_traversal_words(words.saturating_mul(2).saturating_add(64))
            .with_nesting(NESTING);
        let (message, length) =
            framing::read(archive, &limits).map_err(|error| Refusal::SegmentTable(error.to_string()))?;
        if length < archive.len() {
            return Err(Refusal::AfterArchive((archive.len() - length) as u64));
        }
        Ok(Self { message })
    }

    pub(crate) fn root(&self) -> Result<Folder<'_>, Refusal> {
        self.message.get_root::<archive::Reader<'_>>().and_then(archive::Reader::get_files).map_err(unreadable)
    }

    /// Checks everything about the tree that can be wrong.
    pub(crate) fn check(&self, options: &Options<'_>) -> Result<Contents<'_>, Error> {
        let cancelled = || options.check_cancelled();
        let mut check = Check { contents: Contents::default(), path: Vec::new(), cancelled: &cancelled };
        let root = self.root()?;
        check.folder(root)?;
        Ok(check.contents)
    }
}

/// Reads one entry, without judging it beyond what Cap'n Proto needs.
pub(crate) fn entry(file: file::Reader<'_>) -> Result<Option<Entry<'_>>, Refusal> {
    let content = match file.which() {
        Ok(file::Regular(data)) => Content::Regular(data.map_err(unreadable)?),
        Ok(file::Executable(data)) => Content::Executable(data.map_err(unreadable)?),
        Ok(file::Symlink(target)) => Content::Symlink(target.map_err(unreadable)?.as_bytes()),
        Ok(file::Directory(files)) => Content::Folder(files.map_err(unreadable)?),
        Err(_) => return Ok(None),
    };
    let name = file.get_name().map_err(unreadable)?.as_bytes();
    Ok(Some(Entry { name, content, modified: file.get_last_modification_time_ns() }))
}

/// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn unreadable(error: capnp::Error) -> Refusal {
    match error.kind {
        capnp::ErrorKind::ReadLimitExceeded => Refusal::Archive("parts of it are used again and again".to_owned()),
        capnp::ErrorKind::NestingLimitExceeded => Refusal::TooDeep(DEPTH_LIMIT, "/".to_owned()),
        _ => Refusal::Archive(error.to_string()),
    }
}

struct Check<'a, 'o> {
    contents: Contents<'a>,
    path: Vec<&'a [u8]>,
    cancelled: &'o dyn Fn() -> Result<(), Error>,
}

impl<'a> Check<'a, '_> {
    fn folder(&mut self, folder: Folder<'a>) -> Result<(), Error> {
        if !folder.is_empty() && self.path.len() >= DEPTH_LIMIT {
            return Err(Refusal::TooDeep(DEPTH_LIMIT, shown(&self.path[..4])).into());
        }
        // Counted before the entries are visited, so that a folder cannot claim billions of empty ones.
        self.contents.entries += u64::from(folder.len());
        if self.contents.entries > ENTRY_LIMIT as u64 {
            return Err(Refusal::TooManyFiles(ENTRY_LIMIT).into());
        }
        (self.cancelled)()?;

        let mut previous: Option<&[u8]> = None;
        let mut sorted = true;
        for file in folder {
            let name = self.entry(file)?;
            sorted &= previous.is_none_or(|previous| previous < name);
            previous = Some(name);
        }
        // Packing tools write entries sorted, and then no two are equal.
        if sorted { Ok(()) } else { self.duplicates(folder) }
    }

    /// Checks one entry and all below it; returns its name.
    fn entry(&mut self, file: file::Reader<'a>) -> Result<&'a [u8], Error> {
        let Some(Entry { name, content, .. }) = entry(file)? else {
            let name = file.get_name().map_err(unreadable)?.as_bytes();
            self.path.push(name);
            return Err(Refusal::UnknownKind(shown(&self.path)).into());
        };
        self.name(name)?;
        let at_root = self.path.is_empty();
        self.path.push(name);
        match content {
            Content::Regular(data) => {
                self.file(data)?;
                if at_root && name == MANIFEST_NAME.as_bytes() {
                    self.contents.manifest = Some(data);
                } else if at_root && name == BRIDGE_CONFIG_NAME.as_bytes() {
                    self.contents.bridge_config = Some(data);
                }
            }
            Content::Executable(data) => {
                self.not_the_manifest("an executable")?;
                self.file(data)?;
            }
            Content::Symlink(target) => {
                self.not_the_manifest("a symbolic link")?;
                if target.is_empty() || target.len() > TARGET_LIMIT || target.contains(&0) {
                    return Err(Refusal::BadSymlink(shown(&self.path)).into());
                }
            }
            Content::Folder(files) => {
                self.not_the_manifest("a folder")?;
                self.folder(files)?;
            }
        }
        self.path.pop();
        Ok(name)
    }

    /// Files are smaller than 512 MiB by themselves: a Cap'n Proto list has fewer than 2^29 elements.
    fn file(&mut self, data: &[u8]) -> Result<(), Error> {
        self.contents.size += data.len() as u64;
        if self.contents.size > ARCHIVE_LIMIT {
            return Err(Refusal::TooBig.into());
        }
        Ok(())
    }

    fn not_the_manifest(&self, kind: &'static str) -> Result<(), Refusal> {
        if self.path.len() == 1 && self.path[0] == MANIFEST_NAME.as_bytes() {
            return Err(Refusal::ManifestNotAFile(kind));
        }
        Ok(())
    }

    fn name(&self, name: &[u8]) -> Result<(), Refusal> {
        let folder = || shown(&self.path);
        let text = || String::from_utf8_lossy(name).into_owned();
        match name {
            b"" => Err(Refusal::EmptyName(folder())),
            b"." | b".." => Err(Refusal::DotName { folder: folder(), name: text() }),
            _ if name.contains(&b'/') => Err(Refusal::SlashInName { folder: folder(), name: text() }),
            _ if name.contains(&0) => Err(Refusal::NulInName { folder: folder(), name: text() }),
            _ if name.len() > NAME_LIMIT => Err(Refusal::LongName { folder: folder(), length: name.len() }),
            _ => Ok(()),
        }
    }

    fn duplicates(&self, folder: Folder<'a>) -> Result<(), Error> {
        let mut names = Vec::with_capacity(folder.len() as usize);
        for file in folder {
            let name = file.get_name().map_err(unreadable)?.as_bytes();
            names.push((name, matches!(file.which(), Ok(file::Symlink(_)))));
        }
        names.sort_unstable();
        let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) else { return Ok(()) };
        let path = shown(&[&self.path[..], &[pair[0].0]].concat());
        let behind_symlink = pair[0].1 || pair[1].1;
        Err(if behind_symlink { Refusal::NameBehindSymlink(path) } else { Refusal::DuplicateName(path) }.into())
    }
}

/// A path inside the package, safe to show: nothing in it can steer a terminal.
fn shown(path: &[&[u8]]) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let mut text = String::new();
    for name in path {
        let _ = write!(text, "/{}", String::from_utf8_lossy(name).escape_debug());
    }
    text
}
