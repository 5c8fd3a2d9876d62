//! Any bytes as a cookie that an app sets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_gateway::web::fuzz::set_cookie(data));
