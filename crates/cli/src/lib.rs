//! The program `verdict`: what a Linux kernel's BPF verifier would say of an object, without that kernel.
//!
//! It is a library only so that man pages and completions can be made of its command line. What others build on is the
//! crate `verdict`.

/// What is said on standard error has words of objects in it, too: in this crate all of it is escaped.
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::terminal::complain(format_args!($($words)*)) };
}

mod args;
mod capture;
mod caveats;
mod check;
mod compare;
mod explain;
mod forms;
mod front;
mod gate;
mod host;
mod html;
mod inputs;
mod interrupt;
mod kernels;
mod log;
mod plan;
mod profile;
mod run;
mod stat;
mod step_summary;
mod sweep;
mod terminal;
mod test;
mod veristat;
mod whole;
mod why;

use std::env;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Args, Command, KernelCommand};

/// Unusable input or usage.
const UNUSABLE: u8 = 1;

/// A program without an answer: unsupported, or given up.
const UNDECIDED: u8 = 3;

/// Why a command did not come to its end.
enum Trouble {
    /// To be printed.
    Message(String),
    /// Nobody reads the output any more.
    Output(io::Error),
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Trouble::Message(message)
    }
}

impl From<verdict::ChoiceError> for Trouble {
    fn from(error: verdict::ChoiceError) -> Self {
        Trouble::Message(error.to_string())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Output(error)
    }
}

/// A command's exit code.
type Done = Result<u8, Trouble>;

/// The command line, as man pages and completions describe it.
pub fn command() -> clap::Command {
    Args::command()
}

/// What `verdict stat --help` prints: its options are read by veristat's grammar, and [`command`] does not know them.
pub fn stat_help() -> String {
    veristat::help("verdict stat")
}

/// Runs a command on a played kernel, as `verdict run` does: files and lines of verdict's sources where something was refused.
///
/// # Errors
/// In words, where system calls cannot be answered.
#[doc(hidden)] // for the project's own chores
pub fn refusals(
    kernel: &verdict::kernel::Kernel,
    command: &[OsString],
) -> Result<std::collections::BTreeSet<(&'static str, u32)>, String> {
    front::refusals(kernel, command)
}

/// The program, from its command line to its exit code.
pub fn main() -> ExitCode {
    let command_line: Vec<OsString> = env::args_os().collect();
    if let Some((name, arguments)) = veristat::arguments(&command_line) {
        return finish((false, true), |out| veristat::run(name, &arguments, out));
    }
    colour_help(&command_line);
    let mut args = match Args::try_parse_from(command_line) {
        Ok(args) => args,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print(); // nowhere left to complain
            return ExitCode::from(if asked { 0 } else { UNUSABLE });
        }
    };
    match &mut args.command {
        Command::Check(command) => inputs::forget_empty(&mut command.objects, command.allow_empty),
        Command::Test(command) => inputs::forget_empty(&mut command.objects, command.allow_empty),
        _ => {}
    }
    let exact = matches!(args.command, Command::Log(_) | Command::Stat(_));
    let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    finish((colours, exact), |out| execute(&args, out))
}

/// Has help and complaints about usage coloured as `--color` says: they are printed before it is known what was asked.
fn colour_help(command_line: &[OsString]) {
    let asked = |when: &str| {
        let apart = command_line
            .windows(2)
            .any(|two| matches!(two, [name, value] if name == "--color" && value == when));
        apart || command_line.iter().any(|one| *one == *format!("--color={when}"))
    };
    if asked("never") {
        ColorChoice::Never.write_global();
    } else if asked("always") {
        ColorChoice::Always.write_global();
    }
}

/// Runs a command to its end, which writes with colours or without, and may write logs.
fn finish((colours, exact): (bool, bool), command: impl FnOnce(&mut dyn Write) -> Done) -> ExitCode {
    run::keep_panics_quiet();
    let mut out = BufWriter::new(terminal::output(colours, exact));
    let done = command(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    match done {
        Ok(_) if interrupt::asked() => ExitCode::from(interrupt::INTERRUPTED),
        Ok(code) => ExitCode::from(code),
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Trouble::Output(error)) => complain(&format!("cannot write the output: {error}")),
        Err(Trouble::Message(message)) => complain(&message),
    }
}

fn execute(args: &Args, out: &mut dyn Write) -> Done {
    match &args.command {
        Command::Check(command) => check::run(command, out),
        Command::Stat(command) => veristat::run("verdict stat", &command.arguments, out),
        Command::Compare(command) => compare::run(command, out),
        Command::Gate(command) => gate::run(command, out),
        Command::Sweep(command) => sweep::run(command, out),
        Command::Profile(command) => profile::run(command, out),
        Command::Log(command) => log::run(command, out),
        Command::Test(command) => test::run(command, out),
        Command::Run(command) => front::run(command),
        Command::Plan(command) => plan::run(command, out),
        Command::Explain(command) => explain::run(command, out),
        Command::Kernel(KernelCommand::Capture(command)) => capture::run(command, out),
        Command::Kernels(command) => kernels::list(command, out),
        Command::Switches(command) => kernels::switches(command, out),
    }
}

/// The exit code of several results: that of the worst. Unusable input is worse than a rejection, and that is worse
/// than a program without an answer.
fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    codes.into_iter().filter(|code| *code != 0).min().unwrap_or(0)
}

/// The exit code where nothing was done of what was asked for, unless that is allowed; otherwise the one that there is.
fn unless_nothing(code: u8, done: usize, allowed: bool, nothing: &str) -> u8 {
    if done > 0 || allowed || code != 0 {
        return code;
    }
    eprintln!("verdict: {nothing} (--allow-empty accepts that)");
    UNUSABLE
}

/// Prints an error and gives the exit code that goes with it.
fn complain(message: &str) -> ExitCode {
    eprintln!("verdict: {message}");
    ExitCode::from(UNUSABLE)
}
