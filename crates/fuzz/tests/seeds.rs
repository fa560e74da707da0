//! Every target with its seeds, and with inputs that are like them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod make;

use std::time::{Duration, Instant};

use verdict_fuzz::mutate::mutate;
use verdict_fuzz::{TARGETS, seeds};
use verdict_gen::chance::Chance;

/// How many inputs are made of a target's seeds.
const MUTATIONS: usize = 10_000;
/// What one input may take, however busy the machine is.
const LONGEST: Duration = Duration::from_secs(10);
/// Bytes of a seed, and of all of them.
const SEED: usize = 16 << 10;
const ALL_SEEDS: usize = 200_000;

/// Gives a target its seeds and what is made of them. `VERDICT_EFFORT` times as many, and others, if it is set.
fn comes_back(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds::of(name).unwrap();
    assert!(seeds.len() > 2, "{name}: {} seeds", seeds.len());
    let effort = std::env::var("VERDICT_EFFORT").ok();
    let effort: usize = effort.and_then(|effort| effort.parse().ok()).unwrap_or(1);
    let mut chance = Chance(effort as u64);
    let made = (0..MUTATIONS * effort).map(|_| mutate(&seeds, &mut chance));
    for (number, bytes) in seeds.iter().cloned().chain(made).enumerate() {
        let start = Instant::now();
        (target.run)(&bytes);
        let took = start.elapsed();
        assert!(took < LONGEST, "{name}: input {number} took {took:?}");
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                comes_back(stringify!($name));
            }
        )*

        #[test]
        fn all_targets_are_tested() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

targets! { object program btf directory embedded globals expectations plans explain }

#[test]
fn seeds_are_small() {
    let all: Vec<_> = TARGETS
        .iter()
        .flat_map(|target| seeds::of(target.name).unwrap())
        .collect();
    assert!(all.iter().all(|seed| seed.len() <= SEED));
    let bytes: usize = all.iter().map(Vec::len).sum();
    assert!(bytes <= ALL_SEEDS, "{bytes}");
}

/// Every target has a program for libFuzzer, and every program is a target's.
#[test]
fn targets_have_programs() {
    let dir = seeds::directory("").join("../fuzz_targets");
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut programs: Vec<_> = entries
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort();
    let mut names = TARGETS.map(|target| target.name);
    names.sort_unstable();
    assert_eq!(programs, names);
}

/// Writes the seeds anew.
#[test]
#[ignore = "writes files"]
fn seeds_are_made() {
    make::all();
}
