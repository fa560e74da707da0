//! Recordings that tests hold verdict to, and `parity` does not: the programs in the engine's tests, those that attach to
//! others, and the calls of the programs in `golden/run`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use rayon::prelude::*;
use serde_json::Value;
use verdict::kernel::errno::Errno;
use verdict::kernel::rule::RefusedAt;
use verdict::kernel::{KNOWN, Kernel};
use verdict::{Answer, KernelChoice, Options, Program, Verifier};
use verdict_gen::object;
use verdict_gen::text::{self, Source, Tested};

use crate::child::execute;
use crate::corpus::files_in;
use crate::logs::LogCheck;
use crate::oracle::GOLDEN;
use crate::root;

use super::sites::strings_of;
use super::{named, source};

/// A file and a line, and a program that was refused there.
type Found = ((String, u32), String);

/// The places of all of them, but for the calls where the machine does not let them be answered, which is said.
///
/// # Errors
/// Names what cannot be read.
pub(super) fn all() -> Result<BTreeMap<String, String>, String> {
    let mut found = rules()?;
    found.extend(attached()?);
    for (program, recording) in PLAYED {
        match played(program, recording) {
            Ok(played) => found.extend(played),
            Err(why) => println!("golden/run/{program} is left out: {why}"),
        }
    }
    named(found.iter().map(|(site, program)| (site, program.clone())))
}

/// Where something was refused of a program.
fn places(answer: &Answer, program: &str) -> Vec<Found> {
    let placed = |site: &RefusedAt| ((site.file().to_owned(), site.line()), program.to_owned());
    answer.sites.iter().map(placed).collect()
}

/// The engine's tests: `check!(PROGRAM, …)`, which `crates/engine/tests/rules/harness` holds to the logs in `golden`.
fn rules() -> Result<Vec<Found>, String> {
    let dir = root().join("crates/engine/tests/rules");
    let mut programs = Vec::new();
    for file in files_in(&dir, ".rs")? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        for (test, program) in strings_of(&source::tokens(&text), "check") {
            let name = format!("{stem}.{test}");
            programs.push((text::parse(program).map_err(|e| format!("{name}: {e}"))?, name));
        }
    }
    let golden = dir.join("golden");
    let kernels = fs::read_dir(&golden).map_err(|e| format!("{}: {e}", golden.display()))?;
    let mut found = Vec::new();
    for kernel in kernels.filter_map(Result::ok).map(|entry| entry.path()) {
        let verifiers = [Tested::Nothing, Tested::States, Tested::Bounds].map(|tested| open(&kernel, tested));
        let [plain, states, bounds] = verifiers;
        let verifiers = [plain?, states?, bounds?];
        let refused = programs
            .par_iter()
            .filter_map(|(source, name)| rule(&verifiers[source.tested as usize], &kernel, source, name))
            .flatten_iter();
        found.extend(refused.collect::<Vec<_>>());
    }
    Ok(found)
}

fn open(kernel: &Path, tested: Tested) -> Result<Verifier, String> {
    let choice = KernelChoice {
        name: kernel.file_name().map(|name| name.to_string_lossy().into_owned()),
        ..KernelChoice::default()
    };
    let options = Options {
        test_states: tested == Tested::States,
        test_invariants: tested == Tested::Bounds,
        ..Options::default()
    };
    Ok(Verifier::new(choice.open()?, options))
}

/// Where something is refused of a program, if the kernel's recording ends so and has the same log.
fn rule(verifier: &Verifier, kernel: &Path, source: &Source, name: &str) -> Option<Vec<Found>> {
    let recorded = fs::read_to_string(kernel.join(format!("{name}.log"))).ok()?;
    let (end, log) = recorded.split_once('\n')?;
    let bytes = object::write(source).ok()?;
    let object = verifier.open(&format!("{name}.bpf.o"), &bytes).ok()?;
    let program = object.programs().next()?;
    let answer = program.check();
    let said = match answer.record.errno {
        0 => "accepted".to_owned(),
        errno => format!("refused: {}", Errno(errno)),
    };
    let kernel = kernel.file_name()?.to_string_lossy();
    (end == said && says(&program, log)).then(|| places(&answer, &format!("{kernel} rules {name}")))
}

/// Whether a program's level-2 log is this.
fn says(program: &Program<'_, '_>, log: &str) -> bool {
    let mut check = LogCheck::against(Some(log.as_bytes().to_vec()));
    program.log(2, &mut check).is_ok() && check.finish().1.is_none()
}

/// The cases of `corpus/attach`, which are held to `golden/*/attach.jsonl`.
fn attached() -> Result<Vec<Found>, String> {
    let golden = root().join(format!("golden/{GOLDEN}/attach.jsonl"));
    let text = fs::read_to_string(&golden).map_err(|e| format!("{}: {e}", golden.display()))?;
    let cases: Vec<&str> = text.lines().collect();
    let refused = cases.par_iter().map(|line| case(line));
    Ok(refused
        .collect::<Result<Vec<_>, String>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// Where something is refused of the program of one case, if the recording of it has the same log.
fn case(line: &str) -> Result<Vec<Found>, String> {
    let case: Value = serde_json::from_str(line).map_err(|e| format!("attach.jsonl: {e}: {line}"))?;
    let word = |key: &str| case[key].as_str().unwrap_or_default();
    let dir = root().join("corpus/attach");
    let verifier = || open(Path::new(GOLDEN), Tested::Nothing);
    let (mut targets, mut target) = (verifier()?, None);
    for place in word("targets").split_whitespace() {
        let place = dir.join(place).display().to_string();
        let loaded = targets.load_target(&place).map_err(|e| e.to_string())?;
        targets = targets.with_target(loaded.clone());
        target = Some(loaded);
    }
    let verifier = verifier()?;
    let bytes = verdict::read_object(&dir.join(word("object")))?;
    let mut object = verifier.open(word("object"), &bytes).map_err(|e| e.to_string())?;
    let Some(id) = object.program(word("program")).map(|program| program.id()) else {
        return Err(format!("no such program: {line}"));
    };
    if target.is_some_and(|target| object.attach(id, &target).is_err()) {
        return Ok(Vec::new());
    }
    let Some(program) = object.get(id) else {
        return Ok(Vec::new());
    };
    let (answer, mut log) = (program.check(), LogCheck::against(None));
    program.log(2, &mut log).map_err(|e| e.to_string())?;
    let same = answer.record.errno == case["errno"] && log.finish().0 == word("log_sha256");
    let name = format!("{GOLDEN} {} {}", word("object"), word("program"));
    Ok(if same { places(&answer, &name) } else { Vec::new() })
}

/// The programs in `golden/run` whose calls are held to what they printed on real kernels, and where that is in each kernel's directory.
const PLAYED: [(&str, &str); 3] = [
    ("record.c", "run.txt"),
    ("refused.c", "refused.txt"),
    ("devices.c", "devices.txt"),
];

/// The calls of one of them.
fn played(program: &str, recording: &str) -> Result<Vec<Found>, String> {
    let work = root().join("target/coverage");
    fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
    let (record, printed) = (work.join("record"), work.join("printed"));
    let source = root().join("golden/run").join(program);
    let compiled = |flags: &[&str]| {
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-w"])
            .args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&record);
        execute(&mut cc)
    };
    compiled(&["-static"]).or_else(|_| compiled(&[]))?;
    let mut found = Vec::new();
    for kernel in KNOWN {
        let Ok(recorded) = fs::read_to_string(root().join("golden").join(kernel.name).join(recording)) else {
            continue;
        };
        let words = ["sh", "-c", "exec \"$0\" > \"$1\""].map(OsString::from);
        let files = [&record, &printed].map(|file| file.clone().into_os_string());
        let played = Kernel::open(kernel.name).map_err(|e| e.to_string())?;
        let refused = verdict_cli::refusals(&played, &[&words[..], &files[..]].concat())?;
        let said = fs::read_to_string(&printed).map_err(|e| format!("{}: {e}", printed.display()))?;
        if said == recorded {
            let name = format!("{} golden/run/{program}", kernel.name);
            let placed = refused
                .iter()
                .map(|(file, line)| (((*file).to_owned(), *line), name.clone()));
            found.extend(placed);
        }
    }
    Ok(found)
}
