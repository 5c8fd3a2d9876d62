//! Any bytes as a keyring of signing keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_package::fuzz::keyring(data));
