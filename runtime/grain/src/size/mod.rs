//! How much disk space a grain takes, and what happens when it is too much.
//!
//! The kernel gives an ordinary user no quota for a folder, so it is watched: inotify says *that* something changed, a
//! walk over the folder says how much there is (`st_blocks * 512 / st_nlink`, folders counted, links not followed). Walks
//! follow half a second after a change; sooner, and down to 50 ms, while the disk's free space falls so fast that the
//! grain could reach its hard limit. What no walk can see, files that were deleted while open, is looked for among the
//! descriptors of the sandbox's processes when the disk loses more space than the walk explains.
//!
//! A grain has at most [`WATCHES`] folders watched and all grains together a share of what the kernel gives this user;
//! the others are walked every [`PERIOD`]. No walk takes more than a small part of the time.

mod hidden;
mod scan;
mod watch;

pub(crate) use watch::Watcher;

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as channel;
use tokio::time::{Instant, timeout};

use scan::Walk;
pub(crate) use scan::measure;

/// How many folders of one grain are watched.
const WATCHES: usize = 512;
/// How often a grain is walked though nothing was heard of it.
const PERIOD: Duration = Duration::from_secs(10);
/// How long after a change the walk comes.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// How often the disk's free space is looked at after a change.
const GLANCE: Duration = Duration::from_millis(50);
/// How many times longer than a walk takes the next one waits.
const REST: u32 = 10;
/// Disk space lost without explanation, from which on hidden files are looked for.
const UNEXPLAINED: u64 = 64 << 20;

/// What a walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes on disk, hidden ones included.
    pub(crate) bytes: u64,
    /// It could not be measured to the end, since its folders nest too deep.
    pub(crate) too_deep: bool,
}

/// Watches one running grain until dropped.
pub(crate) struct Accounting {
    task: tokio::task::JoinHandle<()>,
    pub(crate) size: channel::Receiver<Option<Size>>,
}

impl Drop for Accounting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Accounting {
    /// Starts to watch the folder `dir` of a sandbox whose init is `pid`; `hard` is where the walks hurry.
    pub(crate) fn start(
        runtime: &tokio::runtime::Handle,
        watcher: &Arc<Watcher>,
        dir: &Path,
        pid: u32,
        hard: u64,
    ) -> std::io::Result<Self> {
        let root = scan::open_folder(dir)?;
        let (report, size) = channel::channel(None);
        let watched = watcher.clone().enter();
        let task = runtime.spawn(follow(Arc::new(root), watched, pid, hard, report));
        Ok(Self { task, size })
    }
}

/// The life of one grain's accounting.
async fn follow(
    root: Arc<OwnedFd>,
    watched: watch::Watched,
    pid: u32,
    hard: u64,
    report: channel::Sender<Option<Size>>,
) {
    let mut known = Size::default();
    let mut hidden = 0;
    // What the disk and the walk said when hidden files were last looked for.
    let mut baseline: Option<(u64, u64)> = None;
    let mut looked = Instant::now();
    let mut written = false;
    loop {
        let free_before = free_space(&root);
        let started = Instant::now();
        let walk = {
            let (root, watched) = (root.clone(), watched.folders());
            tokio::task::spawn_blocking(move || Walk::new(&root, Some(&watched)).run()).await
        };
        let Ok(walk) = walk else { return };
        let size = match walk {
            Ok(size) => size,
            Err(error) => {
                tracing::warn!(%error, "a grain's folder cannot be measured");
                Size { bytes: known.bytes - hidden.min(known.bytes), too_deep: false }
            }
        };
        let total = Size { bytes: size.bytes + hidden, ..size };
        if total != known || report.borrow().is_none() {
            known = total;
            report.send_replace(Some(known));
        }
        let rest = started.elapsed() * REST;
        if rest > GLANCE {
            tokio::time::sleep(rest.min(PERIOD)).await;
        }
        // Wait for a change, then for the writing to pause or to become dangerous.
        let changed = timeout(PERIOD, watched.changed()).await.is_ok();
        let deadline = Instant::now() + if changed { DEBOUNCE } else { Duration::ZERO };
        let danger = (hard.saturating_sub(known.bytes) / 4).max(1 << 20);
        while free_before.saturating_sub(free_space(&root)) < danger && Instant::now() < deadline {
            tokio::time::sleep(GLANCE).await;
        }
        let (free, walked) = *baseline.get_or_insert((free_before, size.bytes));
        let lost = free.saturating_sub(free_space(&root));
        written |= changed;
        let unexplained = lost.saturating_sub(size.bytes.saturating_sub(walked)) > UNEXPLAINED;
        // Others may free at the same time what this grain takes, so a grain that writes is also looked at by the clock.
        if hidden > 0 || unexplained || (written && looked.elapsed() >= PERIOD) {
            (looked, written) = (Instant::now(), false);
            let device = root.clone();
            hidden = tokio::task::spawn_blocking(move || hidden::held_open(pid, &device)).await.unwrap_or(0);
            baseline = Some((free_space(&root), size.bytes));
        }
    }
}

fn free_space(root: &OwnedFd) -> u64 {
    #[allow(clippy::useless_conversion)]
    nix::sys::statvfs::fstatvfs(root.as_fd())
        .map_or(0, |disk| u64::from(disk.blocks_free()) * u64::from(disk.fragment_size()))
}
