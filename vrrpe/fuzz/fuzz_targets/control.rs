//! libFuzzer's way in: what a control client writes. What must hold is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vipd_fuzz::control::run(input));
