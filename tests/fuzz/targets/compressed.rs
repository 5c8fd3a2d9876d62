//! Any bytes as what follows a package file's magic number.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::compressed(data));
