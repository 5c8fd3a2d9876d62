//! A small raw app on the Cap'n Proto API, for tests.

fn main() {}
