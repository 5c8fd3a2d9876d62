//! Any bytes as the target and headers of a request of which nothing is known yet.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_gateway::fuzz::request(data));
