//! What real kernels say of small programs, and verdict with them.
//!
//! A test is a program and what is to be seen in the verifier's log of it:
//!
//! ```text
//! check!(
//!     "
//!     r1 = 7
//!     *(u64 *)(r10 -8) = r1
//!     r0 = *(u64 *)(r10 -8)
//!     exit
//!     ",
//!     "
//!     accepted
//!     1: fp-8_w=7
//!     2: R0_w=7
//!     processed 4 insns
//!     "
//! );
//! ```
//!
//! Every program was loaded into real kernels, whose level-2 logs lie in `golden/`. verdict's log of it must be the same,
//! byte for byte, for each of these kernels; and what the test expects must be found in the recording, so that it is the
//! kernel's rule and nothing that verdict made up. `verdict_gen::text` says how programs are written, `expect` how expectations are.

mod expect;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use verdict::kernel::errno::Errno;
use verdict::log::hide_addresses;
use verdict::{KernelChoice, Options, Verifier};

use verdict_gen::object;
use verdict_gen::text::{self, Tested};

/// A kernel that was asked.
pub(crate) struct Asked {
    /// The directory of its recordings, which is the profile's name.
    release: &'static str,
    /// By what is tested, in the order of [`Tested`].
    verifiers: [LazyLock<Verifier>; 3],
}

/// A kernel by the directory of its recordings and its name.
macro_rules! asked {
    ($release:literal, $name:literal) => {
        Asked {
            release: $release,
            verifiers: [
                LazyLock::new(|| open($name, Tested::Nothing)),
                LazyLock::new(|| open($name, Tested::States)),
                LazyLock::new(|| open($name, Tested::Bounds)),
            ],
        }
    };
}

/// All kernels that were asked; expectations are about the first one where a test does not say.
static KERNELS: [Asked; 4] = [
    asked!("6.12.117-deb12-amd64", "6.12.117"),
    asked!("6.18.15-deb13-amd64", "6.18.15"),
    asked!("6.1.192-deb12-amd64", "6.1.192"),
    asked!("5.10.262-deb11-amd64", "5.10.262"),
];

fn open(name: &str, tested: Tested) -> Verifier {
    let options = Options {
        test_states: tested == Tested::States,
        test_invariants: tested == Tested::Bounds,
        ..Options::default()
    };
    let choice = KernelChoice {
        name: Some(name.to_owned()),
        ..KernelChoice::default()
    };
    Verifier::new(choice.open().expect("a known kernel"), options)
}

/// Holds a program to what kernels say of it, under the name of the test in which it stands; see the module.
///
/// `check!(program, expected)` expects something of 6.12.117, `check!(program, "6.12" => expected, "6.18" => expected)` of
/// each kernel that is named.
macro_rules! check {
    ($asm:expr, $expected:literal) => {
        check!($asm, "6.12" => $expected)
    };
    ($asm:expr, $($release:literal => $expected:literal),+) => {{
        fn here() {}
        $crate::harness::hold(std::any::type_name_of_val(&here), $asm, &[$(($release, $expected)),+])
    }};
}
pub(crate) use check;

/// As the macro `check!`; `here` is the path of a function inside of the test.
pub(crate) fn hold(here: &str, asm: &str, expected: &[(&str, &str)]) {
    let name = name_of(here);
    let source = text::parse(asm).unwrap_or_else(|e| panic!("{e}"));
    let object = object::write(&source).unwrap_or_else(|e| panic!("{e}"));
    if let Some(dir) = std::env::var_os("VERDICT_RULES_DUMP") {
        let end = match source.tested {
            Tested::Nothing => "bpf.o",
            Tested::States => "states.bpf.o",
            Tested::Bounds => "bounds.bpf.o",
        };
        let file = Path::new(&dir).join(format!("{name}.{end}"));
        return fs::write(&file, object).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    for (release, _) in expected {
        let known = KERNELS.iter().any(|asked| asked.release.starts_with(release));
        assert!(known, "kernel {release} was not asked");
    }
    for asked in &KERNELS {
        let said = said_by_verdict(&asked.verifiers[source.tested as usize], &name, &object);
        let recorded = recorded(asked, &name);
        if said != recorded {
            panic!("{}", difference(asked.release, &recorded, &said));
        }
        for (_, expected) in expected.iter().filter(|(r, _)| asked.release.starts_with(r)) {
            if let Err(missing) = expect::met(expected, &recorded) {
                panic!("{} does not say: {missing}\n{recorded}", asked.release);
            }
        }
    }
}

/// `stack.zero_spill` of `rules::stack::zero_spill::here`.
fn name_of(here: &str) -> String {
    let path: Vec<_> = here.split("::").skip(1).collect();
    path[..path.len() - 1].join(".")
}

/// The end, then the log; or why libbpf does not get as far.
///
/// # Panics
/// A run without a log must come to the figures of the log.
fn said_by_verdict(verifier: &Verifier, name: &str, object: &[u8]) -> String {
    let file = format!("{name}.bpf.o");
    let opened = verifier.open(&file, object);
    let opened = opened.unwrap_or_else(|e| panic!("{name}: {e}"));
    let program = opened.programs().next().expect("the object has one program");
    let record = program.check().record;
    let end = match (record.unsupported, record.libbpf, record.errno) {
        (Some(missing), ..) => format!("unsupported: {missing}"),
        (_, Some(words), _) => return format!("{}\n", words.lines().next().unwrap_or_default()),
        (.., 0) => "accepted".to_owned(),
        (.., errno) => format!("refused: {}", Errno(errno)),
    };
    let mut log = Vec::new();
    program.log(2, &mut log).expect("memory takes everything");
    hide_addresses(&mut log);
    let log = String::from_utf8_lossy(&log);
    let silent = record.figures.map(|figures| {
        [
            figures.insns,
            figures.max_states_per_insn,
            figures.states,
            figures.peak_states,
            figures.mark_read,
        ]
    });
    // A program that the verifier does not look at has no log.
    if !log.is_empty() {
        assert_eq!(silent, footer(&log), "{name}: without and with a log");
    }
    format!("{end}\n{log}")
}

/// The figures of a log's footer: instructions, most states of one of them, all states, their peak, longest climb of a
/// read. That of what is unsupported has none.
fn footer(log: &str) -> Option<[u64; 5]> {
    let line = log.lines().rfind(|line| line.starts_with("processed "))?;
    // The limit stands in brackets, and is none of them.
    let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    numbers.collect::<Vec<_>>().try_into().ok()
}

/// The recording of a program.
fn recorded(asked: &Asked, name: &str) -> String {
    let file = golden().join(asked.release).join(format!("{name}.log"));
    fs::read_to_string(&file).unwrap_or_default()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/golden")
}

/// The first line that is not the recording's, and the whole log.
fn difference(release: &str, recorded: &str, said: &str) -> String {
    if recorded.is_empty() {
        return format!("{release} was not asked (cargo xtask rules); verdict says:\n{said}");
    }
    let mut lines = recorded.lines().zip(said.lines()).zip(1..);
    match lines.find(|((a, b), _)| a != b) {
        Some(((a, b), line)) => {
            format!("line {line}\n{release}: {a}\nverdict: {b}\nverdict's log:\n{said}")
        }
        None => format!("{release} says more or less than verdict:\n{recorded}\nverdict's log:\n{said}"),
    }
}
