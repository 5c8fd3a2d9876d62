//! Puts the runtime together behind one local API for every front end.

pub mod api;
mod core;
pub mod health;
