//! Puts the runtime together behind one local API for every front end.

pub mod api;
mod core;
mod fetch;
mod folder;
pub mod health;
pub mod socket;
mod ui;
mod updates;

pub use folder::{FolderError, default_data_dir, resolve};
