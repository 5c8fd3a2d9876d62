//! Any bytes as a stream-framed Cap'n Proto message.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| granary_wire::framing::exercise(data));
