//! Any bytes as what the web server behind the bridge answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for to_head in [false, true] {
        if let Ok(Some(body)) = granary_http_bridge::read_response(data, to_head) {
            assert!(body.len() <= data.len() && !(to_head && !body.is_empty()));
        }
    }
});
