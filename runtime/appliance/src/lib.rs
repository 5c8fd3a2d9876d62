//! Puts the runtime together behind one local API for every front end.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the shorter form is not general over the lifetime of `Read`"
)]

mod appliance;

pub mod api;
pub mod health;
pub mod socket;

mod core;
mod folder;
mod front;
mod serve;

mod changes;
mod updates;
mod words;

mod apps;
mod describe;
mod details;
mod fetch;
mod install;
mod installs;
mod starters;

mod bulk;
mod grains;
mod leftovers;
mod notices;
mod notifications;
mod session;
mod source;

mod about;
mod certificates;
mod settings;
mod storage;
mod ui;
mod windows;

pub use appliance::{Appliance, Config, StartError, prepare, self_test};
pub use certificates::{NoHome, trust_options};
pub use folder::{FolderError, default_data_dir, resolve};
pub use front::{Desktop, FrontEnd, Show};
pub use granary_gateway::{Reach, Window};
pub use granary_sandbox::LauncherConfig;
pub use hyper::Method;
