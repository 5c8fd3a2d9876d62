//! The one thread on which capabilities live.
