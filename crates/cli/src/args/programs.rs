//! Which programs are verified, and in which way.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::kernel::bytes;
use verdict::{Globals, Options, Program, shown_path};
use verdict_report::Programs;

/// Which programs are wanted.
#[derive(clap::Args)]
#[command(next_help_heading = "Programs")]
pub(crate) struct ProgramArgs {
    /// Only programs that match: PROGRAM, OBJECT/PROGRAM or OBJECT/, with * for anything; repeatable
    #[arg(long, short, value_name = "GLOB", value_parser = Programs::parse)]
    program: Vec<Programs>,
}

impl ProgramArgs {
    /// Whether a program is wanted: each is, where none is named.
    pub(crate) fn want(&self, object: &str, program: &str) -> bool {
        self.program.is_empty() || self.program.iter().any(|programs| programs.name(object, program))
    }

    /// Whether some programs are named.
    pub(crate) fn are_named(&self) -> bool {
        !self.program.is_empty()
    }

    /// The names that none of the programs has, as an error.
    pub(crate) fn all_met(&self, known: &[(&str, &str)]) -> Result<(), String> {
        let met = |programs: &&Programs| {
            known
                .iter()
                .any(|(object, program)| programs.name(object, program))
        };
        match self.program.iter().find(|programs| !met(programs)) {
            Some(programs) => Err(format!("--program '{programs}': names no program")),
            None => Ok(()),
        }
    }

    /// The program that is wanted, where there is to be one only.
    pub(crate) fn only<'o, 'v>(
        &self,
        object: &str,
        programs: &[Program<'o, 'v>],
    ) -> Result<Program<'o, 'v>, String> {
        let known = || {
            let names: Vec<_> = programs.iter().map(|program| program.name()).collect();
            names.join(", ")
        };
        let mut wanted = programs
            .iter()
            .filter(|program| self.want(object, program.name()));
        match (wanted.next(), wanted.next()) {
            (Some(program), None) => Ok(*program),
            (None, _) if programs.is_empty() => Err(format!("{object}: no programs")),
            (None, _) => {
                let names: Vec<_> = self.program.iter().map(ToString::to_string).collect();
                Err(format!(
                    "{object}: no program {}: expected one of {}",
                    names.join(", "),
                    known()
                ))
            }
            (Some(_), Some(_)) => Err(format!("{object}: choose one with --program: {}", known())),
        }
    }
}

/// Test modes of the verifier.
#[derive(clap::Args)]
#[command(next_help_heading = "Programs")]
pub(crate) struct TestArgs {
    /// Create a state at every prune point (BPF_F_TEST_STATE_FREQ)
    #[arg(long, short = 't')]
    test_states: bool,
    /// Treat contradictory bounds of a register as an error (BPF_F_TEST_REG_INVARIANTS)
    #[arg(long, short = 'r')]
    test_reg_invariants: bool,
}

impl TestArgs {
    pub(crate) fn options(&self) -> Options {
        Options {
            test_states: self.test_states,
            test_invariants: self.test_reg_invariants,
            ..Options::default()
        }
    }
}

/// What the verification of a program may take.
#[derive(clap::Args)]
#[command(next_help_heading = "Programs")]
pub(crate) struct LimitArgs {
    /// Give a program up whose verification takes longer; it counts as neither accepted nor rejected [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Give a program up whose states take more memory, as verdict estimates it: bytes, or a number with K, M or G
    /// [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_memory: Option<u64>,
}

impl LimitArgs {
    /// These limits, and otherwise those options.
    pub(crate) fn options(&self, other: Options) -> Options {
        Options {
            timeout: self.timeout,
            max_memory: self.max_memory,
            ..other
        }
    }
}

/// A time: `10`, `0.5`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "expected a number of seconds, such as 10 or 0.5".to_owned())
}

/// Initial values of global variables.
#[derive(clap::Args)]
#[command(next_help_heading = "Programs")]
pub(crate) struct GlobalArgs {
    /// Set a global variable before loading: 'NAME = VALUE', where VALUE is an integer or an enumerator and NAME may be
    /// variable.member[2]; @FILE reads one per line from a file
    #[arg(long, short = 'G', value_name = "NAME = VALUE|@FILE")]
    pub(crate) set_global_vars: Vec<String>,
    /// Set all global variables of a data map from this file, the output of 'bpftool map dump -j'
    #[arg(long, value_name = "FILE")]
    pub(crate) globals_from: Vec<PathBuf>,
}

impl GlobalArgs {
    /// All of them.
    pub(crate) fn read(&self) -> Result<Globals, String> {
        let mut globals = self.dumped()?;
        for expression in &self.set_global_vars {
            match expression.strip_prefix('@') {
                Some(file) => {
                    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
                    globals.add_lines(&text).map_err(|e| format!("{file}: {e}"))?;
                }
                None => globals.add(expression).map_err(|e| e.to_string())?,
            }
        }
        Ok(globals)
    }

    /// Those of dumped maps.
    pub(crate) fn dumped(&self) -> Result<Globals, String> {
        let mut globals = Globals::default();
        for file in &self.globals_from {
            let shown = shown_path(file);
            let text = fs::read_to_string(file).map_err(|e| format!("{shown}: {e}"))?;
            globals.add_dump(&text).map_err(|e| format!("{shown}: {e}"))?;
        }
        Ok(globals)
    }
}

/// How much is done at one time.
#[derive(clap::Args)]
pub(crate) struct JobArgs {
    /// Number of programs to verify in parallel [default: number of cores]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}
