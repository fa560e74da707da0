//! `verdict compare --why`: which differences between two kernels decide on programs.

use std::io::Write;
use std::path::PathBuf;

use verdict::{Verifier, Why, WhyObject, read_object};
use verdict_report::Look;
use verdict_report::why::{Difference, write_why};

use crate::args::CompareArgs;
use crate::run::{Progress, expand, file_name, guarded, side_by_side};
use crate::{Done, UNUSABLE, interrupt};

pub(crate) fn run(
    a: &Verifier,
    b: &Verifier,
    (args, look): (&CompareArgs, Look),
    out: &mut dyn Write,
) -> Done {
    let why = Why::new(a, b);
    let mut code = 0;
    let mut differences = Vec::new();
    let mut complain = |message: &str| {
        eprintln!("verdict: {message}");
        code = UNUSABLE;
    };
    let opened = side_by_side(&expand(&args.inputs), |argument| open(&why, argument));
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
    write_why(out, names, &differences, (args.output.format(), look))?;
    Ok(code)
}

fn open<'w>(
    why: &'w Why<'_>,
    argument: &Result<PathBuf, (PathBuf, String)>,
) -> Result<WhyObject<'w>, String> {
    let path = argument.as_ref().map_err(|(_, message)| message.clone())?;
    let name = file_name(path);
    let object = why.object(&name, read_object(path)?);
    // What goes wrong when it is opened goes wrong here.
    guarded(&name, || drop(object.programs()))?;
    Ok(object)
}

/// All differences, in the order of the objects.
fn explained<'o, 'w: 'o>(
    objects: impl Iterator<Item = &'o WhyObject<'w>>,
) -> Vec<Result<Difference, String>> {
    let tasks: Vec<_> = objects
        .flat_map(|object| object.programs().enumerate().map(move |task| (object, task)))
        .collect();
    let progress = Progress::new(tasks.len());
    let done = side_by_side(&tasks, |(object, (index, program))| {
        if interrupt::asked() {
            return None;
        }
        let explained = guarded(&format!("{}, program {index}", object.name()), || {
            program.explain()
        });
        progress.step();
        explained.transpose()
    });
    progress.finish();
    done.into_iter().flatten().collect()
}
