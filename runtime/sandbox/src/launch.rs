//! What to run and how it ended: plain values.

use std::{ffi::OsString, os::fd::OwnedFd, path::PathBuf};

/// One program to be run in a sandbox.
///
/// Inside, the program sees `package` as a read-only `/`, and over it, where the package has such a folder, its own
/// `/var`, a fresh `/tmp` (16 MiB) and `/dev` (null, zero, random, urandom, shm). It runs as user 1000 in `/` with
/// exactly the given arguments and environment; no shell and no PATH search are involved. It has /dev/null as fd 0,
/// `log` as fds 1 and 2, `api` as fd 3, and nothing else.
#[derive(Debug)]
pub struct Launch {
    /// A short name, for the trace.
    pub name: String,
    /// The unpacked package: an absolute path to a folder.
    pub package: PathBuf,
    /// The folder that is /var: an absolute path. Its owner must be the grain's outside id; see [`crate::own_var`].
    pub var: PathBuf,
    /// The command line; the first is the program's path inside the sandbox, relative to `/` or absolute.
    pub argv: Vec<OsString>,
    /// The environment.
    pub env: Vec<(OsString, OsString)>,
    /// The program's end of its API socket (fd 3). The appliance's copy is closed by the launch, so that the other
    /// end sees the end of file when the program closes fd 3.
    pub api: OwnedFd,
    /// Where output goes (fds 1 and 2): a pipe or a file opened for appending.
    pub log: OwnedFd,
    /// How much of the computer it may use.
    pub limits: Limits,
}

/// How much of the computer one sandbox may use.
///
/// With a delegated cgroup all of it holds, tree-wide. Without one, `processes` still does (RLIMIT_NPROC of the user
/// namespace), `memory` becomes RLIMIT_DATA of each process at twice the value, and the rest is not enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, page cache of its own files included.
    pub memory: u64,
    /// Bytes of swap on top.
    pub swap: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Share of the processor against other grains, 1 to 10 000; 100 is the usual one.
    pub cpu_weight: u32,
    /// Hard limit in percent of one processor; `None` lets a grain use what is idle.
    pub cpu_percent: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, swap: 512 << 20, processes: 512, cpu_weight: 100, cpu_percent: None }
    }
}

/// How a sandbox ended. When this is known, no process of it lives any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The program ended with this exit code.
    Code(i32),
    /// The program was ended by this signal.
    Signal(i32),
    /// The sandbox used more memory than it may.
    OutOfMemory,
    /// The whole sandbox was killed from outside: by [`crate::Sandbox::kill`] or with the launcher.
    Killed,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status code {code}"),
            Self::Signal(signal) => {
                let name =
                    nix::sys::signal::Signal::try_from(*signal).map_or("unknown", nix::sys::signal::Signal::as_str);
                write!(f, "exited due to signal {signal} ({name})")
            }
            Self::OutOfMemory => write!(f, "was ended because it used more memory than its limit"),
            Self::Killed => write!(f, "was stopped"),
        }
    }
}
