//! Rules of the project that a test keeps.
