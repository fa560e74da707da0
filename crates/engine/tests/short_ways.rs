//! What is left out where nobody listens changes nothing: a listener that hears nothing is walked for the long way, and
//! sees the same figures.

use std::path::{Path, PathBuf};

use verdict::engine::Stats;
use verdict::engine::observer::{Event, Observer};
use verdict::{Options, Verifier};
use verdict_kernel::{KNOWN, Kernel};

/// Keeps the figures.
#[derive(Default)]
struct Deaf(Option<Stats>);

impl Observer for Deaf {
    const MISSES: bool = false;
    fn hears(&self, _: u8) -> bool {
        false
    }
    fn event(&mut self, event: Event<'_>) {
        if let Event::End { stats } = event {
            self.0 = Some(stats.clone());
        }
    }
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

#[test]
fn same_figures() {
    let (mut programs, mut walked) = (0, 0);
    for known in KNOWN {
        let kernel = Kernel::open(known.name).expect("a known kernel");
        let verifier = Verifier::new(kernel, Options::default());
        for path in objects() {
            let bytes = std::fs::read(&path).expect("an object of the corpus");
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let Ok(object) = verifier.open(&name, &bytes) else {
                continue;
            };
            for program in object.programs() {
                let (Some(Deaf(Some(long))), _) = program.observe(Deaf::default()) else {
                    continue;
                };
                programs += 1;
                let Some(short) = program.check().record.figures else {
                    continue;
                };
                walked += u64::from(long.insns);
                let long = [
                    long.insns,
                    long.states,
                    long.peak_states,
                    long.max_states_per_insn,
                    long.mark_read,
                ];
                let short = [
                    short.insns,
                    short.states,
                    short.peak_states,
                    short.max_states_per_insn,
                    short.mark_read,
                ];
                assert_eq!(long.map(u64::from), short, "{} {name} {program:?}", known.name);
            }
        }
    }
    assert!(
        programs > 500 && walked > 10_000,
        "{programs} programs, {walked} insns"
    );
}
