//! Any bytes as a package's manifest and as its bridge configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    granary_package::fuzz::manifest(data);
    granary_package::fuzz::bridge_config(data);
});
