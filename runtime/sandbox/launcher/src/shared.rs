//! What init and the app-to-be share: their memory's only common part.

use std::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use granary_sandbox::protocol::{LAUNCH_MAX, Step, WORDS_MAX};

use crate::sys::Errno;

/// The launcher's pidfd, in the launcher and in a sandbox's init.
pub(crate) const LIFELINE: i32 = 3;
/// /dev/null, likewise.
pub(crate) const NULL: i32 = 4;
/// The sandbox's socket to the appliance, in init.
pub(crate) const SOCKET: i32 = 5;
/// The first descriptor that init uses for other things; with all below taken, none of them can be 0 to 3, where the
/// app's descriptors go.
pub(crate) const FIRST_FREE: i32 = 6;
/// Where the Landlock rule set is handed over. The app's filter allows landlock_restrict_self on this number only.
pub(crate) const RULESET: i32 = 60;

/// Words written by the one and read by the other.
pub(crate) struct Shared {
    /// `WITHOUT_*` of the request.
    pub(crate) fences: AtomicU32,
    /// Not zero until the app-to-be has left this memory. The kernel writes it.
    pub(crate) alive: AtomicU32,
    /// One when the app-to-be may go on, from step 13.
    pub(crate) go: AtomicU32,
    /// Where the app-to-be failed: the step's number plus one, and the errno.
    pub(crate) failed_step: AtomicU32,
    pub(crate) failed_errno: AtomicU32,
    /// What to run: addresses in [`MESSAGE`] and [`POINTERS`].
    pub(crate) program: AtomicUsize,
    pub(crate) argv: AtomicUsize,
    pub(crate) envp: AtomicUsize,
    pub(crate) api: AtomicU32,
    pub(crate) log: AtomicU32,
    pub(crate) landlock: AtomicU32,
    /// Limits.
    pub(crate) processes: AtomicU64,
    pub(crate) data: AtomicU64,
}

pub(crate) static SHARED: Shared = Shared {
    fences: AtomicU32::new(0),
    alive: AtomicU32::new(0),
    go: AtomicU32::new(0),
    failed_step: AtomicU32::new(0),
    failed_errno: AtomicU32::new(0),
    program: AtomicUsize::new(0),
    argv: AtomicUsize::new(0),
    envp: AtomicUsize::new(0),
    api: AtomicU32::new(0),
    log: AtomicU32::new(0),
    landlock: AtomicU32::new(0),
    processes: AtomicU64::new(0),
    data: AtomicU64::new(0),
};

impl Shared {
    pub(crate) fn fail(&self, step: Step, Errno(errno): Errno) {
        self.failed_errno.store(errno.cast_unsigned(), Ordering::SeqCst);
        self.failed_step.store(step as u32 + 1, Ordering::SeqCst);
    }

    pub(crate) fn failure(&self) -> Option<(Step, Errno)> {
        let step = self.failed_step.load(Ordering::SeqCst).checked_sub(1)?;
        let errno = self.failed_errno.load(Ordering::SeqCst).cast_signed();
        Some((*Step::ALL.get(step as usize)?, Errno(errno)))
    }
}

/// A static that one process uses, at one time.
#[repr(align(64))]
pub(crate) struct Own<T>(UnsafeCell<T>);

// SAFETY: `get` below puts it on the caller to be the only user; there are no threads.
unsafe impl<T> Sync for Own<T> {}

impl<T> Own<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(crate) const fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// The launch message, read by init. Pages that are not used cost nothing.
pub(crate) static MESSAGE: Own<[u8; LAUNCH_MAX + 1]> = Own::new([0; LAUNCH_MAX + 1]);
/// argv and envp: addresses of strings in [`MESSAGE`], each list ended by a zero.
pub(crate) static POINTERS: Own<[usize; WORDS_MAX + 2]> = Own::new([0; WORDS_MAX + 2]);
/// The stack of the app-to-be. It makes a dozen system calls.
pub(crate) static STACK: Own<[u8; 16 * 1024]> = Own::new([0; 16 * 1024]);
