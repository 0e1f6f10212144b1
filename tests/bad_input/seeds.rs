//! The seeds of the fuzz targets, and mutations of each, through the entry points of the targets: on any toolchain.

use std::path::Path;

use ramstream::intake;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// How often each seed is mutated. Always the same way.
const MUTATIONS: u64 = 300;

type Entry = fn(&[u8]) -> Result<(), String>;

const TARGETS: [(&str, Entry); 10] = [
    ("page", intake::page),
    ("state_topic", intake::state_topic),
    ("trace", intake::trace),
    ("configuration", intake::configuration),
    ("documents", intake::documents),
    ("checked_records", intake::checked_records),
    ("truth_log", intake::truth_log),
    ("simulator_request", intake::request),
    ("control_body", intake::control_body),
    ("control_request", intake::control_request),
];

#[test]
fn the_seeds_of_every_fuzz_target_and_mutations_of_them_panic_nowhere_and_are_refused_with_a_reason() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let targets = std::fs::read_dir(fuzz.join("fuzz_targets")).expect("targets").count();
    assert_eq!(targets, TARGETS.len(), "every target has its row here");
    for (target, entry) in TARGETS {
        let seeds = std::fs::read_dir(fuzz.join("seeds").join(target)).expect("seeds").flatten();
        let mut seeds: Vec<Vec<u8>> = seeds.map(|seed| std::fs::read(seed.path()).expect("a seed")).collect();
        seeds.sort();
        assert!(seeds.len() > 1, "{target}");
        let mut refused = 0;
        for number in 0..MUTATIONS * seeds.len() as u64 {
            let seed = &seeds[usize::try_from(number / MUTATIONS).expect("few")];
            let input = if number % MUTATIONS == 0 { seed.clone() } else { mutated(seed, &seeds, number) };
            let told = std::panic::catch_unwind(|| entry(&input));
            let Ok(told) = told else { panic!("{target} panics at {:?}", String::from_utf8_lossy(&input)) };
            if let Err(why) = told {
                assert!(!why.trim().is_empty(), "{target} gives no reason at {:?}", String::from_utf8_lossy(&input));
                refused += 1;
            }
        }
        println!("{target}: {} seeds, {refused} of {} inputs refused", seeds.len(), MUTATIONS * seeds.len() as u64);
    }
}

/// Some bytes changed, taken out, doubled, or taken over from another seed.
fn mutated(seed: &[u8], seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(number);
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..16)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.random()),
            3 => bytes[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
            4 => {
                let piece = bytes[at..end].repeat(random.random_range(1..40));
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..=other.len());
                bytes.splice(at..end, other[from..].iter().take(40).copied());
            }
        }
    }
    bytes
}
