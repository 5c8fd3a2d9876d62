//! Packages on their way that a person looks at before they are installed: checked first, waiting for an answer, forgotten
//! after a while.

mod offer;
mod registry;
mod stage;

pub(crate) use registry::Installs;
