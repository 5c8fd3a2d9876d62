//! Makes sure the folder of the web UI exists, so that the program can be built before the UI is, and gathers the licences of
//! what Granary is built from.

#[path = "build/licences.rs"]
mod licences;

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Whose dependencies are told of; those that ship beside the program too.
const PROGRAMS: [&str; 6] =
    ["granary", "granary-appliance", "granary-launcher", "granary-http-bridge", "granary-notes", "granary-files"];
/// The desktop program, where it is being built.
const DESKTOP: &str = "granary-desktop";

fn main() {
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = own.join("../..");
    let dist = root.join("app-ui/dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo::warning={} cannot be made: {error}", dist.display());
    }
    // The files are compiled in, so the program is stale when they change.
    println!("cargo::rerun-if-changed={}", dist.display());

    for file in ["build.rs", "build/licences.rs", "../../Cargo.lock", "../../app-ui/package-lock.json"] {
        println!("cargo::rerun-if-changed={file}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by cargo")).join("licences.json.z");
    let crates: Vec<&str> = PROGRAMS.into_iter().chain([DESKTOP]).collect();
    write(&out, licences::gather(&root, &crates).to_string().as_bytes()).expect("the build folder can be written to");
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut packed = flate2::write::ZlibEncoder::new(std::fs::File::create(path)?, flate2::Compression::best());
    packed.write_all(bytes)?;
    packed.finish().map(drop)
}
