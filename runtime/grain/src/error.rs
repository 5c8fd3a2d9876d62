//! Everything that can go wrong with a grain's life, as sentences.

use std::time::Duration;

use crate::SourceError;

/// Why something could not be done with a grain.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The text is no grain id.
    #[error("{0:?} is not a grain id; `granary grains` lists them")]
    BadGrainId(String),
    /// A grain of this id is there already.
    #[error("Grain already exists: {0}")]
    Exists(String),
    /// The grain's folder is missing.
    #[error("No such grain: {0}; its folder is missing")]
    NoSuchGrain(String),
    /// The grain is being deleted.
    #[error("The grain {0} is being deleted")]
    Deleting(String),
    /// The database says no.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The sandbox could not be made; `code` names the entry of `granary doctor`.
    #[error("The grain's sandbox could not be started: {message}")]
    Sandbox {
        /// The entry of the self-test, when there is one.
        code: Option<String>,
        /// The sentence.
        message: String,
    },
    /// The app takes too long.
    #[error("The app did not answer within {} s; it may still be starting, or it hangs: see the grain's log", .0.as_secs())]
    Timeout(Duration),
    /// The app ended or was stopped before it answered.
    #[error("The app ended before it answered: {0}")]
    Ended(String),
    /// The app answered with an error.
    #[error("The app refused to open: {0}")]
    App(String),
    /// The person may do nothing in this grain.
    #[error("You have no permission to open this grain; ask its owner to share it with you")]
    AccessDenied,
    /// A file could not be read or written.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: String,
        /// What the system said.
        error: String,
    },
    /// The kernel's random source failed.
    #[error("The kernel gives no random bytes: {0}")]
    Random(String),
    /// The thread all RPC runs on has ended.
    #[error("Granary is shutting down")]
    ShuttingDown,
}

impl Error {
    /// A stable kebab-case code for the user interface to branch on.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::BadGrainId(_) => "bad-grain-id",
            Self::Exists(_) => "grain-exists",
            Self::NoSuchGrain(_) => "no-such-grain",
            Self::Deleting(_) => "grain-deleting",
            Self::Source(error) => error.code,
            Self::Sandbox { code, .. } => code.as_deref().unwrap_or("sandbox-failed"),
            Self::Timeout(_) => "app-timeout",
            Self::Ended(_) => "app-ended",
            Self::App(_) => "app-error",
            Self::AccessDenied => "access-denied",
            Self::Io { .. } => "grain-io",
            Self::Random(_) => "no-random",
            Self::ShuttingDown => "shutting-down",
        }
    }

    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        Self::Io { what: what.into(), error: error.to_string() }
    }
}
