//! The static shim that packages carry to run an ordinary web server as a grain.

fn main() {}
