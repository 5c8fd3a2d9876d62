//! Rules of the project that a test keeps; the rules are in `tests/rules.rs`.
