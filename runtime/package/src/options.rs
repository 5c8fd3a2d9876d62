//! How to read a package: where to put what is only needed for a while, what to expect, whom to tell.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::{Error, PackageId};

/// How to read a package. `Options::default()` suits a local file.
#[derive(Default)]
pub struct Options<'a> {
    /// The package's size in bytes, when it is known, so that progress can be told as a part of it.
    pub size: Option<u64>,
    /// The package that was asked for; another one is refused before anything of it becomes visible.
    pub expect: Option<PackageId>,
    /// The folder for the decompressed archive, which never has a name there. [`crate::verify`] uses `/var/tmp` when
    /// none is given; unpacking and installing use the folder they write to.
    pub scratch: Option<&'a Path>,
    /// Called from time to time, on the thread that called.
    pub progress: Option<&'a mut (dyn FnMut(Progress) + Send)>,
    /// Set it to stop soon; nothing is left behind.
    pub cancel: Option<&'a AtomicBool>,
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Bytes dealt with in this phase.
    pub bytes: u64,
    /// Bytes there will be, when that is known.
    pub total: Option<u64>,
}

/// What an operation is doing. Downloading and verifying go on at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Bytes of the package that have arrived.
    Download,
    /// Decompressed bytes that have been hashed.
    Verify,
    /// Bytes of files that have been written.
    Unpack,
}

impl Options<'_> {
    pub(crate) fn tell(&mut self, phase: Phase, bytes: u64, total: Option<u64>) {
        if let Some(progress) = &mut self.progress {
            progress(Progress { phase, bytes, total });
        }
    }

    pub(crate) fn check_cancelled(&self) -> Result<(), Error> {
        match self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
