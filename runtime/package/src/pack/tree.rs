//! The files that go into a package, put together before it is written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::Error;

/// A folder of a package to be.
#[derive(Debug, Clone, Default)]
pub struct SourceTree {
    pub(crate) entries: BTreeMap<Vec<u8>, Node>,
}

/// One entry of a package to be. Times are nanoseconds after 1970.
#[derive(Debug, Clone)]
pub enum Node {
    /// A file.
    File {
        /// What is in it.
        source: Source,
        /// Whether it is a program.
        executable: bool,
        /// When it was last changed.
        modified: i64,
    },
    /// A symbolic link, to be followed inside the sandbox.
    Symlink {
        /// Where it leads.
        target: Vec<u8>,
        /// When it was last changed.
        modified: i64,
    },
    /// A folder.
    Folder {
        /// What is in it.
        tree: SourceTree,
        /// When it was last changed.
        modified: i64,
    },
}

/// What is in a file.
#[derive(Debug, Clone)]
pub enum Source {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What this file holds.
    File {
        /// Where it is.
        path: PathBuf,
        /// How many bytes it had when the tree was put together; it must have as many when it is packed.
        size: u64,
    },
}

impl Source {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }
}

impl SourceTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything in a folder of this computer. Times later than `newest` (nanoseconds after 1970), if given, become
    /// that, so that a package does not depend on when its files were built.
    pub fn from_folder(path: &Path, newest: Option<i64>) -> Result<Self, Error> {
        let mut tree = Self::new();
        for entry in fs::read_dir(path).map_err(Error::io("cannot read", path))? {
            let entry = entry.map_err(Error::io("cannot read", path))?;
            tree.entries.insert(entry.file_name().into_vec(), Node::from_path(&entry.path(), newest)?);
        }
        Ok(tree)
    }

    /// Adds a file, a program or anything else at `path` (names joined by slashes); folders on the way are made.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<(), Error> {
        let mut names = names(path)?;
        let Some(last) = names.pop() else { return Err(Error::Pack("a path in a package cannot be empty".to_owned())) };
        let mut tree = self;
        for name in names {
            let folder = || Node::Folder { tree: Self::new(), modified: 0 };
            tree = match tree.entries.entry(name.to_vec()).or_insert_with(folder) {
                Node::Folder { tree, .. } => tree,
                Node::File { .. } | Node::Symlink { .. } => {
                    return Err(Error::Pack(format!("{path} cannot be packed: {} is not a folder", lossy(name))));
                }
            };
        }
        match (tree.entries.get_mut(last), node) {
            // What is in a folder already stays there.
            (Some(Node::Folder { tree: there, modified: time }), Node::Folder { tree: new, modified }) => {
                there.merge(new);
                *time = modified;
            }
            (_, node) => drop(tree.entries.insert(last.to_vec(), node)),
        }
        Ok(())
    }

    /// Adds what is not there yet.
    fn merge(&mut self, other: Self) {
        for (name, node) in other.entries {
            match (self.entries.get_mut(&name), node) {
                (None, node) => drop(self.entries.insert(name, node)),
                (Some(Node::Folder { tree: there, .. }), Node::Folder { tree: new, .. }) => there.merge(new),
                (Some(_), _) => {}
            }
        }
    }

    /// The entry at a path, symbolic links not followed.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let mut names = names(path).ok()?;
        let last = names.pop()?;
        let mut tree = self;
        for name in names {
            match tree.entries.get(name)? {
                Node::Folder { tree: inner, .. } => tree = inner,
                Node::File { .. } | Node::Symlink { .. } => return None,
            }
        }
        tree.entries.get(last)
    }

    /// Adds what every package has, unless it is there: places for `/dev`, `/tmp`, `/var` and `/proc/cpuinfo`.
    pub fn add_mount_places(&mut self) -> Result<(), Error> {
        for folder in ["dev", "tmp", "var"] {
            if self.get(folder).is_none() {
                self.insert(folder, Node::Folder { tree: Self::new(), modified: 0 })?;
            }
        }
        if self.get("proc/cpuinfo").is_none() {
            self.insert("proc/cpuinfo", Node::file(Vec::new()))?;
        }
        Ok(())
    }
}

impl Node {
    /// A file that no file of this computer is the source of; its time is 0.
    pub fn file(bytes: Vec<u8>) -> Self {
        Self::File { source: Source::Bytes(bytes), executable: false, modified: 0 }
    }

    /// A program that is a file of this computer; its time is 0.
    pub fn program(path: &Path) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::io("cannot read", path))?;
        let source = Source::File { path: path.to_path_buf(), size: metadata.len() };
        Ok(Self::File { source, executable: true, modified: 0 })
    }

    /// A file, link or folder of this computer with all that is in it.
    pub fn from_path(path: &Path, newest: Option<i64>) -> Result<Self, Error> {
        let metadata = fs::symlink_metadata(path).map_err(Error::io("cannot read", path))?;
        if metadata.is_dir() {
            return Ok(Self::Folder {
                tree: SourceTree::from_folder(path, newest)?,
                modified: modified(&metadata, newest),
            });
        }
        Self::from_file(path, &metadata, newest)
    }

    /// A file or link of this computer; a folder becomes an empty one.
    pub(crate) fn from_file(path: &Path, metadata: &fs::Metadata, newest: Option<i64>) -> Result<Self, Error> {
        let modified = modified(metadata, newest);
        if metadata.is_dir() {
            Ok(Self::Folder { tree: SourceTree::new(), modified })
        } else if metadata.is_symlink() {
            let target = fs::read_link(path).map_err(Error::io("cannot read", path))?.into_os_string().into_vec();
            Ok(Self::Symlink { target, modified })
        } else if metadata.is_file() {
            let executable = metadata.mode() & 0o100 != 0;
            Ok(Self::File {
                source: Source::File { path: path.to_path_buf(), size: metadata.len() },
                executable,
                modified,
            })
        } else {
            // Sockets, pipes and devices mean nothing in a package; Sandstorm packs an empty file as well.
            Ok(Self::File { source: Source::Bytes(Vec::new()), executable: false, modified })
        }
    }
}

fn modified(metadata: &fs::Metadata, newest: Option<i64>) -> i64 {
    let time = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    newest.map_or(time, |newest| time.min(newest))
}

/// The names of a path inside a package. A slash in front and slashes after one another are let pass.
pub(crate) fn names(path: &str) -> Result<Vec<&[u8]>, Error> {
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::as_bytes).collect();
    if names.contains(&b"..".as_slice()) {
        return Err(Error::Pack(format!("{path:?} has .. in it; write the path as it is inside the package")));
    }
    Ok(names)
}

pub(crate) fn lossy(name: &[u8]) -> String {
    OsStr::from_bytes(name).to_string_lossy().into_owned()
}
