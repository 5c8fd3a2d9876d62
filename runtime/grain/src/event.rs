//! What this crate tells the rest of the appliance while grains live.

/// Whether a grain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrainState {
    /// No process.
    Stopped,
    /// A sandbox is being made.
    Starting,
    /// The app runs.
    Running,
}

/// Something happened to a grain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrainEvent {
    /// The grain was started or has ended.
    State {
        /// Which grain.
        grain_id: String,
        /// What it is now.
        state: GrainState,
    },
    /// The app ended by itself, or was ended for what it did. It starts again on its next use.
    Crashed {
        /// Which grain.
        grain_id: String,
        /// The sentence that also stands in the grain's log.
        reason: String,
    },
    /// The size of the grain's folder changed.
    Size {
        /// Which grain.
        grain_id: String,
        /// Bytes on disk.
        bytes: u64,
    },
    /// The grain takes more space than the soft limit; told once until it falls below again.
    DiskWarning {
        /// Which grain.
        grain_id: String,
        /// Bytes on disk.
        bytes: u64,
        /// The soft limit.
        limit: u64,
    },
    /// The grain was stopped since it takes more space than the hard limit.
    DiskFull {
        /// Which grain.
        grain_id: String,
        /// Bytes on disk.
        bytes: u64,
        /// The hard limit.
        limit: u64,
    },
    /// The grain is gone for good.
    Deleted {
        /// Which grain.
        grain_id: String,
    },
}

impl GrainEvent {
    /// The grain it is about.
    #[must_use]
    pub fn grain_id(&self) -> &str {
        match self {
            Self::State { grain_id, .. }
            | Self::Crashed { grain_id, .. }
            | Self::Size { grain_id, .. }
            | Self::DiskWarning { grain_id, .. }
            | Self::DiskFull { grain_id, .. }
            | Self::Deleted { grain_id } => grain_id,
        }
    }
}

/// What is known of a grain at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrainStatus {
    /// Whether it runs.
    pub state: GrainState,
    /// The size of its folder, once it was measured in this run of the appliance.
    pub size: Option<u64>,
    /// How often it was started in this run of the appliance.
    pub starts: u64,
    /// Why it ended the last time, when it ended by itself.
    pub last_crash: Option<String>,
}
