//! libFuzzer's way in: datagrams for the decoder. What must hold is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vipd_fuzz::packet::run(input));
