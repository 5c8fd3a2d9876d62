//! Any bytes as the texts in an app's response.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_gateway::web::fuzz::response_texts(data));
