//! libFuzzer's way in: configuration files. What must hold is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vipd_fuzz::conf::run(input));
