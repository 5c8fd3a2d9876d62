//! Any text as an app's or a package's id.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::ids(data));
