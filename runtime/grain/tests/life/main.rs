//! Every transition of a grain's life, with the raw test app in the real sandbox.

mod disk;
mod fixture;
mod hostile;
mod log;
mod sessions;
mod transitions;
