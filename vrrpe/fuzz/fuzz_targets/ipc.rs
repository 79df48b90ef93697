//! libFuzzer's way in: messages for the codec. What must hold is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vipd_fuzz::ipc::run(input));
