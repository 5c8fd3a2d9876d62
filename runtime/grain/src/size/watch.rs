//! One inotify instance for all grains, with a share for each.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use super::WATCHES;

/// How long the reader lets events pile up, so that a flood of them costs little.
const PAUSE: Duration = Duration::from_millis(20);

/// Tells grains apart that share one inotify instance.
pub(crate) struct Watcher {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Default)]
struct State {
    inotify: Option<Arc<Inotify>>,
    owners: HashMap<WatchDescriptor, u64>,
    grains: HashMap<u64, (Arc<Notify>, usize)>,
    last: u64,
}

impl Watcher {
    /// Starts to listen on `runtime`. Without inotify all grains are walked regularly instead.
    pub(crate) fn start(runtime: &tokio::runtime::Handle) -> Arc<Self> {
        // Half of what this user may have; desktops need the rest.
        let allowed = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
        let capacity = allowed.ok().and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or(8192) / 2;
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map(Arc::new);
        let watcher = Arc::new(Self {
            state: Mutex::new(State { inotify: inotify.as_ref().ok().cloned(), ..State::default() }),
            capacity,
        });
        match inotify {
            Ok(inotify) => {
                runtime.spawn(listen(Arc::downgrade(&watcher), inotify));
            }
            Err(error) => {
                tracing::warn!(%error, "inotify is not available; grains' sizes are measured every few seconds");
            }
        }
        watcher
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A grain of its own.
    pub(super) fn enter(self: Arc<Self>) -> Watched {
        let notify = Arc::new(Notify::new());
        let mut state = self.lock();
        state.last += 1;
        let key = state.last;
        state.grains.insert(key, (notify.clone(), 0));
        drop(state);
        Watched { folders: Folders(Arc::new(Membership { watcher: self, key })), notify }
    }

    fn add(&self, key: u64, folder: &OwnedFd) {
        let mut state = self.lock();
        let State { inotify: Some(inotify), owners, grains, .. } = &mut *state else { return };
        let all = owners.len();
        let Some((_, count)) = grains.get_mut(&key) else { return };
        if *count >= WATCHES || all >= self.capacity {
            return;
        }
        // By its descriptor: the app may have put a link in the name's place. The magic link is followed on purpose.
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let events = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_ONLYDIR;
        // The same folder gives the same descriptor again.
        if let Ok(descriptor) = inotify.add_watch(path.as_str(), events)
            && owners.insert(descriptor, key) != Some(key)
        {
            *count += 1;
        }
    }

    fn leave(&self, key: u64) {
        let mut state = self.lock();
        let State { inotify, owners, grains, .. } = &mut *state;
        grains.remove(&key);
        owners.retain(|descriptor, owner| {
            if *owner == key
                && let Some(inotify) = inotify
            {
                // EINVAL: the folder is gone, and the watch with it.
                let _ = inotify.rm_watch(*descriptor);
            }
            *owner != key
        });
    }

    fn events(&self, inotify: &Inotify) -> nix::Result<()> {
        loop {
            let events = inotify.read_events()?;
            let mut state = self.lock();
            let State { owners, grains, .. } = &mut *state;
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    grains.values().for_each(|(notify, _)| notify.notify_one());
                }
                let Some(owner) = owners.get(&event.wd).copied() else { continue };
                let Some((notify, count)) = grains.get_mut(&owner) else { continue };
                notify.notify_one();
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    owners.remove(&event.wd);
                    *count = count.saturating_sub(1);
                }
            }
        }
    }
}

async fn listen(watcher: std::sync::Weak<Watcher>, inotify: Arc<Inotify>) {
    use std::os::fd::AsFd;
    let duplicate = inotify.as_fd().try_clone_to_owned();
    let ready = duplicate.and_then(|fd| {
        // SAFETY: the descriptor is owned by what is registered and closed only after it was deregistered.
        unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)
    });
    let ready = match ready {
        Ok(ready) => ready,
        Err(error) => {
            tracing::warn!(%error, "inotify cannot be listened to");
            return;
        }
    };
    while let Ok(mut guard) = ready.readable().await {
        guard.clear_ready();
        let Some(watcher) = watcher.upgrade() else { return };
        match watcher.events(&inotify) {
            Ok(()) | Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
            Err(error) => tracing::warn!(%error, "inotify cannot be read"),
        }
        drop(watcher);
        tokio::time::sleep(PAUSE).await;
    }
}

/// One grain's part of the watcher; gives its watches back when dropped.
pub(super) struct Watched {
    folders: Folders,
    notify: Arc<Notify>,
}

/// The way to have more folders of a grain watched.
#[derive(Clone)]
pub(super) struct Folders(Arc<Membership>);

struct Membership {
    watcher: Arc<Watcher>,
    key: u64,
}

impl Watched {
    /// Returns when something changed since the last time.
    pub(super) async fn changed(&self) {
        self.notify.notified().await;
    }

    pub(super) fn folders(&self) -> Folders {
        self.folders.clone()
    }
}

impl Folders {
    /// Watches a folder too, if there is room.
    pub(super) fn add(&self, folder: &OwnedFd) {
        self.0.watcher.add(self.0.key, folder);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.watcher.leave(self.key);
    }
}
