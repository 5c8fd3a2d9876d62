//! Hostile programs that run as grains and are refused.

fn main() {}
