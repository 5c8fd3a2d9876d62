//! Why a launch failed.

use std::{io, path::PathBuf};

use crate::{
    entry::{Entry, Severity, codes},
    protocol::Step,
};

/// Why a launch failed. [`Error::entry`] has the same as an entry of the registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The launcher program was not found.
    #[error(
        "the program granary-launcher is not in {}; reinstall Granary, or point GRANARY_LIBEXEC to its folder",
        .0.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" nor in ")
    )]
    NoLauncher(Vec<PathBuf>),
    /// The launcher program could not be started.
    #[error("cannot start {}: {error}; reinstall Granary", program.display())]
    LauncherStart {
        /// The program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The launcher ended while it was asked; the next launch starts another one.
    #[error("the launcher ended unexpectedly; open the grain again")]
    LauncherGone,
    /// This computer does not give what the sandbox needs.
    #[error("{} {}", entry.text, entry.remedy)]
    Refused {
        /// What is missing, and the remedy.
        entry: Box<Entry>,
        /// The step that failed.
        step: Step,
        /// The kernel's answer.
        errno: i32,
    },
    /// The package's or the grain's folder cannot be used.
    #[error("cannot use the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The app's own program cannot be started; a fault of the package.
    #[error("the app's program {program} cannot be started: {error}")]
    Program {
        /// The first argument of its command line.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// The launch itself makes no sense.
    #[error("the app's command cannot be run: {0}")]
    Invalid(&'static str),
    /// The sandbox was killed before the program started.
    #[error("the sandbox was ended before the app started; open the grain again")]
    Killed,
    /// Talking to the launcher failed.
    #[error("cannot talk to the launcher: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// The stable name of this failure: one of [`codes`], or `sandbox-command` for faults of the package and
    /// `sandbox-folder` for those of the data folder.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NoLauncher(_) | Self::LauncherStart { .. } | Self::LauncherGone => codes::LAUNCHER,
            Self::Refused { entry, .. } => &entry.code,
            Self::Folder { .. } => "sandbox-folder",
            Self::Program { .. } | Self::Invalid(_) => "sandbox-command",
            Self::Killed | Self::Io(_) => codes::TRIAL,
        }
    }

    /// The failure as an entry of the registry.
    #[must_use]
    pub fn entry(&self) -> Entry {
        match self {
            Self::Refused { entry, .. } => (**entry).clone(),
            other => {
                Entry::new(other.code(), "The grain could not be started", Severity::Error).bad(other.to_string(), "")
            }
        }
    }

    /// Makes the error of a failed step; `argv0`, `package` and `var` are those of the launch.
    pub(crate) fn step(step: Step, errno: i32, launch: &crate::Launch) -> Self {
        let error = io::Error::from_raw_os_error(errno);
        let of_folder = matches!(errno, libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ENAMETOOLONG | libc::EACCES);
        match step {
            Step::Exec => Self::Program {
                program: launch.argv.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default(),
                error,
            },
            Step::Package if of_folder => Self::Folder { path: launch.package.clone(), error },
            Step::Var if of_folder => Self::Folder { path: launch.var.clone(), error },
            Step::Receive if errno == libc::EINVAL => Self::Invalid("its command line is malformed"),
            _ => Self::refused(step, errno),
        }
    }

    /// A step that this computer refused.
    pub(crate) fn refused(step: Step, errno: i32) -> Self {
        Self::Refused { entry: Box::new(crate::doctor::Observations::read().explain(step, errno)), step, errno }
    }
}
