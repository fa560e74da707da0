//! `verdict test`.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use verdict::expect::report::{Detail, Summary, TestResult, write_failures, write_summary, write_test};
use verdict::expect::{Known, junit};
use verdict::report::{Look, Part};
use verdict::{Globals, Options, Suite, Verifier, may_have_tests, read_object};

use crate::args::{KernelArgs, SuiteArgs, TestOutput};
use crate::interrupt;
use crate::run::{Progress, expand, file_name, guarded, note_once, side_by_side};
use crate::{Done, UNUSABLE, unless_nothing, worst};

pub(crate) fn run(kernel: &KernelArgs, args: &SuiteArgs, look: Look, out: &mut dyn Write) -> Done {
    let known = args
        .known
        .as_deref()
        .map(read_known)
        .transpose()?
        .unwrap_or_default();
    let verifiers = kernel.verifiers(Options::default(), &Globals::default())?;
    if verifiers.len() > 1 && args.output == TestOutput::Junit {
        return Err("test: JUnit's form has no place for several kernels"
            .to_owned()
            .into());
    }
    let mut codes = Vec::new();
    for verifier in &verifiers {
        if verifiers.len() > 1 {
            let heading = format!("kernel {}", verifier.kernel().name);
            writeln!(out, "{}", look.paint(Part::Heading, heading))?;
        }
        codes.push(run_one(verifier, &known, (args, look), out)?);
    }
    Ok(worst(codes))
}

/// Runs the tests of all objects on one kernel.
fn run_one(
    verifier: &Verifier,
    known: &Known,
    (args, look): (&SuiteArgs, Look),
    out: &mut dyn Write,
) -> Done {
    let opened = side_by_side(&expand(&args.objects), |argument| match argument {
        Ok(path) => open(verifier, path).map(|suite| suite.map(|suite| (path.clone(), suite))),
        Err((_, message)) => Err(message.clone()),
    });
    let (mut suites, mut unusable) = (Vec::new(), false);
    for object in opened {
        match object {
            Ok(suite) => suites.extend(suite),
            Err(message) => {
                eprintln!("verdict: {message}");
                unusable = true;
            }
        }
    }
    let mut summary = Summary::default();
    let (mut results, stopped) = run_all(&suites, &args.filter, &mut summary.filtered);
    for message in &stopped {
        eprintln!("verdict: {message}");
    }
    let mut stale = known.apply(&mut results);
    results.iter().for_each(|result| summary.count(result));
    stale.extend(known.check(&summary));
    write((args, look), &results, &summary, &stale, out)?;
    match () {
        () if unusable || !stopped.is_empty() => Ok(UNUSABLE),
        () if !stale.is_empty() => Ok(summary.exit_code().max(2)),
        () => {
            out.flush()?;
            let (code, tests) = (summary.exit_code(), results.len() + summary.filtered);
            Ok(unless_nothing(
                code,
                tests,
                args.allow_empty,
                "nothing was tested",
            ))
        }
    }
}

fn read_known(path: &Path) -> Result<Known, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    Known::parse(&text).map_err(|e| format!("{shown}: {e}"))
}

/// Opens an object; `None` if it cannot be opened, but has no tests either.
fn open<'v>(verifier: &'v Verifier, path: &Path) -> Result<Option<Suite<'v>>, String> {
    let shown = path.display();
    let bytes = read_object(path)?;
    let name = file_name(path);
    let opened = guarded(&name, || {
        let may_have_tests = may_have_tests(&bytes);
        (verifier.open_suite(&name, bytes), may_have_tests)
    })?;
    match opened {
        (Ok(mut suite), _) => {
            if let Some(plans) = verifier.plans_of(path)? {
                let applied = suite.apply(&plans);
                applied.map_err(|e| format!("{shown}: load plan: {e}"))?;
            }
            if let Some(assumed) = suite.assumed() {
                note_once(&format!("{shown}: {assumed} (verdict plan drafts a load plan)"));
            }
            Ok(Some(suite))
        }
        (Err(_), false) => Ok(None),
        (Err(error), true) => Err(format!("{shown}: {error}")),
    }
}

/// Runs the tests that pass the filters; also says which of them verdict itself failed at.
fn run_all(
    suites: &[(PathBuf, Suite<'_>)],
    filter: &[String],
    filtered: &mut usize,
) -> (Vec<TestResult>, Vec<String>) {
    let mut tests = Vec::new();
    for (path, suite) in suites {
        for test in suite.tests() {
            let name = format!("{} {}", suite.name(), test.name());
            let describes = |text: &String| test.description().is_some_and(|words| words.contains(text));
            let has = |text: &String| name.contains(text) || describes(text);
            if filter.is_empty() || filter.iter().any(has) {
                tests.push((path, test, name));
            } else {
                *filtered += 1;
            }
        }
    }
    let progress = Progress::new(tests.len());
    let done = side_by_side(&tests, |(path, test, name)| {
        if interrupt::asked() {
            return None;
        }
        let beside = |file: &str| read_beside(path, file);
        let result = guarded(name, || test.run(&beside));
        progress.step();
        Some(result)
    });
    progress.finish();
    let (mut results, mut stopped) = (Vec::new(), Vec::new());
    for result in done.into_iter().flatten() {
        match result {
            Ok(result) => results.push(result),
            Err(message) => stopped.push(message),
        }
    }
    (results, stopped)
}

/// Reads a file that a test names: from the object's directory, or from the current one. Objects are not trusted
/// with other places, nor with what is no file.
fn read_beside(object: &Path, file: &str) -> io::Result<Vec<u8>> {
    let inside = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let places = [object.with_file_name(file), PathBuf::from(file)];
    let found = places.into_iter().find(|place| inside && place.is_file());
    fs::read(found.ok_or(io::ErrorKind::NotFound)?)
}

fn write(
    (args, look): (&SuiteArgs, Look),
    results: &[TestResult],
    summary: &Summary,
    stale: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    if args.output == TestOutput::Junit {
        junit::write(out, results)?;
        out.flush()?;
        for line in stale {
            eprintln!("verdict: {line}");
        }
        return Ok(());
    }
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    if detail != Detail::Quiet {
        writeln!(out, "running {} tests", results.len())?;
    }
    for result in results {
        write_test(out, result, (detail, look))?;
    }
    write_failures(out, results, look)?;
    for line in stale {
        writeln!(out, "known failures: {line}")?;
    }
    write_summary(out, summary, look)
}
