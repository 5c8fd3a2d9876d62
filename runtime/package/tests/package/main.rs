//! Packages as files: what is accepted, what is refused and how, what is written, and what it costs.

mod author;
mod build;
mod hostile;
mod ids;
mod install;
mod manifest;
mod memory;
mod pack;
