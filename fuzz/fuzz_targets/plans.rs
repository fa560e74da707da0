#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verdict_fuzz::plans(bytes));
