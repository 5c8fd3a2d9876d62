//! How much disk space a grain takes, and what happens when it is too much.
//!
//! The kernel gives an ordinary user no quota for a folder, so it is watched: inotify says *that* something changed, a
//! walk over the folder says how much there is (`st_blocks * 512 / st_nlink`, folders counted, links not followed). Walks
//! follow half a second after a change; sooner, and down to 50 ms, while the disk's free space falls so fast that the
//! grain could reach its hard limit.
//!
//! What no walk can see, files that were deleted while open, is looked for in the sandbox's processes: when the disk
//! loses more space than the walk explains, and by the clock. Some ways of keeping such a file show that there is one
//! and not how large it is (see [`granary_sandbox::held`]). An app that goes on doing that is charged with all the space
//! the disk has lost, without explanation, since it last hid nothing: others may have taken it, but no app needs to hide.
//!
//! A grain has at most [`WATCHES`] folders watched and all grains together a share of what the kernel gives this user;
//! the others are walked every [`PERIOD`]. No walk takes more than a small part of the time.

mod lost;
mod scan;
mod watch;

pub(crate) use watch::Watcher;

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as channel;
use tokio::time::{Instant, timeout};

use lost::{Lost, UNEXPLAINED};
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
    let Ok(device) = nix::sys::stat::fstat(&root).map(|folder| folder.st_dev) else { return };
    let mut size = Size::default();
    let mut lost: Option<Lost> = None;
    let mut known = Size::default();
    loop {
        let started = Instant::now();
        // Before the walk: what is written meanwhile is explained, though not yet lost.
        let free = free_space(&root);
        let walk = {
            let (root, watched) = (root.clone(), watched.folders());
            tokio::task::spawn_blocking(move || Walk::new(&root, Some(&watched)).run()).await
        };
        match walk {
            Ok(Ok(walked)) => size = walked,
            Ok(Err(error)) => tracing::warn!(%error, "a grain's folder cannot be measured"),
            Err(_) => return,
        }
        let lost = lost.get_or_insert_with(|| Lost::new(free, size.bytes, started));
        if lost.is_due(free, size.bytes, started) {
            let held = tokio::task::spawn_blocking(move || granary_sandbox::held(pid, device)).await;
            lost.found(free, size.bytes, Instant::now(), held.unwrap_or_default());
        }
        let total = Size { bytes: size.bytes + lost.bytes(free, size.bytes), ..size };
        if total != known || report.borrow().is_none() {
            known = total;
            report.send_replace(Some(known));
        }
        let rest = started.elapsed() * REST;
        if rest > GLANCE {
            tokio::time::sleep(rest.min(PERIOD)).await;
        }
        // Wait for a change, then for the writing to pause or to become dangerous.
        let patience = Instant::now() + lost.patience();
        let changed = loop {
            if timeout(lost.glance(), watched.changed()).await.is_ok() {
                lost.heard();
                break true;
            }
            if Instant::now() >= patience || free.saturating_sub(free_space(&root)) > UNEXPLAINED {
                break false;
            }
        };
        let deadline = Instant::now() + if changed { DEBOUNCE } else { Duration::ZERO };
        let danger = (hard.saturating_sub(known.bytes) / 4).max(1 << 20);
        while free.saturating_sub(free_space(&root)) < danger && Instant::now() < deadline {
            tokio::time::sleep(GLANCE).await;
        }
    }
}

fn free_space(root: &OwnedFd) -> u64 {
    #[allow(clippy::useless_conversion)]
    nix::sys::statvfs::fstatvfs(root.as_fd())
        .map_or(0, |disk| u64::from(disk.blocks_free()) * u64::from(disk.fragment_size()))
}
