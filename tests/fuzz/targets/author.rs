//! Any bytes as an author's OpenPGP signature and keyring.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::author(data));
