#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ramstream::intake::control_request(bytes).map_or_else(|why| assert!(!why.is_empty()), |()| ()));
