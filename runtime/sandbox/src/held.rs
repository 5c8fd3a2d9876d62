//! Files that a sandbox's processes keep although they were deleted: they take space and no walk over /var shows them.
//!
//! All that is needed is readable for the appliance: a sandbox's user namespace belongs to its user, who has every
//! capability in it. Only init's own /proc is closed (it is not dumpable, and its memory counts as the host's), so the
//! sandbox is known by the namespace of init's children. A program that made itself unreadable, by prctl or by running
//! an executable without read permission, has a /proc/PID/fd of root's; its descriptors are borrowed one by one instead.
//!
//! Three things cannot be measured so: files that are only mapped, files under way inside a Unix socket, and, before
//! Linux 6.9, the descriptors of an unreadable program's thread that has a table of its own. Of these it is told *that*
//! there are some.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufRead as _, BufReader},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::sys::stat::{FileStat, SFlag, fstat};

/// What is looked at for longer than this hides by its mass.
const BUDGET: Duration = Duration::from_secs(2);

/// What processes hold of a disk that no folder shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Bytes on the disk, of files without a name.
    pub bytes: u64,
    /// There are, or may be, more such files, whose size cannot be told.
    pub more: bool,
}

/// Looks at every process of the sandbox whose init is `init`, for deleted files on the disk `device` (a `st_dev`). Blocks.
#[must_use]
pub fn held(init: u32, device: u64) -> Held {
    let mut search = Search { device, seen: HashSet::new(), held: Held::default(), deadline: Instant::now() + BUDGET };
    for process in processes(init) {
        search.process(process);
        if search.is_late() {
            search.held.more = true;
            break;
        }
    }
    search.held
}

/// The processes in the process namespace of `init`.
fn processes(init: u32) -> Vec<u32> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Ok(own) = fs::read_link("/proc/self/ns/pid") else { return Vec::new() };
    let all: Vec<(u32, PathBuf)> = numbers(Path::new("/proc"))
        .into_iter()
        .filter_map(|pid| Some((pid, namespace(pid)?)))
        .filter(|(_, namespace)| *namespace != own)
        .collect();
    let of_init = all.iter().find(|(pid, _)| parent(*pid) == Some(init)).map(|(_, namespace)| namespace);
    all.iter().filter(|(_, namespace)| Some(namespace) == of_init).map(|(pid, _)| *pid).collect()
}

/// The names in a folder that are numbers.
fn numbers(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the state and the parent follow the last one.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

struct Search {
    device: u64,
    /// Inodes that were counted.
    seen: HashSet<u64>,
    held: Held,
    deadline: Instant,
}

impl Search {
    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    fn process(&mut self, pid: u32) {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        let threads = numbers(&tasks);
        let mut known: Option<u32> = None;
        for thread in &threads {
            // Threads share a table as a rule, but need not.
            if !known.is_some_and(|known| share_descriptors(known, *thread)) {
                self.descriptors(&tasks.join(thread.to_string()), *thread, *thread == pid);
                known = Some(*thread);
            }
            if self.is_late() {
                return;
            }
        }
        // The first that still has memory tells of all: one that has ended may have left its threads behind.
        for thread in threads {
            if self.mappings(&tasks.join(thread.to_string()).join("maps")).is_ok_and(|lines| lines > 0) {
                break;
            }
        }
    }

    fn descriptors(&mut self, task: &Path, thread: u32, leads: bool) {
        let folder = task.join("fd");
        match fs::read_dir(&folder) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    // Follows the descriptor itself, not a name in the sandbox.
                    let Ok(file) = fs::metadata(entry.path()) else { continue };
                    if file.is_file() {
                        self.add(file.nlink(), file.dev(), file.ino(), file.blocks());
                    } else if file.file_type().is_socket() {
                        self.under_way(&task.join("fdinfo").join(entry.file_name()));
                    }
                    if self.is_late() {
                        return;
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.borrowed_descriptors(&task.join("fdinfo"), thread, leads);
            }
            // It has ended.
            Err(_) => {}
        }
    }

    /// The same for a thread whose descriptors may not be looked at in place.
    fn borrowed_descriptors(&mut self, infos: &Path, thread: u32, leads: bool) {
        let process = match open_process(thread, leads) {
            Ok(process) => process,
            Err(error) => {
                self.held.more |= error.raw_os_error() != Some(libc::ESRCH);
                return;
            }
        };
        for number in numbers(infos) {
            match borrow(&process, number).and_then(|file| Ok(fstat(file)?)) {
                Ok(file) => {
                    let kind = SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT;
                    if kind == SFlag::S_IFREG {
                        self.add_stat(&file);
                    } else if kind == SFlag::S_IFSOCK {
                        self.under_way(&infos.join(number.to_string()));
                    }
                }
                Err(error) => {
                    self.held.more |= !matches!(error.raw_os_error(), Some(libc::EBADF | libc::ESRCH));
                }
            }
            if self.is_late() {
                return;
            }
        }
    }

    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "types differ between architectures")]
    fn add_stat(&mut self, file: &FileStat) {
        self.add(u64::from(file.st_nlink), file.st_dev, file.st_ino, u64::try_from(file.st_blocks).unwrap_or(0));
    }

    fn add(&mut self, links: u64, device: u64, inode: u64, blocks: u64) {
        if links == 0 && device == self.device && self.seen.insert(inode) {
            self.held.bytes += blocks * 512;
        }
    }

    /// Descriptors that were sent through a Unix socket and not yet received.
    fn under_way(&mut self, info: &Path) {
        let Ok(info) = fs::read_to_string(info) else { return };
        self.held.more |= info
            .lines()
            .filter_map(|line| line.strip_prefix("scm_fds:"))
            .any(|count| count.trim().parse::<u64>().is_ok_and(|count| count > 0));
    }

    /// Gives how many mappings there are.
    fn mappings(&mut self, maps: &Path) -> io::Result<usize> {
        let mut lines = 0;
        let mut reader = BufReader::new(fs::File::open(maps)?);
        let mut line = Vec::new();
        // A name of the app's may be no UTF-8.
        while reader.read_until(b'\n', &mut line)? > 0 && !self.is_late() {
            lines += 1;
            self.mapping(&line);
            line.clear();
        }
        Ok(lines)
    }

    /// One line: addresses, permissions, offset, device, inode, and the path inside the sandbox.
    fn mapping(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_end_matches('\n').splitn(6, ' ');
        let (Some(inode), Some(path)) = (words.nth(4).and_then(|inode| inode.parse().ok()), words.next()) else {
            return;
        };
        let path = path.trim_start();
        // /tmp and /dev/shm are in memory.
        if path.starts_with("/var/") && path.ends_with(" (deleted)") {
            self.held.more |= !self.seen.contains(&inode);
        }
    }
}

/// Whether two threads have one table of descriptors.
fn share_descriptors(one: u32, other: u32) -> bool {
    const KCMP_FILES: libc::c_int = 2;
    // SAFETY: all arguments are numbers.
    unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0 }
}

fn open_process(thread: u32, leads: bool) -> io::Result<OwnedFd> {
    // A process by its first thread; from Linux 6.9 on any thread.
    const PIDFD_THREAD: libc::c_int = libc::O_EXCL;
    // SAFETY: all arguments are numbers, and a result is a fresh descriptor of ours.
    unsafe { owned(libc::syscall(libc::SYS_pidfd_open, thread, if leads { 0 } else { PIDFD_THREAD })) }
}

/// A copy of another process's descriptor, for a moment.
fn borrow(process: &OwnedFd, number: u32) -> io::Result<OwnedFd> {
    // SAFETY: all arguments are numbers, and a result is a fresh descriptor of ours, closed on exec.
    unsafe { owned(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0)) }
}

/// # Safety
///
/// A result that is no error must be a descriptor that nobody else knows.
unsafe fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: promised by the caller.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
