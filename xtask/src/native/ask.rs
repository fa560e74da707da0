//! The oracle on this machine.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::from_root;

/// How many oracles run side by side.
const SIDE_BY_SIDE: usize = 2;
/// Objects that one oracle is started for: their names must fit a command line.
const AT_ONCE: usize = 64;

/// How the oracle marks a program that it gave up.
const TIMED_OUT: &str = "\"stage\":\"timeout\"";

/// The program that asks the running kernel.
pub(super) struct Oracle {
    program: PathBuf,
    test_states: bool,
}

impl Oracle {
    pub(super) fn new(program: &Path, test_states: bool) -> Result<Oracle, String> {
        let program = from_root(program);
        match program.is_file() {
            true => Ok(Oracle { program, test_states }),
            false => Err(format!("{}: no such file", program.display())),
        }
    }

    /// Asks about all programs of the objects, side by side, and writes what is said into `out`; level-2 logs into a directory.
    pub(super) fn ask_all(&self, objects: &[PathBuf], out: &Path, logs: Option<&Path>) -> Result<(), String> {
        for dir in out.parent().into_iter().chain(logs) {
            fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        let chunks: Vec<_> = objects
            .chunks(AT_ONCE.min(objects.len().div_ceil(SIDE_BY_SIDE)).max(1))
            .collect();
        let mut said = Vec::new();
        for some in chunks.chunks(SIDE_BY_SIDE) {
            let answers: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = some
                    .iter()
                    .map(|objects| scope.spawn(|| self.ask(objects, logs)))
                    .collect();
                let joined = threads.into_iter().map(|thread| thread.join());
                joined
                    .map(|answer| answer.unwrap_or_else(|_| Err("a thread ended badly".to_owned())))
                    .collect()
            });
            for answer in answers {
                let answer = answer?;
                // What took too long has no answer.
                let lines = answer.split_inclusive(|byte| *byte == b'\n');
                let given = lines.filter(|line| !String::from_utf8_lossy(line).contains(TIMED_OUT));
                said.extend(given.flatten());
            }
        }
        File::create(out)
            .and_then(|mut file| file.write_all(&said))
            .map_err(|e| format!("{}: {e}", out.display()))
    }

    /// What one oracle says of some objects.
    pub(super) fn ask(&self, objects: &[PathBuf], logs: Option<&Path>) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.program);
        // Some programs take long; so that none takes for ever.
        command.args(["-t", "60"]);
        if self.test_states {
            command.arg("-f");
        }
        if let Some(logs) = logs {
            command.args(["-l", "2"]).arg("-L").arg(logs);
        }
        let output = command.args(objects).stderr(Stdio::inherit()).output();
        let output = output.map_err(|e| format!("{}: {e}", self.program.display()))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(format!("{}: {}", self.program.display(), output.status)),
        }
    }
}
