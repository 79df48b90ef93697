//! libFuzzer's way in: stories for a router. What must hold is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vipd_fuzz::step::run(input));
