//! What is left out where nobody listens changes nothing: a listener is walked for the long way, and whatever it hears, it
//! comes to the same end.

use std::path::{Path, PathBuf};

use verdict_engine::observer::{Event, Observer, Silent};
use verdict_engine::{Outcome, Verdict, verify, verify_to_limit};
use verdict_kernel::{KNOWN, Kernel};
use verdict_log::{Level, Log};

use crate::last_words::last_words;
use crate::{OpenObject, Options, Verifier};

/// Takes what there is to hear, and keeps nothing of it: `HEARS` what the log tells of each step, or only that something
/// happens; `MISSES` why states do not match, too.
struct Listener<const HEARS: bool, const MISSES: bool>;

impl<const HEARS: bool, const MISSES: bool> Observer for Listener<HEARS, MISSES> {
    const MISSES: bool = MISSES;
    fn hears(&self, _: u8) -> bool {
        HEARS
    }
    fn event(&mut self, _: Event<'_>) {}
}

fn objects() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut objects: Vec<_> = [corpus.clone(), corpus.join("tests")]
        .iter()
        .flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "o"))
        .collect();
    objects.sort();
    objects
}

/// What a listener may not change: verdict, errno, rule, instruction and all figures. Words may have been told before, and
/// where a value is from is found out for listeners alone.
fn end(mut outcome: Outcome) -> Outcome {
    if let Verdict::Rejected(rejected) = &mut outcome.verdict {
        rejected.text.clear();
        rejected.origin = None;
    }
    outcome
}

/// Holds all ways to verify a program to one end; how many instructions are processed, if it comes to be verified.
fn hold(kernel: &str, object: &OpenObject<'_>, index: usize) -> Option<u32> {
    let mut processed = None;
    object.load(index, &mut |profile, prog| {
        let short = end(verify(profile, prog, &mut Silent));
        let long = [
            end(verify(profile, prog, &mut Listener::<true, true>)),
            end(verify(profile, prog, &mut Listener::<true, false>)),
            end(verify(profile, prog, &mut Listener::<false, true>)),
            end(verify(profile, prog, &mut Listener::<false, false>)),
        ];
        for long in long {
            let (object, program) = (object.name(), object.program_name(index));
            assert_eq!(short, long, "{kernel}: {object} {program}");
        }
        processed = Some(short.stats.insns);
        short
    });
    processed
}

/// From how many instructions behind the one at which it joins a log tells what one tells that has followed all.
const FOLLOWED: u64 = 2;

/// Holds a verification that a listener joins in the middle to one that it hears from the beginning on: of the program as it
/// is, and as if it were too large. In how many cases the log that joined had the last words.
fn hold_joined(kernel: &str, object: &OpenObject<'_>, index: usize) -> Option<u32> {
    let mut told = None;
    object.load(index, &mut |profile, prog| {
        let whole = verify(profile, prog, &mut Silent);
        let insns = whole.stats.insns;
        let mut limited = profile.clone();
        limited.limits.processed_insns = insns * 2 / 3;
        let mut words = 0;
        for (kernel_asked, from) in [(profile, insns / 2), (&limited, insns / 3)] {
            let mut log = Vec::new();
            let mut full = Log::new(kernel_asked, prog, Level::ONE, &mut log);
            let heard_all = end(verify(kernel_asked, prog, &mut full));
            full.finish().expect("a vector takes all");
            let mut tail = Vec::new();
            let mut late = Log::new(kernel_asked, prog, Level::ONE, &mut tail)
                .joining(from.into())
                .told_from(u64::from(from) + FOLLOWED);
            let (outcome, heard) = verify_to_limit(kernel_asked, prog, &mut Silent, (from, &mut late));
            late.finish().expect("a vector takes all");
            let (object, program) = (object.name(), object.program_name(index));
            assert_eq!(end(outcome), heard_all, "{kernel}: {object} {program}");
            if let Some(tail) = last_words(&tail).filter(|_| heard) {
                assert_eq!(
                    Some(tail),
                    last_words(&log),
                    "{kernel}: {object} {program} from {from}"
                );
                words += 1;
            }
        }
        told = Some(words);
        whole
    });
    told
}

#[test]
fn a_listener_may_join() {
    let mut told = 0;
    for known in KNOWN {
        let kernel = Kernel::open(known.name).expect("a known kernel");
        let verifier = Verifier::new(kernel, Options::default());
        for path in objects() {
            let bytes = std::fs::read(&path).expect("an object of the corpus");
            let Ok(object) = verifier.open(&path.to_string_lossy(), &bytes) else {
                continue;
            };
            for index in 0..object.programs().count() {
                told += hold_joined(known.name, &object, index).unwrap_or(0);
            }
        }
    }
    assert!(told > 100, "{told} last words");
}

/// All programs of the corpus, on all kernels.
fn hold_all(options: Options) {
    let (mut programs, mut walked) = (0, 0);
    for known in KNOWN {
        let kernel = Kernel::open(known.name).expect("a known kernel");
        let verifier = Verifier::new(kernel, options);
        for path in objects() {
            let bytes = std::fs::read(&path).expect("an object of the corpus");
            let Ok(object) = verifier.open(&path.to_string_lossy(), &bytes) else {
                continue;
            };
            for index in 0..object.programs().count() {
                let Some(insns) = hold(known.name, &object, index) else {
                    continue;
                };
                programs += 1;
                walked += u64::from(insns);
            }
        }
    }
    assert!(
        programs > 500 && walked > 10_000,
        "{programs} programs, {walked} insns"
    );
}

#[test]
fn come_to_the_same_end() {
    hold_all(Options::default());
}

#[test]
fn come_to_the_same_end_with_states_everywhere() {
    hold_all(Options {
        test_states: true,
        ..Options::default()
    });
}

#[test]
fn come_to_the_same_end_with_tested_bounds() {
    hold_all(Options {
        test_invariants: true,
        ..Options::default()
    });
}
