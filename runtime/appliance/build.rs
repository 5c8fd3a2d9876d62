//! Makes sure the folder of the web UI exists, so that the program can be built before the UI is.

fn main() {
    let dist =
        std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../app-ui/dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo::warning={} cannot be made: {error}", dist.display());
    }
    // The files are compiled in, so the program is stale when they change.
    println!("cargo::rerun-if-changed={}", dist.display());
}
