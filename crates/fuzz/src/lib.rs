//! What is done with bytes that nobody vouches for: a function for each kind of input, which must come back, without a panic,
//! whatever the bytes are.
//!
//! The programs in `fuzz/` hand it what libFuzzer makes; `cargo test` hands it the seeds in `fuzz/seeds` and what [`mutate`]
//! makes of them.
//!
//! | target | bytes |
//! |---|---|
//! | [`object`] | an object, with kernel and library in unused bytes of its header |
//! | [`program`] | a head of eight bytes, and instructions |
//! | [`btf`] | BTF, and `.BTF.ext` behind it |
//! | [`directory`] | the files of a kernel, see [`parts`] |
//! | [`embedded`] | a file with objects in it |
//! | [`globals`] | values of global variables, as lines and as a dump of maps |
//! | [`expectations`] | tags of a test, and the log that they are held to |
//! | [`plans`] | a `verdict.toml` |
//! | [`explain`] | a log whose refusals are explained |

mod btf;
mod directory;
mod embedded;
mod kernels;
pub mod mutate;
mod object;
mod program;
pub mod seeds;
mod texts;

pub use btf::btf;
pub use directory::directory;
pub use embedded::embedded;
pub use object::object;
pub use program::program;
pub use texts::{expectations, explain, globals, plans};

/// A kind of input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called: its program in `fuzz/`, and its directory in `fuzz/seeds`.
    pub name: &'static str,
    /// What is done with the bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target {
        name: "object",
        run: object,
    },
    Target {
        name: "program",
        run: program,
    },
    Target {
        name: "btf",
        run: btf,
    },
    Target {
        name: "directory",
        run: directory,
    },
    Target {
        name: "embedded",
        run: embedded,
    },
    Target {
        name: "globals",
        run: globals,
    },
    Target {
        name: "expectations",
        run: expectations,
    },
    Target {
        name: "plans",
        run: plans,
    },
    Target {
        name: "explain",
        run: explain,
    },
];

/// What stands between the parts of an input that has several.
pub const BETWEEN: &[u8] = b"\n%%\n";

/// The parts of an input that has several: `N` at most, the last one with all that is left.
pub fn parts<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut all: [&[u8]; N] = [&[]; N];
    let mut rest = bytes;
    for (at, part) in all.iter_mut().enumerate() {
        let end = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        let (here, behind) = match end.filter(|_| at + 1 < N) {
            Some(end) => (rest.get(..end), rest.get(end + BETWEEN.len()..)),
            None => (Some(rest), None),
        };
        *part = here.unwrap_or_default();
        rest = behind.unwrap_or_default();
    }
    all
}
