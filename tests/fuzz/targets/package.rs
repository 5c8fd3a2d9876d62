//! Any bytes as a package's archive, as it is after the signature was found to be good: names, nesting, manifest.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::archive(data));
