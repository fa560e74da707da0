//! A child process that says what it does line by line, and is ended when it falls silent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// A running child.
pub(crate) struct Talker {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

/// What came from a child.
pub(crate) enum Heard {
    /// A line.
    Line(String),
    /// Nothing within the time; the child was ended.
    Silence,
    /// It ended well.
    End,
    /// It ended badly; how, and its last words.
    Death(String),
}

impl Talker {
    /// Starts the command.
    pub(crate) fn start(command: &mut Command) -> Result<Talker, String> {
        let shown = format!("{command:?}");
        let piped = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped.spawn().map_err(|e| format!("{shown}: {e}"))?;
        let (lines, errors) = (lines_of(child.stdout.take()), lines_of(child.stderr.take()));
        Ok(Talker { child, lines, errors })
    }

    /// Waits for the next line, no longer than this.
    pub(crate) fn hear(&mut self, patience: Duration) -> Result<Heard, String> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => return Ok(Heard::Line(line)),
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill().map_err(|e| e.to_string())?;
                self.child.wait().map_err(|e| e.to_string())?;
                return Ok(Heard::Silence);
            }
            Err(RecvTimeoutError::Disconnected) => {}
        }
        let status = self.child.wait().map_err(|e| e.to_string())?;
        if status.success() {
            return Ok(Heard::End);
        }
        let words: Vec<_> = self
            .errors
            .iter()
            .filter(|line| !line.starts_with("note:"))
            .collect();
        Ok(Heard::Death(format!("{status}: {}", words.join(" "))))
    }
}

/// The lines of a pipe, read by a thread of their own.
fn lines_of(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// Runs a command that must succeed.
pub(crate) fn execute(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}
