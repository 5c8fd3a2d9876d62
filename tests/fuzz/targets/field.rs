//! Any bytes as one header field of each kind that is parsed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_gateway::web::fuzz::field(data));
