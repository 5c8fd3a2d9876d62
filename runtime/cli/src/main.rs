//! The headless program and the command line.

fn main() {}
