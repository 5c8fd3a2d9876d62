//! The small single-threaded program that creates sandboxes.
//!
//! Three processes take part, and each has a file here:
//!
//! | file | process | life |
//! |---|---|---|
//! | `launcher.rs` | the launcher | as long as the appliance |
//! | `setup.rs`, then `init.rs` | pid 1 of a sandbox: sets it up, then is the parent of the app | as long as the app |
//! | `app.rs` | pid 2 of a sandbox: loads its filter, waits, and becomes the app | the app |
//!
//! The numbered steps, the same in the code:
//!
//! 1. *launcher*: one clone3 with all namespaces; the answer to the appliance is the new process's pidfd.
//! 2. *setup*: dies with the launcher from here on; leaves the launcher's descriptors.
//! 3. *setup*: maps one id, 1000 inside.
//! 4. *setup*: drops the bounding set and makes pid 2, which runs beside it on the same memory.
//! 5. *app*: drops its capabilities, loads the app's filter, waits for step 13.
//! 6. *setup*: forbids nested user namespaces.
//! 7. *setup*: loopback up, host name.
//! 8. *setup*: the file systems that every sandbox gets, attached nowhere yet.
//! 9. *setup*: reads what to run. A prepared sandbox waits here.
//! 10. *setup*: package and /var as mounts, put together under /tmp of its own mount namespace.
//! 11. *setup*: pivot_root, the old root is let go.
//! 12. *setup*: Landlock's rules.
//! 13. *setup*: drops its own capabilities, wakes pid 2.
//! 14. *app*: limits, descriptors, Landlock, exec.
//! 15. *init*: loads its filter, tells the appliance, closes all but its socket, reaps until the app ends, tells how.
//!
//! Steps 5 and 6 to 12 overlap, and so do 14 and the beginning of 15: on two processors the cost of loading filters
//! is not part of a launch.
//!
//! Step 1 forks instead of the cheaper CLONE_VM | CLONE_VFORK: init stays, and must not share the launcher's memory
//! (the kernel's out-of-memory killer ends all processes that share memory, and init would hold the launcher's). So
//! the launcher is kept small, and the sharing is between init and the app-to-be.
//!
//! **Architecture Invariant:** nothing here allocates, panics or calls the C library after step 1; nothing here knows
//! what runs inside.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "system calls take and give machine words, whose range is the kernel's promise"
)]

mod launcher;

mod setup;

mod app;
mod init;

mod mounts;
mod shared;
mod sys;

pub use launcher::serve;
