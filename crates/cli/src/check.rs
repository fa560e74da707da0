//! `verdict check`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::iter;
use std::path::Path;

use verdict::kernel::errno::Errno;
use verdict::kernel::rule::Rule;
use verdict::{Answer, Explaining, NEEDS, Verifier, shown_path};
use verdict_report::forms::{self, Form, Question};
use verdict_report::{
    CheckEntry, CheckSummary, Groups, Look, MatrixRow, Minimum, Refusal, Which, write_entry, write_group,
    write_matrix, write_minimum, write_minimum_counts, write_reasons,
};

use crate::args::{CheckArgs, CheckOutput, ExplainHow};
use crate::forms::{Said, unusable, write as write_form};
use crate::run::{ObjectResult, Unusable, verify_each};
use crate::{Done, caveats, html, run, unless_nothing, whole, worst};

/// What is said where there is no program.
pub(crate) const NOTHING: &str = "nothing was verified";

pub(crate) fn run(args: &CheckArgs, out: &mut dyn Write) -> Done {
    run::set_jobs(args.jobs.jobs);
    let look = Look {
        verbose: args.print.verbose,
        quiet: args.print.quiet,
        ..args.print.color.look()
    };
    if args.minimum {
        let how = args.explain.map_or(Explaining::Off, ExplainHow::how_far);
        let verifiers: Vec<_> = args
            .verify
            .asked()
            .oldest_first(args.verify.options(), &args.verify.globals.read()?)?
            .into_iter()
            .map(|verifier| verifier.explaining(how))
            .collect();
        return run_minimum(&verifiers, args, look, out);
    }
    if args.whole {
        let verifier = args.verify.verifier()?;
        return whole::run(&verifier, args, look, out);
    }
    // What is not told need not be found out.
    let most = match args.print.quiet && args.print.output == CheckOutput::Text && args.print.html.is_none() {
        true => Explaining::Off,
        false => Explaining::TRIALS,
    };
    let how = args.explain.map_or(most, ExplainHow::how_far);
    let verifiers: Vec<_> = args
        .verify
        .verifiers()?
        .into_iter()
        .map(|verifier| verifier.explaining(how))
        .collect();
    match (verifiers.as_slice(), args.print.output.form()) {
        ([verifier], None) => run_one(verifier, args, look, out),
        (verifiers, form) => run_several(verifiers, args, (form, look), out),
    }
}

/// One kernel: a paragraph for each program, or for all that are rejected for the same reason.
fn run_one(verifier: &Verifier, args: &CheckArgs, look: Look, out: &mut dyn Write) -> Done {
    let mut summary = CheckSummary::default();
    let mut rules = Vec::new();
    let objects = verify(&[verifier], args)?.pop().unwrap_or_default();
    let mut groups = Groups::default();
    let answers = objects
        .iter()
        .flat_map(|object| object.programs.iter().flatten().flatten());
    for answer in answers {
        groups.add(&entry(answer, &Errno(answer.record.errno).to_string()));
    }
    for object in objects {
        let programs = match object.programs {
            Ok(programs) => programs,
            Err(unusable) => {
                summary.unusable += 1;
                out.flush()?; // so that the error stands where it belongs
                eprintln!("verdict: {}", unusable.message);
                if let Some(rule) = unusable.rule {
                    eprintln!("    rule {rule}: {}", rule.sentence());
                    rules.push(rule);
                }
                continue;
            }
        };
        write_plan_needed(out, &programs)?;
        for answer in programs {
            match answer {
                Ok(answer) if needed_plan(&answer).is_some() => summary.count(answer.record.verdict),
                Ok(answer) => {
                    summary.count(answer.record.verdict);
                    let errno_name = Errno(answer.record.errno).to_string();
                    let entry = entry(&answer, &errno_name);
                    if look.quiet {
                        write_entry(out, &entry, look)?;
                    } else if let Some(others) = groups.others(&entry) {
                        write_group(out, &entry, &others, look)?;
                    }
                    rules.extend(entry.refusal.map(|refusal| refusal.rule));
                }
                Err(message) => {
                    summary.unusable += 1;
                    out.flush()?;
                    eprintln!("verdict: {message}");
                }
            }
        }
    }
    if let Some(rule) = rules.first().filter(|_| !look.quiet) {
        writeln!(out, "more about a rule: verdict explain {}", rule.code())?;
    }
    caveats::write(out, &caveats::of([verifier]))?;
    writeln!(out, "{summary}")?;
    out.flush()?;
    let total = summary.programs();
    Ok(unless_nothing(
        summary.exit_code(),
        total,
        args.allow_empty,
        NOTHING,
    ))
}

/// What each kernel says of each object; on the way it becomes a page, if one is asked for.
fn verify(verifiers: &[&Verifier], args: &CheckArgs) -> Result<Vec<Vec<ObjectResult>>, String> {
    let results = verify_each(verifiers, &args.objects, &args.verify.programs)?;
    if let Some(file) = &args.print.html {
        html::write_check(file, verifiers, &results)?;
    }
    Ok(results)
}

/// What a load plan has to say before anything can be said of the program.
fn needed_plan(answer: &Answer) -> Option<&str> {
    let what = answer.record.unsupported.as_deref()?;
    what.starts_with(NEEDS).then_some(what)
}

/// Says once for all programs of an object what a load plan has to say.
fn write_plan_needed(out: &mut dyn Write, programs: &[Result<Answer, String>]) -> io::Result<()> {
    let needing: Vec<_> = programs
        .iter()
        .flatten()
        .filter_map(|answer| Some((answer, needed_plan(answer)?)))
        .collect();
    let Some((first, what)) = needing.first() else {
        return Ok(());
    };
    let object = &first.record.object;
    let programs = match needing.len() {
        1 => "1 program".to_owned(),
        n => format!("{n} programs"),
    };
    writeln!(out, "unsupported  {object}: {what} ({programs})")?;
    writeln!(out, "    help: verdict plan {object} drafts one")
}

pub(crate) fn entry<'a>(answer: &'a Answer, errno_name: &'a str) -> CheckEntry<'a> {
    CheckEntry {
        record: &answer.record,
        errno_name,
        place: answer.place.as_ref(),
        refusal: answer.refusal.as_ref(),
    }
}

/// What several kernels say of one program, or of an object that none can open.
#[derive(Default)]
pub(crate) struct Program {
    path: String,
    object: String,
    name: Option<String>,
    /// For each kernel, with the name of its error number.
    answers: Vec<Option<(Answer, String)>>,
}

/// What several kernels say of all programs.
struct Told<'v> {
    /// The kernels' names.
    names: Vec<&'v str>,
    /// What has to be known of them.
    caveats: Vec<String>,
    programs: Vec<Program>,
    /// For each kernel.
    summaries: Vec<CheckSummary>,
    /// What cannot be used on any of them.
    unusable: Vec<forms::Unusable>,
}

fn ask<'v>(verifiers: &'v [Verifier], args: &CheckArgs) -> Result<Told<'v>, String> {
    let each: Vec<_> = verifiers.iter().collect();
    let mut summaries = vec![CheckSummary::default(); verifiers.len()];
    let (programs, unusable) = turned(verify(&each, args)?, &mut summaries);
    Ok(Told {
        names: each
            .iter()
            .map(|verifier| verifier.kernel().name.as_str())
            .collect(),
        caveats: caveats::of(verifiers),
        programs,
        summaries,
        unusable,
    })
}

/// Several kernels: a table, and each reason once; or another form than text.
fn run_several(
    verifiers: &[Verifier],
    args: &CheckArgs,
    (form, look): (Option<Form>, Look),
    out: &mut dyn Write,
) -> Done {
    let Told {
        names,
        caveats,
        programs,
        summaries,
        unusable,
    } = ask(verifiers, args)?;
    let rows: Vec<_> = programs.iter().map(row).collect();
    if let Some(form) = form {
        let said = Said {
            kernels: &names,
            notes: &caveats,
            rows: &rows,
            unusable: &unusable,
            summaries: &summaries,
            question: Question::Programs,
        };
        write_form(out, form, said)?;
    } else {
        write_matrix(out, &names, &rows, look)?;
        writeln!(out)?;
        if !look.quiet {
            write_reasons(out, &names, &rows, (Which::All, look))?;
            write_rule(out, &rows)?;
        }
        caveats::write(out, &caveats)?;
        for (name, summary) in names.iter().zip(&summaries) {
            writeln!(out, "{name}: {summary}")?;
        }
    }
    out.flush()?;
    let code = worst(summaries.iter().map(CheckSummary::exit_code));
    Ok(unless_nothing(code, programs.len(), args.allow_empty, NOTHING))
}

/// From which kernel on each program loads: a table, and each reason why the kernel before does not load it once.
fn run_minimum(verifiers: &[Verifier], args: &CheckArgs, look: Look, out: &mut dyn Write) -> Done {
    let Told {
        names,
        caveats,
        programs,
        summaries,
        unusable,
    } = ask(verifiers, args)?;
    let rows: Vec<_> = programs.iter().map(row).collect();
    let mut summary = CheckSummary {
        unusable: summaries
            .iter()
            .map(|summary| summary.unusable)
            .max()
            .unwrap_or(0),
        ..CheckSummary::default()
    };
    for row in &rows {
        summary.count(Minimum::of(row).verdict(row));
    }
    if let Some(form) = args.print.output.form() {
        let said = Said {
            kernels: &names,
            notes: &caveats,
            rows: &rows,
            unusable: &unusable,
            summaries: &[summary],
            question: Question::Minimum,
        };
        write_form(out, form, said)?;
    } else {
        write_minimum(out, &names, &rows, look)?;
        writeln!(out)?;
        if !look.quiet {
            write_reasons(out, &names, &rows, (Which::Before, look))?;
            write_rule(out, &rows)?;
        }
        caveats::write(out, &caveats)?;
        write_minimum_counts(out, &names, &rows)?;
    }
    out.flush()?;
    Ok(unless_nothing(
        summary.exit_code(),
        rows.len(),
        args.allow_empty,
        NOTHING,
    ))
}

pub(crate) fn row(program: &Program) -> MatrixRow<'_> {
    let answers = program.answers.iter();
    MatrixRow {
        path: &program.path,
        object: &program.object,
        program: program.name.as_deref(),
        entries: answers
            .map(|answer| answer.as_ref().map(|(answer, errno)| entry(answer, errno)))
            .collect(),
    }
}

/// Points to the page of the first rule that is named.
fn write_rule(out: &mut dyn Write, rows: &[MatrixRow<'_>]) -> io::Result<()> {
    let refusals = rows.iter().flat_map(|row| row.entries.iter().flatten());
    let rule: Option<Rule> = refusals.filter_map(|entry| entry.refusal.map(|r| r.rule)).next();
    match rule {
        Some(rule) => writeln!(out, "more about a rule: verdict explain {}", rule.code()),
        None => Ok(()),
    }
}

/// What each kernel says of each object, turned into what is said of each program, and what cannot be used; counted on
/// the way. What is wrong with an object for all kernels is printed once.
fn turned(
    results: Vec<Vec<ObjectResult>>,
    summaries: &mut [CheckSummary],
) -> (Vec<Program>, Vec<forms::Unusable>) {
    let mut columns: Vec<_> = results.into_iter().map(Vec::into_iter).collect();
    let (mut programs, mut useless, mut told) = (Vec::new(), Vec::new(), BTreeSet::new());
    loop {
        let sides: Vec<_> = columns.iter_mut().filter_map(Iterator::next).collect();
        if sides.is_empty() {
            return (programs, useless);
        }
        let mut complain = |path: &Path, what: Unusable| {
            if told.insert(what.message.clone()) {
                eprintln!("verdict: {}", what.message);
                useless.push(unusable(path, &what));
            }
        };
        programs.extend(of_object(sides, summaries, &mut complain));
    }
}

/// The programs of one object.
fn of_object(
    sides: Vec<ObjectResult>,
    summaries: &mut [CheckSummary],
    complain: &mut impl FnMut(&Path, Unusable),
) -> Vec<Program> {
    let count = sides.iter().flat_map(|side| &side.programs).map(Vec::len).max();
    let mut programs: Vec<Program> = (0..count.unwrap_or(1)).map(|_| Program::default()).collect();
    let kernels = sides.len();
    for ((at, side), summary) in sides.into_iter().enumerate().zip(summaries) {
        // One by one: there may be very many.
        let answers: Box<dyn Iterator<Item = _>> = match side.programs {
            Ok(answers) => Box::new(
                answers
                    .into_iter()
                    .map(|answer| answer.map_err(Unusable::because)),
            ),
            Err(unusable) => match answer_of(&unusable) {
                Some(answer) => Box::new((0..programs.len()).map(move |_| Ok(answer.clone()))),
                None => Box::new(iter::once(Err(unusable))),
            },
        };
        for (program, answer) in programs.iter_mut().zip(answers) {
            match answer {
                Ok(answer) => {
                    summary.count(answer.record.verdict);
                    program.take(&side.input.path, (at, kernels), answer);
                }
                Err(unusable) => {
                    summary.unusable += 1;
                    complain(&side.input.path, unusable);
                }
            }
        }
    }
    programs.retain(|program| !program.answers.is_empty());
    programs
}

/// That libbpf refuses to open an object, as an answer.
pub(crate) fn answer_of(unusable: &Unusable) -> Option<Answer> {
    let mut answer = Answer::from((**unusable.record.as_ref()?).clone());
    answer.refusal = unusable.rule.map(Refusal::by);
    Some(answer)
}

impl Program {
    /// What the only kernel says of a program.
    pub(crate) fn of(path: &Path, answer: Answer) -> Program {
        let mut program = Program::default();
        program.take(path, (0, 1), answer);
        program
    }

    /// Takes the answer of one of the kernels.
    fn take(&mut self, path: &Path, (at, kernels): (usize, usize), answer: Answer) {
        self.answers
            .reserve_exact(kernels.saturating_sub(self.answers.len()));
        self.answers.resize_with(kernels, || None);
        self.path = shown_path(path);
        self.object.clone_from(&answer.record.object);
        if let Some(name) = &answer.record.program {
            self.name = Some(name.clone());
        }
        let errno = Errno(answer.record.errno).to_string();
        if let Some(place) = self.answers.get_mut(at) {
            *place = Some((answer, errno));
        }
    }
}
