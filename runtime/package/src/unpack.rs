//! Writes the tree of a package whose every part has been checked.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, fstat, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::symlinkat;

use crate::tree::{Content, Folder, Tree, entry};
use crate::{Error, Options, Phase, Refusal};

/// How much is written at a time, between looks at the flag that cancels.
const PIECE: usize = 4 << 20;
/// How often progress is told, in bytes.
const TELL: u64 = 1 << 20;

/// Which permissions files get.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permissions {
    /// What the process's umask leaves of 0666 and 0777.
    Umask,
    /// 0644 and 0755 whatever the umask is: what is installed may be run under another user id than the owner's.
    Everyone,
}

/// Writes the tree into `target`, an empty folder.
pub(crate) fn write_tree(
    tree: &Tree<'_>,
    total: u64,
    target: &Path,
    permissions: Permissions,
    options: &mut Options<'_>,
) -> Result<(), Error> {
    let mask = umask();
    let mut writer = Writer {
        file_mode: Mode::from_bits_truncate(if permissions == Permissions::Everyone { 0o644 } else { 0o666 }),
        program_mode: Mode::from_bits_truncate(if permissions == Permissions::Everyone { 0o755 } else { 0o777 }),
        set_modes: permissions == Permissions::Everyone && mask & 0o755 != 0,
        path: target.to_path_buf(),
        written: 0,
        told: 0,
        total,
        options,
    };
    let root = open_folder(target).map_err(Error::nix("cannot open", target))?;
    writer.options.tell(Phase::Unpack, 0, Some(total));
    writer.folder(root.as_fd(), tree.root()?)?;
    writer.options.tell(Phase::Unpack, writer.written, Some(total));
    Ok(())
}

/// Gives a package's `dev` folder, if it has one, the places that the sandbox mounts devices on: a read-only package
/// cannot be given them later. What the app brought itself stays as it is.
pub(crate) fn add_device_places(target: &Path) -> Result<(), Error> {
    let root = open_folder(target).map_err(Error::nix("cannot open", target))?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let dev = match openat(root.as_fd(), "dev", flags, Mode::empty()) {
        Ok(dev) => dev,
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(()),
        Err(errno) => return Err(Error::nix("cannot open", target.join("dev"))(errno)),
    };
    let before = fstat(&dev).map_err(Error::nix("cannot look at", target.join("dev")))?;
    for name in ["null", "zero", "random", "urandom"] {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(dev.as_fd(), name, flags, Mode::from_bits_truncate(0o644)) {
            Ok(_) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(Error::nix("cannot write", target.join("dev").join(name))(errno)),
        }
    }
    match mkdirat(dev.as_fd(), "shm", Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(Error::nix("cannot make", target.join("dev/shm"))(errno)),
    }
    let modified = TimeSpec::new(before.st_mtime, before.st_mtime_nsec);
    futimens(&dev, &modified, &modified).map_err(Error::nix("cannot set the time of", target.join("dev")))
}

struct Writer<'w, 'o> {
    file_mode: Mode,
    program_mode: Mode,
    /// Whether modes must be set after creating, because the umask takes something away.
    set_modes: bool,
    /// Where the walk is, for messages only: files are opened relative to the folder they are in.
    path: PathBuf,
    written: u64,
    told: u64,
    total: u64,
    options: &'w mut Options<'o>,
}

impl Writer<'_, '_> {
    fn folder(&mut self, folder: BorrowedFd<'_>, files: Folder<'_>) -> Result<(), Error> {
        for file in files {
            let Some(entry) = entry(file)? else {
                return Err(Refusal::UnknownKind("/".to_owned()).into());
            };
            self.path.push(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(entry.name));
            let modified = timespec(entry.modified);
            match entry.content {
                Content::Regular(data) => self.file(folder, entry.name, data, self.file_mode, modified)?,
                Content::Executable(data) => self.file(folder, entry.name, data, self.program_mode, modified)?,
                Content::Symlink(target) => {
                    symlinkat(target, folder, entry.name).map_err(Error::nix("cannot make", &self.path))?;
                    utimensat(folder, entry.name, &modified, &modified, UtimensatFlags::NoFollowSymlink)
                        .map_err(Error::nix("cannot set the time of", &self.path))?;
                }
                Content::Folder(files) => {
                    mkdirat(folder, entry.name, self.program_mode).map_err(Error::nix("cannot make", &self.path))?;
                    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                    let inner = openat(folder, entry.name, flags, Mode::empty())
                        .map_err(Error::nix("cannot open", &self.path))?;
                    self.set_mode(&inner, self.program_mode)?;
                    self.folder(inner.as_fd(), files)?;
                    futimens(&inner, &modified, &modified).map_err(Error::nix("cannot set the time of", &self.path))?;
                }
            }
            self.path.pop();
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        data: &[u8],
        mode: Mode,
        modified: TimeSpec,
    ) -> Result<(), Error> {
        self.options.check_cancelled()?;
        // Exclusive: whatever stands there already, a symbolic link above all, is not written through.
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(folder, name, flags, mode).map_err(Error::nix("cannot write", &self.path))?;
        self.set_mode(&file, mode)?;
        for piece in data.chunks(PIECE) {
            self.options.check_cancelled()?;
            write_all(&file, piece).map_err(Error::nix("cannot write", &self.path))?;
            self.written += piece.len() as u64;
            if self.written - self.told >= TELL {
                self.told = self.written;
                self.options.tell(Phase::Unpack, self.written, Some(self.total));
            }
        }
        futimens(&file, &modified, &modified).map_err(Error::nix("cannot set the time of", &self.path))
    }

    fn set_mode(&self, file: &OwnedFd, mode: Mode) -> Result<(), Error> {
        if self.set_modes {
            fchmod(file, mode).map_err(Error::nix("cannot set the mode of", &self.path))
        } else {
            Ok(())
        }
    }
}

fn write_all(file: &OwnedFd, mut data: &[u8]) -> nix::Result<()> {
    while !data.is_empty() {
        match nix::unistd::write(file, data) {
            Ok(written) => data = &data[written..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn open_folder(path: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}

/// Times before 1970 are rounded down as well, so that nanoseconds stay between 0 and 999 999 999.
fn timespec(nanoseconds: i64) -> TimeSpec {
    const SECOND: i64 = 1_000_000_000;
    TimeSpec::new(nanoseconds.div_euclid(SECOND), nanoseconds.rem_euclid(SECOND))
}

/// The process's umask. Asking `umask(2)` would change it for a moment, for every thread.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let text = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    // Assume the worst when it cannot be read: then modes are set explicitly.
    text.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o777)
}

/// A folder that is removed with all that is in it unless it was [kept](Aside::keep).
pub(crate) struct Aside {
    path: PathBuf,
    kept: bool,
    /// Locked as long as somebody writes here, so that nobody takes it for a leftover.
    _lock: nix::fcntl::Flock<fs::File>,
}

impl Aside {
    /// Makes an empty folder in `parent`, whose name begins with `prefix`.
    pub(crate) fn new(parent: &Path, prefix: &str) -> Result<Self, Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| io::Error::other(error.to_string()))
            .map_err(Error::io("cannot make a random name in", parent))?;
        let path = parent.join(format!("{prefix}{}", hex::encode(random)));
        fs::create_dir(&path).map_err(Error::io("cannot make", &path))?;
        let locked = fs::File::open(&path)
            .map_err(Error::io("cannot open", &path))
            .and_then(|folder| lock(folder).map_err(Error::io("cannot lock", &path)));
        match locked {
            Ok(lock) => Ok(Self { path, kept: false, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its final name. When something is there already, the answer is `false` and the folder goes away.
    pub(crate) fn keep(mut self, target: &Path) -> Result<bool, Error> {
        match fs::rename(&self.path, target) {
            Ok(()) => {
                self.kept = true;
                Ok(true)
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTEMPTY | libc::EEXIST | libc::ENOTDIR)) => {
                Ok(false)
            }
            Err(source) => {
                Err(Error::Io { what: "cannot rename the new folder to", path: target.to_path_buf(), source })
            }
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Locks a folder, or says that somebody else has.
pub(crate) fn lock(folder: fs::File) -> io::Result<nix::fcntl::Flock<fs::File>> {
    nix::fcntl::Flock::lock(folder, nix::fcntl::FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno.into())
}

/// Where symbolic links inside a path lead is the caller's business; the last part must not be there.
pub(crate) fn is_free(path: &Path) -> bool {
    nix::sys::stat::fstatat(nix::fcntl::AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW) == Err(Errno::ENOENT)
}
