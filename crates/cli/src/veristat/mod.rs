//! `verdict stat`: veristat without a kernel and without root. What veristat accepts, this accepts, and prints the
//! same for the same figures.

mod figures;
mod getopt;
mod help;
mod options;
mod recorded;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;

use crate::{Done, run};
pub(crate) use help::help;
use options::{Options, Show};

/// Wrong input.
const FAILED: u8 = 1;
/// `EINVAL`, which veristat makes its exit code.
const INVALID: u8 = 22;
/// `ENOENT`, likewise.
const ABSENT: u8 = 2;
/// `ESRCH`, likewise.
const UNKNOWN: u8 = 3;
/// Wrong options.
const USAGE: u8 = 64;

/// Why nothing is printed, and the exit code that says so.
struct Refusal {
    code: u8,
    words: String,
    usage: bool,
}

impl Refusal {
    fn new(code: u8, words: impl Into<String>) -> Refusal {
        Refusal {
            code,
            words: words.into(),
            usage: false,
        }
    }

    /// The same, with a reminder of the options.
    fn with_usage(code: u8, words: &str) -> Refusal {
        Refusal {
            usage: true,
            ..Refusal::new(code, words)
        }
    }
}

/// The name under which veristat's scripts start it.
const VERISTAT: &str = "veristat";

/// The arguments of `stat`, and the name to which they were given: when the program was started as `veristat`, or as
/// `verdict stat`.
pub(crate) fn arguments(command_line: &[OsString]) -> Option<(&'static str, Vec<OsString>)> {
    let (program, rest) = command_line.split_first()?;
    if Path::new(program).file_name() == Some(OsStr::new(VERISTAT)) {
        return Some((VERISTAT, rest.to_owned()));
    }
    let (command, arguments) = rest.split_first()?;
    (command == "stat").then(|| ("verdict stat", arguments.to_owned()))
}

/// Does what the arguments ask for.
pub(crate) fn run(name: &str, arguments: &[OsString], out: &mut dyn Write) -> Done {
    let texts: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let mut options = match Options::parse(&texts) {
        Ok(options) => options,
        Err(refusal) => return Ok(refuse(name, &refusal)),
    };
    let is_no_text = |argument: &&OsString| argument.to_str().is_none();
    options.no_text = arguments.iter().filter(is_no_text).cloned().collect();
    match options.show {
        Some(Show::Help) => write!(out, "{}", help(name))?,
        Some(Show::Usage) => write!(out, "{}", help::usage(name))?,
        // The one whose output this is to the byte.
        Some(Show::Version) => writeln!(out, "veristat v<kernel>")?,
        None => {
            run::set_jobs(options.jobs);
            let done = if options.compare {
                recorded::compare(&options, out)
            } else if options.replay {
                recorded::replay(&options, out)
            } else {
                return figures::print(&options, out);
            };
            return done.unwrap_or_else(|refusal| Ok(refuse(name, &refusal)));
        }
    }
    Ok(0)
}

fn refuse(name: &str, refusal: &Refusal) -> u8 {
    if refusal.usage {
        eprintln!("{}\n\n{}", refusal.words, help::usage(name));
    } else if refusal.code == USAGE {
        eprintln!(
            "{name}: {}\nTry `{name} --help' or `{name} --usage' for more information.",
            refusal.words
        );
    } else {
        eprintln!("{}", refusal.words);
    }
    refusal.code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(&'static str, Vec<String>)> {
        let line: Vec<_> = line.split(' ').map(OsString::from).collect();
        let (name, rest) = arguments(&line)?;
        let rest = rest.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        Some((name, rest))
    }

    #[test]
    fn who_is_asked() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found("/usr/bin/veristat -q stat"),
            Some(("veristat", owned(&["-q", "stat"])))
        );
        assert_eq!(
            found("verdict stat -q x.o"),
            Some(("verdict stat", owned(&["-q", "x.o"])))
        );
        assert_eq!(found("verdict check stat"), None);
        assert_eq!(found("verdict --help"), None);
        assert_eq!(found("verdict"), None);
    }
}
