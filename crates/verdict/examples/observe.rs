//! Follows a verification: how often each instruction is walked, and what kept paths from being pruned.
//!
//!     cargo run --example observe -- prog.bpf.o PROGRAM

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::observer::{Event, MissReason, Observer};
use verdict::{KernelChoice, Options, Verifier, read_object};

/// A listener that counts.
#[derive(Default)]
struct Counts {
    /// How often each instruction was walked, those at which a path was pruned included.
    walked: BTreeMap<u32, u32>,
    /// Paths that ended because an explored state stood for the rest of them.
    pruned: u32,
    /// How often a register kept a state from standing for another.
    registers: BTreeMap<u8, u32>,
    /// How often something else did.
    others: u32,
}

impl Observer for Counts {
    fn event(&mut self, event: Event<'_>) {
        // Events that a later version adds are passed over, like those that do not matter here.
        match event {
            Event::Insn { idx, .. } => *self.walked.entry(idx).or_default() += 1,
            Event::Pruned { idx, .. } => {
                *self.walked.entry(idx).or_default() += 1;
                self.pruned += 1;
            }
            Event::Miss { reason, .. } => match reason {
                MissReason::Reg { reg, .. } => *self.registers.entry(reg.0).or_default() += 1,
                _ => self.others += 1,
            },
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err("expected an object and a program".into());
    };
    run(
        &PathBuf::from(path),
        &program.to_string_lossy(),
        &mut io::stdout().lock(),
    )
}

/// Writes what was counted of one program.
pub(crate) fn run(path: &Path, program: &str, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_object(path)?;
    let object = verifier.open(&name, &bytes)?;
    let program = object.program(program).ok_or("there is no such program")?;
    let (counts, end) = program.observe(Counts::default());
    let counts = counts.ok_or("the verifier was not asked")?;
    let all: u32 = counts.walked.values().sum();
    writeln!(
        out,
        "{program:?}: {all} insns walked, {} paths pruned",
        counts.pruned
    )?;
    if let Some((insn, times)) = counts.walked.iter().max_by_key(|(_, times)| **times) {
        writeln!(out, "most often insn {insn}, {times} times")?;
    }
    for (reg, times) in &counts.registers {
        writeln!(out, "r{reg} kept states apart {times} times")?;
    }
    writeln!(out, "other things did {} times", counts.others)?;
    match end {
        Ok(()) => writeln!(out, "accepted")?,
        Err(why) => writeln!(out, "{why}")?,
    }
    Ok(())
}
