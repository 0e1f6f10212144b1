#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ramstream::intake::configuration(bytes).map_or_else(|why| assert!(!why.is_empty()), |()| ()));
