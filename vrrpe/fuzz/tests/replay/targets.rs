//! The targets against their corpus and its mutations. An input that breaks a promise is written
//! to a file, to be named after what was wrong and put into the corpus.

use crate::corpus;
use crate::mutate::{Random, mutated};
use std::hash::{BuildHasher, RandomState};
use std::panic::catch_unwind;
use std::path::Path;
use vipd_fuzz::{TARGETS, Target};

/// The same in every run; a second seed is new each time, unless this names it.
const SEED: u64 = 1;
const SEED_VARIABLE: &str = "VIPD_FUZZ_SEED";

/// `runs` mutations with either seed: a few seconds without optimisation.
fn hold(target: &str, runs: u32) {
    let (name, run) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let inputs = corpus::inputs(name);
    for (file, input) in &inputs {
        try_one((name, run), input, file);
    }
    let named = std::env::var(SEED_VARIABLE).ok();
    let fresh = named.map_or_else(|| RandomState::new().hash_one(name), |n| n.parse().unwrap());
    for seed in [SEED, fresh] {
        println!("{name}: {} inputs, {runs} mutations, {SEED_VARIABLE}={seed}", inputs.len());
        let mut random = Random::new(seed);
        for _ in 0..runs {
            let input = mutated(&mut random, &inputs);
            try_one((name, run), &input, &format!("{SEED_VARIABLE}={seed}"));
        }
    }
}

fn try_one((name, run): Target, input: &[u8], from: &str) {
    if catch_unwind(|| run(input)).is_err() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{name}"));
        std::fs::write(&path, input).unwrap();
        panic!("{name}: a promise is broken by {}, from {from}", path.display());
    }
}

#[test]
fn packet() {
    hold("packet", 200_000);
}

#[test]
fn step() {
    hold("step", 4_000);
}

#[test]
fn ipc() {
    hold("ipc", 200_000);
}

#[test]
fn conf() {
    hold("conf", 1_000);
}

#[test]
fn control() {
    hold("control", 8_000);
}
