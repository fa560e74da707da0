//! `verdict compare --why`: which differences between two kernels decide on programs.

use std::io::Write;
use std::path::PathBuf;

use verdict::{Verifier, Why, WhyObject, WhyProgram, read_object};
use verdict_report::why::{Found, write_why};

use crate::args::{CompareArgs, ProgramArgs};
use crate::run::{Progress, expand, file_name, guarded, side_by_side};
use crate::{Done, UNUSABLE, interrupt};

pub(crate) fn run(a: &Verifier, b: &Verifier, args: &CompareArgs, out: &mut dyn Write) -> Done {
    let why = Why::new(a, b);
    let mut code = 0;
    let mut differences = Vec::new();
    let mut complain = |message: &str| {
        eprintln!("verdict: {message}");
        code = UNUSABLE;
    };
    let opened = side_by_side(&expand(&args.inputs), |argument| {
        open(&why, argument, &args.programs)
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
    write_why(out, names, &differences, (format, look))?;
    Ok(code)
}

/// An object, with the numbers of its programs; one without any is looked at as a whole.
struct Opened<'w> {
    path: String,
    object: WhyObject<'w>,
    /// Whether each of its programs is wanted.
    wanted: Vec<bool>,
}

fn open<'w>(
    why: &'w Why<'_>,
    argument: &Result<PathBuf, (PathBuf, String)>,
    wanted: &ProgramArgs,
) -> Result<Opened<'w>, String> {
    let path = argument.as_ref().map_err(|(_, message)| message.clone())?;
    let name = file_name(path);
    let object = why.object(&name, read_object(path)?);
    // What goes wrong when it is opened goes wrong here.
    let wanted = guarded(&name, || {
        let want =
            |program: WhyProgram<'_, '_>| program.name().is_none_or(|program| wanted.want(&name, program));
        object.programs().map(want).collect()
    })?;
    let path = path.to_string_lossy().into_owned();
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
