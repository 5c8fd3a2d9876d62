//! Any bytes as a whole package file: magic number, compression, signature, hash.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::package(data));
