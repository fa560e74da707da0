//! `verdict check --whole`: objects as their libraries load them, all programs together.

use std::io::{self, Write};

use verdict::kernel::errno::Errno;
use verdict::{Answer, Verifier, Whole, shown_path};
use verdict_report::forms::{Form, Loaded, Question};
use verdict_report::{CheckSummary, Groups, Look, write_entry, write_group};

use crate::args::CheckArgs;
use crate::check::{NOTHING, Program, entry, row};
use crate::forms::{self, Said, unusable};
use crate::inputs::{Input, expand};
use crate::run::{Unusable, guarded, open_whole, side_by_side};
use crate::{Done, Trouble, caveats, unless_nothing};

/// An object, where it lies, and the result of loading it.
struct Object {
    input: Input,
    whole: Result<Whole, Unusable>,
}

pub(crate) fn run(verifier: &Verifier, args: &CheckArgs, look: Look, out: &mut dyn Write) -> Done {
    let objects = side_by_side(&expand(&args.objects), |input| load(verifier, input));
    let mut summary = CheckSummary::default();
    let (mut loaded, mut refused, mut open) = (0, 0, 0);
    for object in &objects {
        match &object.whole {
            Ok(whole) => {
                answers(whole).for_each(|answer| summary.count(answer.record.verdict));
                match loads(whole) {
                    Some(true) => loaded += 1,
                    Some(false) => refused += 1,
                    None => open += 1,
                }
            }
            Err(_) => summary.unusable += 1,
        }
    }
    match args.print.output.form() {
        Some(form) => write_as(form, verifier, &objects, summary, out)?,
        None => {
            let mut groups = Groups::default();
            let wholes = objects.iter().filter_map(|object| object.whole.as_ref().ok());
            for answer in wholes.flat_map(answers) {
                groups.add(&entry(answer, &Errno(answer.record.errno).to_string()));
            }
            for object in &objects {
                write_object(object, &mut groups, look, out)?;
            }
            caveats::write(out, &caveats::of([verifier]))?;
            let open = match open {
                0 => String::new(),
                open => format!(", of {open} it is not known"),
            };
            writeln!(
                out,
                "{loaded} objects load whole, {refused} do not{open}; {summary}"
            )?;
        }
    }
    out.flush()?;
    Ok(unless_nothing(
        summary.exit_code(),
        loaded + refused + open,
        args.allow_empty,
        NOTHING,
    ))
}

/// Whether an object loads; `None` where loading it comes to what is not modelled.
fn loads(whole: &Whole) -> Option<bool> {
    match &whole.refusal {
        None => Some(true),
        Some(answer) => answer.record.verdict.is_decided().then_some(false),
    }
}

/// What is said of an object's programs, and of the object where that is why it does not load.
fn answers(whole: &Whole) -> impl Iterator<Item = &Answer> {
    let of_object = whole
        .refusal
        .iter()
        .filter(|answer| answer.record.program.is_none());
    whole.programs.iter().chain(of_object)
}

fn write_object(object: &Object, groups: &mut Groups, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let whole = match &object.whole {
        Ok(whole) => whole,
        Err(unusable) => {
            out.flush()?; // so that the error stands where it belongs
            eprintln!("verdict: {}", unusable.message);
            return Ok(());
        }
    };
    for answer in answers(whole) {
        let errno_name = Errno(answer.record.errno).to_string();
        let entry = entry(answer, &errno_name);
        if look.quiet {
            write_entry(out, &entry, look)?;
        } else if let Some(others) = groups.others(&entry) {
            write_group(out, &entry, &others, look)?;
        }
    }
    match end(whole) {
        Some(program) if loads(whole).is_none() => writeln!(
            out,
            "object       {}: not known whether it loads: {program} is unsupported",
            object.input.name
        ),
        Some(program) => writeln!(
            out,
            "object       {} does not load: it ends at {program}",
            object.input.name
        ),
        None => Ok(()),
    }
}

/// The program at which loading ends.
fn end(whole: &Whole) -> Option<&str> {
    whole.refusal.as_ref()?.record.program.as_deref()
}

/// Another form than text.
fn write_as(
    form: Form,
    verifier: &Verifier,
    objects: &[Object],
    summary: CheckSummary,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    let (mut programs, mut loaded, mut useless) = (Vec::new(), Vec::new(), Vec::new());
    for object in objects {
        match &object.whole {
            Ok(whole) => {
                programs.extend(answers(whole).map(|answer| Program::of(&object.input.path, answer.clone())));
                // Of what is not known, the programs' answers say why.
                loaded.extend(loads(whole).map(|loads| Loaded {
                    path: shown_path(&object.input.path),
                    object: object.input.name.clone(),
                    loads,
                    ends_at: end(whole).map(ToOwned::to_owned),
                }));
            }
            Err(why) => {
                eprintln!("verdict: {}", why.message);
                useless.push(unusable(&object.input.path, why));
            }
        }
    }
    let rows: Vec<_> = programs.iter().map(row).collect();
    let said = Said {
        kernels: &[verifier.kernel().name.as_str()],
        notes: &caveats::of([verifier]),
        rows: &rows,
        unusable: &useless,
        summaries: &[summary],
        question: Question::Whole(&loaded),
    };
    forms::write(out, form, said)
}

fn load(verifier: &Verifier, input: &Input) -> Object {
    let opened = open_whole(verifier, input);
    let whole =
        opened.and_then(|object| guarded(&input.name, || object.check_whole()).map_err(Unusable::because));
    Object {
        input: input.clone(),
        whole,
    }
}
