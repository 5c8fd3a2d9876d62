//! Any bytes as the headers of a browser's request to an app.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_gateway::web::fuzz::request_headers(data));
