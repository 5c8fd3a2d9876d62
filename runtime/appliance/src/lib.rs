//! Puts the runtime together behind one local API for every front end.

mod appliance;

pub mod api;
pub mod health;
pub mod socket;

mod core;
mod folder;
mod serve;
mod updates;

mod apps;
mod fetch;
mod install;
mod starters;

mod grains;
mod notices;
mod session;

mod settings;
mod ui;

pub use appliance::{Appliance, Config, StartError, prepare, self_test};
pub use folder::{FolderError, default_data_dir, resolve};
pub use granary_sandbox::LauncherConfig;
