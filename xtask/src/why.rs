//! Whether every difference between two kernels has a cause, and whether the causes hold.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use verdict::report::Record;
use verdict::report::why::{Difference, Element, totals};
use verdict::{KernelChoice, Options, Verifier, Why};

use crate::Done;
use crate::workers;

/// What to explain.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first kernel
    #[arg(long, value_name = "NAME")]
    a: String,
    /// The second one
    #[arg(long, value_name = "NAME")]
    b: String,
    /// The counts that are expected: as the chore prints them
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Write the counts there
    #[arg(long, value_name = "FILE", conflicts_with = "golden")]
    save: Option<PathBuf>,
    /// Only objects whose file name matches
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

/// Explains all programs, verifies each again under what the explanation says, and compares the counts.
pub(crate) fn run(args: &Args) -> Done {
    let open = |name: &str, switches: Vec<String>| -> Result<Verifier, String> {
        let choice = KernelChoice {
            name: Some(name.to_owned()),
            switches,
            ..KernelChoice::default()
        };
        Ok(Verifier::new(choice.open()?, Options::default()))
    };
    let (a, b) = (open(&args.a, Vec::new())?, open(&args.b, Vec::new())?);
    let why = Why::new(&a, &b);
    let objects = workers::objects(&args.objects, &args.only)?;
    let explained: Vec<_> = objects
        .par_iter()
        .map(|path| -> Result<Vec<(PathBuf, Difference)>, String> {
            let object = why.object(&workers::file_name(path), verdict::read_object(path)?);
            let programs: Vec<_> = object.programs().collect();
            let all = programs.par_iter();
            Ok(all
                .filter_map(|program| Some((path.clone(), program.explain()?)))
                .collect())
        })
        .collect();
    let mut differences = Vec::new();
    for of_object in explained {
        differences.extend(of_object?);
    }
    let again = |(path, difference): &(PathBuf, Difference)| {
        let switches = switches_alone(difference)?;
        let verifier = open(&args.a, vec![switches]);
        (!verifier.is_ok_and(|verifier| gives(&verifier, path, &difference.b))).then(|| name(difference))
    };
    let wrong: Vec<String> = differences.par_iter().filter_map(again).collect();
    let differences: Vec<_> = differences
        .into_iter()
        .map(|(_, difference)| difference)
        .collect();
    for name in &wrong {
        println!("its causes alone do not give the other kernel's figures: {name}");
    }
    for difference in differences.iter().filter(|difference| !difference.is_explained()) {
        let sides = [&difference.a, &difference.b].into_iter();
        let what = sides.filter_map(|side| side.unsupported.as_deref()).next();
        println!(
            "not explained: {}: {}",
            name(difference),
            what.unwrap_or("no cause")
        );
    }
    let counts = counts(&differences);
    print!("{counts}");
    if let Some(path) = &args.save {
        fs::write(path, &counts).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let expected = args.golden.as_ref().map(fs::read_to_string).transpose();
    let expected = expected.map_err(|e| format!("the expected counts: {e}"))?;
    let as_expected = expected.is_none_or(|expected| expected == counts);
    if !as_expected {
        println!("the counts are not those that are expected");
    }
    Ok(wrong.is_empty() && as_expected)
}

fn name(difference: &Difference) -> String {
    let program = difference
        .a
        .program
        .as_deref()
        .or(difference.b.program.as_deref());
    format!("{} {}", difference.a.object, program.unwrap_or("-"))
}

/// The causes as settings of the first kernel, where they are switches alone.
fn switches_alone(difference: &Difference) -> Option<String> {
    let mut settings = Vec::new();
    for cause in &difference.causes {
        let Element::Switch(switch, _, to) = cause.element else {
            return None;
        };
        settings.push(format!("{}={to}", switch.name));
    }
    (!settings.is_empty()).then(|| settings.join(","))
}

/// Whether the verifier comes to these figures.
fn gives(verifier: &Verifier, path: &Path, expected: &Record) -> bool {
    let Ok(bytes) = verdict::read_object(path) else {
        return false;
    };
    let Ok(object) = verifier.open(&workers::file_name(path), &bytes) else {
        return false;
    };
    let program = expected.program.as_deref().and_then(|name| object.program(name));
    let Some(program) = program else { return false };
    let record = program.check().record;
    let figures = |record: &Record| {
        let f = record.figures.as_ref()?;
        Some((
            f.insns,
            f.states,
            f.peak_states,
            f.max_states_per_insn,
            f.stack_depth.clone(),
        ))
    };
    let end = |record: &Record| (record.verdict, record.stage, record.errno);
    end(&record) == end(expected) && figures(&record) == figures(expected)
}

/// How many programs differ, and by what.
fn counts(differences: &[Difference]) -> String {
    let explained = differences.iter().filter(|difference| difference.is_explained());
    let mut text = format!("{} differ, {} explained\n", differences.len(), explained.count());
    let named: BTreeMap<_, _> = totals(differences)
        .into_iter()
        .map(|total| (total.element.to_string(), total))
        .collect();
    for (cause, total) in named {
        // A string takes everything.
        let _ = writeln!(
            text,
            "{cause}: {} programs, {:+} insns, {:+} states",
            total.programs, total.insns, total.states
        );
    }
    text
}
