//! `granary-first-byte` brings its own entry point.

fn main() {
    println!("cargo:rustc-link-arg-bin=granary-first-byte=-nostartfiles");
    println!("cargo:rerun-if-changed=build.rs");
}
