//! One walk over a grain's folder: no link is followed, no name is trusted.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::Size;
use super::watch::Folders;

/// How deep folders may nest before the grain counts as one that cannot be measured.
const DEPTH: usize = 200;

/// Opens a folder by its name, not through a link.
pub(super) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(nix::fcntl::open(path, FOLDER, Mode::empty())?)
}

const FOLDER: OFlag =
    OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY).union(OFlag::O_NONBLOCK);

/// Measures a grain that does not run.
pub(crate) fn measure(dir: &Path) -> io::Result<u64> {
    Ok(Walk::new(&open_folder(dir)?, None).run()?.bytes)
}

/// A walk in progress.
pub(super) struct Walk<'a> {
    root: &'a OwnedFd,
    watched: Option<&'a Folders>,
    size: Size,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a OwnedFd, watched: Option<&'a Folders>) -> Self {
        Self { root, watched, size: Size::default() }
    }

    pub(super) fn run(mut self) -> io::Result<Size> {
        let root = self.root.try_clone()?;
        self.add(&fstat(&root)?);
        self.folder(root, 0);
        Ok(self.size)
    }

    fn add(&mut self, stat: &FileStat) {
        #[allow(clippy::useless_conversion)]
        let links = u64::from(stat.st_nlink).max(1);
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        // A folder's links are its subfolders, not other names.
        let links = if is_folder(stat) { 1 } else { links };
        self.size.bytes += blocks * 512 / links;
    }

    /// What vanishes or cannot be opened while we look is not there: the app changes things as we go.
    fn folder(&mut self, fd: OwnedFd, depth: usize) {
        if depth > DEPTH {
            self.size.too_deep = true;
            return;
        }
        if let Some(watched) = self.watched {
            watched.add(&fd);
        }
        let Ok(mut dir) = Dir::from_fd(fd) else { return };
        let names: Vec<_> = dir.iter().map_while(|entry| Some(entry.ok()?.file_name().to_owned())).collect();
        for name in names {
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(stat) = fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            self.add(&stat);
            if is_folder(&stat)
                && let Ok(fd) = openat(&dir, name.as_c_str(), FOLDER, Mode::empty())
            {
                self.folder(fd, depth + 1);
            }
        }
    }
}

fn is_folder(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}
