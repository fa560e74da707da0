//! Verifying many objects in child processes: a child that panics, loops or eats memory ends alone.
//!
//! A child takes one object and prints, for each program, a line `> name` before it starts and a line of
//! JSON when it is done. The parent reads along, ends a child whose program takes too long, and lets
//! another one go on behind that program.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use verdict::{KernelChoice, Options, Verifier};
use verdict_report::Record;

use crate::Done;
use crate::child::{Heard, Talker};
use crate::logs::{LogCheck, LogDifference};

/// Which kernel to ask, and how.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Setting {
    /// Kernel profile
    #[arg(long, value_name = "NAME")]
    pub(crate) kernel: Option<String>,
    /// Directory with another kernel's BTF, config and symbols
    #[arg(long, value_name = "DIR")]
    pub(crate) kernel_dir: Option<PathBuf>,
    /// Set a semantic switch
    #[arg(long, value_name = "SWITCH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Create a state at every prune point (BPF_F_TEST_STATE_FREQ)
    #[arg(long)]
    pub(crate) test_states: bool,
    /// Compare level-2 logs with DIR/OBJECT__PROGRAM.log, or by the golden file's checksum
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

impl Setting {
    fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if let Some(name) = &self.kernel {
            add("--kernel", name.clone());
        }
        if let Some(dir) = &self.kernel_dir {
            add("--kernel-dir", dir.display().to_string());
        }
        for set in &self.set {
            add("--set", set.clone());
        }
        if let Some(dir) = &self.logs {
            add("--logs", dir.display().to_string());
        }
        if self.test_states {
            words.push("--test-states".to_owned());
        }
        words
    }

    /// The kernel's full name.
    pub(crate) fn kernel(&self) -> Result<String, String> {
        Ok(self.verifier()?.kernel().name.clone())
    }

    /// The verifier that is asked.
    pub(crate) fn verifier(&self) -> Result<Verifier, String> {
        let choice = KernelChoice {
            name: self.kernel.clone(),
            dir: self.kernel_dir.clone(),
            switches: self.set.clone(),
            ..KernelChoice::default()
        };
        let options = Options {
            test_states: self.test_states,
            ..Options::default()
        };
        Ok(Verifier::new(choice.open()?, options))
    }
}

/// What a child is told.
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    setting: Setting,
    /// Leave out so many programs
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Only this program
    #[arg(long)]
    program: Option<String>,
    object: PathBuf,
}

/// What a child says of a program.
#[derive(Serialize, Deserialize)]
pub(crate) struct Said {
    /// The figures.
    #[serde(flatten)]
    pub(crate) record: Record,
    /// The first line in which its log differs from the kernel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_difference: Option<LogDifference>,
    /// Where something of it was refused: source files and lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sites: Vec<(String, u32)>,
}

/// The recordings have no log of a program that processes more instructions than these.
const MAX_LOGGED: u64 = 200_000;

/// The child's side.
pub(crate) fn work(args: &WorkerArgs) -> Done {
    let verifier = args.setting.verifier()?;
    let bytes = verdict::read_object(&args.object)?;
    let name = file_name(&args.object);
    let mut out = std::io::stdout().lock();
    let mut say = |line: &str| {
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(|e| e.to_string())
    };
    let object = match verifier.open(&name, &bytes) {
        Ok(object) => object,
        Err(error) => {
            say(&json(&Said {
                record: verdict::open_failure(&name, &error),
                log_difference: None,
                sites: Vec::new(),
            }))?;
            return Ok(true);
        }
    };
    for handle in object.programs().skip(args.skip) {
        let program = handle.name();
        if args.program.as_deref().is_some_and(|wanted| wanted != program) {
            continue;
        }
        say(&format!("> {program}"))?;
        let answer = handle.check();
        let sites = answer.sites.iter();
        let mut said = Said {
            record: answer.record,
            log_difference: None,
            sites: sites.map(|site| (site.file().to_owned(), site.line())).collect(),
        };
        let insns = said.record.figures.as_ref().map_or(0, |figures| figures.insns);
        if let Some(dir) = args.setting.logs.as_ref().filter(|_| insns <= MAX_LOGGED) {
            let mut check = LogCheck::new(&dir.join(format!("{name}__{program}.log")));
            handle.log(2, &mut check).map_err(|e| e.to_string())?;
            let (sha256, difference) = check.finish();
            said.record.log_sha256 = Some(sha256);
            said.log_difference = difference;
        }
        say(&json(&said))?;
    }
    say(&format!("peak {}", peak_kib().unwrap_or(0)))?;
    Ok(true)
}

fn json(said: &Said) -> String {
    // Strings and numbers only: nothing that could fail.
    serde_json::to_string(said).unwrap_or_default()
}

/// A program that gave no answer, and why.
pub(crate) struct Lost {
    pub(crate) object: String,
    pub(crate) program: Option<String>,
    pub(crate) why: String,
}

/// The parent's side: every program of the objects, in the order of the objects.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) said: Vec<Said>,
    pub(crate) lost: Vec<Lost>,
    pub(crate) slowest: Option<(Duration, String)>,
    pub(crate) peak_kib: u64,
}

/// Asks about all programs of the objects, side by side, each limited in time.
pub(crate) fn ask(objects: &[PathBuf], setting: &Setting, limit: Duration) -> Result<Run, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let parts: Vec<_> = objects
        .par_iter()
        .map(|object| ask_object(&exe, object, setting, limit))
        .collect();
    let mut run = Run::default();
    for part in parts {
        let part = part?;
        run.said.extend(part.said);
        run.lost.extend(part.lost);
        run.slowest = run.slowest.max(part.slowest);
        run.peak_kib = run.peak_kib.max(part.peak_kib);
    }
    Ok(run)
}

fn ask_object(exe: &Path, object: &Path, setting: &Setting, limit: Duration) -> Result<Run, String> {
    let mut run = Run::default();
    let mut started = 0;
    loop {
        let before = started;
        let end = ask_child(exe, object, setting, limit, &mut started, &mut run)?;
        let Some((program, why)) = end else { return Ok(run) };
        // A child that ends before its first program would do so again.
        let go_on = program.is_some() && started > before;
        run.lost.push(Lost {
            object: file_name(object),
            program,
            why,
        });
        if !go_on {
            return Ok(run);
        }
    }
}

/// Runs one child behind `started` programs. Gives the program that it was at and what happened, unless
/// it came to its end.
fn ask_child(
    exe: &Path,
    object: &Path,
    setting: &Setting,
    limit: Duration,
    started: &mut usize,
    run: &mut Run,
) -> Result<Option<(Option<String>, String)>, String> {
    let mut child = Talker::start(
        Command::new(exe)
            .arg("worker")
            .args(setting.arguments())
            .args(["--skip", &started.to_string()])
            .arg(object),
    )?;
    let mut current = None;
    let mut since = Instant::now();
    loop {
        match child.hear(limit.saturating_sub(since.elapsed()))? {
            Heard::Line(line) => {
                if let Some(program) = line.strip_prefix("> ") {
                    current = Some(program.to_owned());
                    *started += 1;
                } else if let Some(kib) = line.strip_prefix("peak ") {
                    run.peak_kib = run.peak_kib.max(kib.parse().unwrap_or(0));
                } else {
                    run.said
                        .push(serde_json::from_str(&line).map_err(|e| format!("worker: {e}: {line}"))?);
                    let name = format!("{} {}", file_name(object), current.take().unwrap_or_default());
                    run.slowest = run.slowest.take().max(Some((since.elapsed(), name)));
                }
                since = Instant::now();
            }
            Heard::Silence => return Ok(Some((current, format!("no answer within {} s", limit.as_secs())))),
            Heard::Death(how) => return Ok(Some((current, how))),
            Heard::End => return Ok(None),
        }
    }
}

/// The most memory that this process has had resident, in KiB, as the kernel counts it.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .trim()
        .strip_suffix(" kB")?
        .parse()
        .ok()
}

/// A path's last part.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The objects that the arguments stand for: files, directories, globs. `only` keeps those whose file name
/// matches one of its patterns.
pub(crate) fn objects(arguments: &[PathBuf], only: &[String]) -> Result<Vec<PathBuf>, String> {
    let patterns = only
        .iter()
        .map(|p| glob::Pattern::new(p).map_err(|e| e.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for argument in arguments {
        found.extend(verdict::objects_in(argument)?);
    }
    found.retain(|path| patterns.is_empty() || patterns.iter().any(|p| p.matches(&file_name(path))));
    if found.is_empty() {
        Err("no objects".to_owned())
    } else {
        Ok(found)
    }
}
