//! One grain's Linux sandbox: policy, launcher, limits and self-test.
//!
//! The appliance holds a [`Launcher`]: the handle of a small single-threaded program that was started once, and that
//! makes sandboxes on request. [`Launcher::launch`] takes a [`Launch`] (a value that says what to run) and gives a
//! [`Sandbox`] (a resource: one program in namespaces of its own, killed when dropped). What this computer cannot
//! give is an [`Entry`] with a code, a sentence and a remedy, the same one from [`doctor`] and from a failed launch.
//!
//! **Architecture Invariant:** this crate knows neither Cap'n Proto nor grains' data. A sandbox is a folder to run, a
//! folder to write, a command line, a socket for fd 3 and a file for the output.

pub mod protocol;

#[cfg(feature = "policy")]
pub mod policy;

#[cfg(feature = "host")]
mod launch;
#[cfg(feature = "host")]
mod launcher;
#[cfg(feature = "host")]
mod sandbox;
#[cfg(feature = "host")]
mod socket;

#[cfg(feature = "host")]
mod cgroup;
#[cfg(feature = "host")]
mod held;
#[cfg(feature = "host")]
mod outside;

#[cfg(feature = "host")]
mod doctor;
#[cfg(feature = "host")]
mod entry;
#[cfg(feature = "host")]
mod error;

#[cfg(feature = "host")]
pub use {
    cgroup::Delegation,
    doctor::{Observations, Probe, doctor},
    entry::{Entry, Severity, codes},
    error::Error,
    held::{Held, held},
    launch::{Exit, Launch, Limits},
    launcher::{Launcher, LauncherConfig},
    outside::{OUTSIDE_ID, outside_ids, own_var},
    sandbox::Sandbox,
};
