//! Compiles schemas/*.capnp into Rust with the `capnp` program and capnpc.

use std::path::Path;
use std::process::Command;

/// Every schema file, in the order a reader of the generated documentation meets the modules.
const FILES: [&str; 14] = [
    "util",
    "powerbox",
    "identity",
    "activity",
    "grain",
    "web-session",
    "api-session",
    "email",
    "ip",
    "hack-session",
    "web-publishing",
    "package",
    "http-bridge",
    "persistence",
];

fn main() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    println!("cargo::rerun-if-changed={}", schemas.display());

    if Command::new("capnp").arg("--version").output().is_err() {
        println!(
            "cargo::error=the program `capnp` is missing, which turns schemas/*.capnp into Rust; \
             install it with `sudo apt-get install capnproto` (Debian, Ubuntu) or run `make deps`"
        );
        return;
    }

    let mut command = capnpc::CompilerCommand::new();
    // The schemas bring their own copy of the one standard file they need, so no headers are read from /usr/include.
    command.no_standard_import().import_path(&schemas).src_prefix(&schemas);
    for name in FILES {
        command.file(schemas.join(name).with_extension("capnp"));
    }
    if let Err(error) = command.run() {
        println!("cargo::error=schemas/*.capnp do not compile: {error}");
    }
}
