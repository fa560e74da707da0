//! `verdict compare --why`: which differences between two kernels decide on programs.

use std::io::Write;

use verdict::{Verifier, Why, WhyObject, WhyProgram, object_name, shown_path};
use verdict_report::why::{Found, write_why};

use crate::args::{CompareArgs, ProgramArgs};
use crate::inputs::{Input, expand};
use crate::run::{Progress, guarded, read, side_by_side};
use crate::{Done, UNUSABLE, caveats, interrupt};

pub(crate) fn run(a: &Verifier, b: &Verifier, args: &CompareArgs, out: &mut dyn Write) -> Done {
    if let Some(unknown) = [a, b].into_iter().find(|v| v.kernel().unknown_rules().is_some()) {
        let unknown = unknown.kernel().caveat().unwrap_or_default();
        return Err(format!("compare --why: {unknown}").into());
    }
    let why = Why::new(a, b);
    let mut code = 0;
    let mut differences = Vec::new();
    let mut complain = |message: &str| {
        eprintln!("verdict: {message}");
        code = UNUSABLE;
    };
    let opened = side_by_side(&expand(&args.inputs), |input| {
        open(&why, input, &args.verify.programs)
    });
    for message in opened.iter().filter_map(|object| object.as_ref().err()) {
        complain(message);
    }
    for difference in explained(opened.iter().flatten()) {
        match difference {
            Ok(difference) => differences.push(difference),
            Err(message) => complain(&message),
        }
    }
    let names = (a.kernel().name.as_str(), b.kernel().name.as_str());
    let (format, look) = (args.print.output.format(), args.print.color.look());
    let caveats = caveats::of([a, b]);
    write_why(out, (names, &caveats), &differences, (format, look))?;
    caveats::write_below(out, &caveats, format)?;
    Ok(code)
}

/// An object, with the numbers of its programs; one without any is looked at as a whole.
struct Opened<'w> {
    path: String,
    object: WhyObject<'w>,
    /// Whether each of its programs is wanted.
    wanted: Vec<bool>,
}

fn open<'w>(why: &'w Why<'_>, input: &Input, wanted: &ProgramArgs) -> Result<Opened<'w>, String> {
    let bytes = read(input)?;
    let name = object_name(&input.path, &bytes);
    let mut object = why.object(&name, bytes);
    object.call(&input.name);
    // What goes wrong when it is opened goes wrong here.
    let wanted = guarded(&input.name, || {
        let want = |program: WhyProgram<'_, '_>| {
            let is_wanted = |program| wanted.want(&input.name, program);
            program.name().is_none_or(is_wanted)
        };
        object.programs().map(want).collect()
    })?;
    let path = shown_path(&input.path);
    Ok(Opened { path, object, wanted })
}

/// All differences, in the order of the objects.
fn explained<'o, 'w: 'o>(objects: impl Iterator<Item = &'o Opened<'w>>) -> Vec<Result<Found, String>> {
    let wanted = |opened: &'o Opened<'w>| {
        let programs = opened.object.programs().enumerate().zip(&opened.wanted);
        let wanted = programs.filter(|(_, wanted)| **wanted);
        wanted.map(move |(program, _)| (opened, program))
    };
    let tasks: Vec<_> = objects.flat_map(wanted).collect();
    let progress = Progress::new(tasks.len());
    let done = side_by_side(&tasks, |(opened, (index, program))| {
        let Opened { path, object, .. } = opened;
        if interrupt::asked() {
            return None;
        }
        let explained = guarded(&format!("{}, program {index}", object.name()), || {
            program.explain()
        });
        progress.step();
        let path = path.clone();
        explained
            .map(|found| found.map(|difference| Found { path, difference }))
            .transpose()
    });
    progress.finish();
    done.into_iter().flatten().collect()
}
