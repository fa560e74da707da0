//! `verdict test`.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use verdict::expect::report::{Detail, Summary, TestResult, write_failures, write_summary, write_test};
use verdict::expect::{Known, json, junit};
use verdict::report::Part;
use verdict::report::forms::Json;
use verdict::{Globals, Options, Suite, Verifier, may_have_tests, object_name, shown_path, unfit};

use crate::args::{Asked, SuiteArgs, TestOutput};
use crate::inputs::{Input, expand};
use crate::interrupt;
use crate::run::{Progress, guarded, help, note_once, read, side_by_side};
use crate::{Done, UNUSABLE, caveats, run, unless_nothing, worst};

pub(crate) fn run(args: &SuiteArgs, out: &mut dyn Write) -> Done {
    run::set_jobs(args.jobs.jobs);
    let known = args
        .known
        .as_deref()
        .map(read_known)
        .transpose()?
        .unwrap_or_default();
    let kernel = Asked::by_libbpf(&args.kernel, &args.plans);
    let verifiers = kernel.verifiers(args.limits.options(Options::default()), &Globals::default())?;
    let output = args.print.output;
    if verifiers.len() > 1 && output == TestOutput::Junit {
        return Err("test: JUnit's form has no place for several kernels"
            .to_owned()
            .into());
    }
    let (mut codes, mut all) = (Vec::new(), Vec::new());
    for verifier in &verifiers {
        let ran = run_one(verifier, &known, args)?;
        if output == TestOutput::Text && verifiers.len() > 1 {
            let heading = format!("kernel {}", verifier.kernel().name);
            writeln!(out, "{}", args.print.color.look().paint(Part::Heading, heading))?;
        }
        if output == TestOutput::Text {
            caveats::write(out, &caveats::of([verifier]))?;
        }
        match output {
            TestOutput::Text => write_text(args, &ran, out)?,
            TestOutput::Junit => {
                let results: Vec<_> = ran.results.iter().map(|(_, result)| result.clone()).collect();
                junit::write(out, &results)?;
            }
            TestOutput::Json | TestOutput::Jsonl => {}
        }
        out.flush()?;
        if output != TestOutput::Text {
            ran.stale.iter().for_each(|line| eprintln!("verdict: {line}"));
        }
        codes.push(ran.exit_code(args.allow_empty));
        all.push(ran);
    }
    let form = match output {
        TestOutput::Json => Json::Document,
        TestOutput::Jsonl => Json::Lines,
        TestOutput::Text | TestOutput::Junit => return Ok(worst(codes)),
    };
    let each = verifiers.iter().zip(&all);
    let runs: Vec<_> = each
        .map(|(verifier, ran)| ran.told(&verifier.kernel().name))
        .collect();
    json::write(out, form, &runs, &caveats::of(&verifiers))?;
    Ok(worst(codes))
}

/// What one kernel says of all tests.
struct Ran {
    /// With the paths of their objects.
    results: Vec<(String, TestResult)>,
    summary: Summary,
    /// What of the list of known failures does not hold.
    stale: Vec<String>,
    /// Inputs that cannot be used, and why.
    unusable: Vec<(String, String)>,
    /// Whether verdict itself failed at one of them.
    stopped: bool,
}

impl Ran {
    fn exit_code(&self, allow_empty: bool) -> u8 {
        match () {
            () if self.stopped || !self.unusable.is_empty() => UNUSABLE,
            () if !self.stale.is_empty() => self.summary.exit_code().max(2),
            () => {
                let (code, tests) = (
                    self.summary.exit_code(),
                    self.results.len() + self.summary.filtered,
                );
                unless_nothing(code, tests, allow_empty, "nothing was tested")
            }
        }
    }

    fn told<'a>(&'a self, kernel: &'a str) -> json::Run<'a> {
        json::Run {
            kernel,
            results: &self.results,
            summary: &self.summary,
            unusable: &self.unusable,
        }
    }
}

/// Runs the tests of all objects on one kernel.
fn run_one(verifier: &Verifier, known: &Known, args: &SuiteArgs) -> Result<Ran, String> {
    let opened = side_by_side(&expand(&args.objects), |input| {
        let opened = open(verifier, input).map_err(|message| (input.path.clone(), message));
        opened.map(|suite| suite.map(|suite| (input.path.clone(), suite)))
    });
    let (mut suites, mut unusable) = (Vec::new(), Vec::new());
    for object in opened {
        match object {
            Ok(suite) => suites.extend(suite),
            Err((path, message)) => {
                eprintln!("verdict: {message}");
                unusable.push((shown_path(&path), message));
            }
        }
    }
    let tests = |(_, suite): &'_ (PathBuf, Suite<'_>)| -> Vec<(String, String)> {
        let names = suite
            .tests()
            .map(|test| (suite.name().to_owned(), test.name().to_owned()));
        names.collect()
    };
    let names: Vec<_> = suites.iter().flat_map(tests).collect();
    if !names.is_empty() {
        let names: Vec<_> = names
            .iter()
            .map(|(object, program)| (object.as_str(), program.as_str()))
            .collect();
        args.programs.all_met(&names)?;
    }
    let mut summary = Summary::default();
    let (done, stopped) = run_all(&suites, args, &mut summary.filtered);
    for message in &stopped {
        eprintln!("verdict: {message}");
    }
    let (paths, mut results): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let mut stale = known.apply(&mut results);
    results.iter().for_each(|result| summary.count(result));
    stale.extend(known.check(&summary));
    Ok(Ran {
        results: paths.into_iter().zip(results).collect(),
        summary,
        stale,
        unusable,
        stopped: !stopped.is_empty(),
    })
}

fn read_known(path: &Path) -> Result<Known, String> {
    let shown = shown_path(path);
    let text = fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    Known::parse(&text).map_err(|e| format!("{shown}: {e}"))
}

/// Opens an object; `None` if it cannot be opened, but has no tests either.
fn open<'v>(verifier: &'v Verifier, input: &Input) -> Result<Option<Suite<'v>>, String> {
    let path = &input.path;
    let shown = shown_path(path);
    let bytes = read(input)?;
    let (name, unfit) = (object_name(path, &bytes), unfit(path, &bytes));
    let opened = guarded(&input.name, || {
        let may_have_tests = may_have_tests(&bytes);
        (verifier.open_suite(&name, bytes), may_have_tests)
    })?;
    match opened {
        (Ok(mut suite), _) => {
            suite.call(&input.name);
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
        (Err(error), true) => Err(format!("{shown}: {error}{}", help(&error, unfit))),
    }
}

/// Runs the tests that pass the filters; also says which of them verdict itself failed at.
fn run_all(
    suites: &[(PathBuf, Suite<'_>)],
    args: &SuiteArgs,
    filtered: &mut usize,
) -> (Vec<(String, TestResult)>, Vec<String>) {
    let mut tests = Vec::new();
    for (path, suite) in suites {
        for test in suite.tests() {
            let name = format!("{} {}", suite.name(), test.name());
            let describes = |text: &String| test.description().is_some_and(|words| words.contains(text));
            let has = |text: &String| name.contains(text) || describes(text);
            let named = args.programs.want(suite.name(), test.name());
            if named && (args.filter.is_empty() || args.filter.iter().any(has)) {
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
        let path = shown_path(path);
        Some(result.map(|result| (path, result)))
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

fn write_text(args: &SuiteArgs, ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
    let look = args.print.color.look();
    let detail = match (args.print.quiet, args.print.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let results: Vec<_> = ran.results.iter().map(|(_, result)| result.clone()).collect();
    if detail != Detail::Quiet {
        writeln!(out, "running {} tests", results.len())?;
    }
    for result in &results {
        write_test(out, result, (detail, look))?;
    }
    write_failures(out, &results, look)?;
    for line in &ran.stale {
        writeln!(out, "known failures: {line}")?;
    }
    write_summary(out, &ran.summary, look)
}
