//! The small single-threaded program that creates sandboxes.

fn main() {}
