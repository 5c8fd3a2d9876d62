//! What the owner can set about grains, with the values that hold otherwise.

use std::time::Duration;

use tokio::sync::broadcast;

use crate::transport::ApiLimits;

/// The settings of all grains.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When each grain is looked at whether it is still in use. One that was used since the last look stays, so it
    /// ends one to two intervals after its last use.
    pub ticks: Ticks,
    /// How long an app may take to say what it is and to open a session.
    pub start_timeout: Duration,
    /// Memory, processes and processor of one grain.
    pub limits: granary_sandbox::Limits,
    /// What one grain may ask of the appliance.
    pub api: ApiLimits,
    /// Bytes that all grains' messages may take in the appliance's memory together.
    pub api_memory: usize,
    /// Disk space of one grain.
    pub disk: DiskLimits,
    /// The log's size before it is put aside as `log.1`.
    pub log_bytes: u64,
    /// How many bytes of log a grain may write in a second, after a first burst of `log_burst`. It waits above that.
    pub log_rate: u64,
    /// See `log_rate`.
    pub log_burst: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ticks: Ticks::Every(Duration::from_secs(90)),
            start_timeout: Duration::from_mins(1),
            limits: granary_sandbox::Limits::default(),
            api: ApiLimits::default(),
            api_memory: 256 << 20,
            disk: DiskLimits::default(),
            log_bytes: 512 << 10,
            log_rate: 1 << 20,
            log_burst: 4 << 20,
        }
    }
}

/// How much disk space one grain may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// Above it the owner is warned.
    pub soft: u64,
    /// Above it the grain is stopped. A grain that starts above it may grow by [`DiskLimits::LEEWAY`] more, so that
    /// its owner can open it and tidy up.
    pub hard: u64,
}

impl DiskLimits {
    /// What a grain above the hard limit may still write.
    pub const LEEWAY: u64 = 64 << 20;
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { soft: 4 << 30, hard: 8 << 30 }
    }
}

/// The clock of the keep-alive.
#[derive(Clone, Debug)]
pub enum Ticks {
    /// A look at each grain this often, counted from its start.
    Every(Duration),
    /// A look at every grain whenever something is sent here: for tests.
    Manual(broadcast::Sender<()>),
}

/// One grain's view of the clock.
pub(crate) enum Ticker {
    Every(tokio::time::Interval),
    Manual(broadcast::Receiver<()>),
}

impl Ticks {
    pub(crate) fn ticker(&self) -> Ticker {
        match self {
            Self::Every(period) => {
                let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + *period, *period);
                interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                Ticker::Every(interval)
            }
            Self::Manual(sender) => Ticker::Manual(sender.subscribe()),
        }
    }
}

impl Ticker {
    pub(crate) async fn tick(&mut self) {
        match self {
            Self::Every(interval) => {
                interval.tick().await;
            }
            Self::Manual(receiver) => {
                if let Err(broadcast::error::RecvError::Closed) = receiver.recv().await {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
