//! Figures of objects that are verified now.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use verdict::kernel::rule::Rule;
use verdict::log::SourceTally;
use verdict::{
    KernelChoice, LogOptions, NotLoaded, OpenObject, PlanSource, Program, ProgramId, Verifier, shown_path,
    unfit,
};
use verdict_report::forms::{Figured, Json, write_records};
use verdict_report::{
    Column, Counts, Format, Record, Row, SourceCount, sort_rows, write_stats, write_top_sources,
};

use super::options::Options;
use super::{FAILED, INVALID};
use crate::args::attached;
use crate::inputs::expand;
use crate::run::{Progress, Unusable, guarded, note_once, open, side_by_side};
use crate::{Done, caveats, host, inputs, interrupt};

/// Columns that cost another verification.
const OBSERVED: [Column; 2] = [Column::PruneHits, Column::PruneMisses];

/// Verifies the objects and prints the figures of their programs.
pub(super) fn print(options: &Options, out: &mut dyn Write) -> Done {
    let settings = verdict::Options {
        test_states: options.test_states,
        test_invariants: options.test_invariants,
        timeout: options.timeout,
        max_memory: options.max_memory,
    };
    // Those beside the objects; without one, everything is as veristat has it.
    let plans = Arc::new(PlanSource::default());
    let open = |choice: &KernelChoice| {
        let kernel = choice.open()?;
        caveats::say(&kernel);
        let verifier = Verifier::new(kernel, settings).with_loader(options.loader);
        let verifier = verifier.with_plans(Arc::clone(&plans));
        attached(verifier, &options.attach_to)
    };
    let kernel = KernelChoice {
        host: host::named_in(&options.kernels),
        ..options.kernel.clone()
    };
    let opened = side_by_side(&kernel.each(&options.kernels)?, open);
    let verifiers = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    if options.dump.jited {
        eprintln!("verdict: machine code is not modelled: there is none to dump");
    }
    if options.dump.insns {
        eprintln!("verdict: how a kernel rewrites programs is not modelled: dumping them as they are loaded");
    }
    let mut all = Gathered {
        several: verifiers.len() > 1,
        ..Gathered::default()
    };
    for (number, verifier) in verifiers.iter().enumerate() {
        let objects = opened_by(verifier, options);
        let mut answers = verified(verifier, options, &objects).into_iter();
        all.kernel = number;
        for object in &objects {
            all.take(options, object, &mut answers, out)?;
        }
    }
    let kernels: Vec<_> = verifiers.iter().map(|v| v.kernel().name.as_str()).collect();
    all.print(options, (&kernels, &caveats::of(&verifiers)), out)?;
    Ok(all.code)
}

/// An argument, or one of the objects in it.
struct Input<'v> {
    is: inputs::Input,
    state: State<'v>,
}

enum State<'v> {
    Filtered,
    NotAnObject,
    Unusable(Box<Unusable>),
    /// A global variable cannot be set.
    Unset(String),
    /// With the programs that are wanted.
    Open(Box<OpenObject<'v>>, Vec<ProgramId>),
}

/// Opens all objects that are wanted, each once.
fn opened_by<'v>(verifier: &'v Verifier, options: &Options) -> Vec<Input<'v>> {
    side_by_side(&expand(&options.paths()), |input| Input {
        is: input.clone(),
        state: match &input.unreadable {
            Some(message) => State::Unusable(Box::new(Unusable::because(message.clone()))),
            None => open_one(verifier, options, input),
        },
    })
}

fn open_one<'v>(verifier: &'v Verifier, options: &Options, input: &inputs::Input) -> State<'v> {
    let path = &input.path;
    let name = &input.name;
    if !options.filters.wants_file(name) {
        return State::Filtered;
    }
    if !may_be_object(path) {
        return State::NotAnObject;
    }
    match open(verifier, input) {
        Ok(mut object) => {
            // A table has no place for it.
            if let Some(needs) = object.needs_plan() {
                note_once(&format!("{}: {needs}", shown_path(path)));
            }
            if let Err(error) = object.set_globals(&options.globals) {
                return State::Unset(error.to_string());
            }
            let wanted = object
                .programs()
                .filter(|program| options.filters.wants_program(name, program.name()))
                .map(|program| program.id())
                .collect();
            State::Open(Box::new(object), wanted)
        }
        Err(unusable) => State::Unusable(Box::new(unusable)),
    }
}

/// Whether the file is a relocatable 64-bit ELF file for BPF, or cannot even be read, which is said later.
fn may_be_object(path: &Path) -> bool {
    const MAGIC_AND_CLASS: &[u8] = b"\x7fELF\x02";
    const RELOCATABLE: [u8; 2] = [1, 0];
    const NONE_OR_BPF: [[u8; 2]; 2] = [[0, 0], [247, 0]];
    let mut head = [0; 20];
    if !path.is_file() {
        return true;
    }
    let Ok(mut file) = File::open(path) else {
        return true;
    };
    file.read_exact(&mut head).is_ok()
        && head.starts_with(MAGIC_AND_CLASS)
        && head[16..18] == RELOCATABLE
        && NONE_OR_BPF.iter().any(|machine| head[18..] == *machine)
}

/// Says what a file is that is skipped: a table has no place for it.
fn hint(path: &Path) {
    let mut head = Vec::new();
    // What cannot be read has no beginning that we know.
    if let Ok(file) = File::open(path)
        && file.take(HEAD).read_to_end(&mut head).is_ok()
        && let Some(unfit) = unfit(path, &head)
    {
        note_once(&format!("{}: {unfit}", shown_path(path)));
    }
}

/// Bytes that tell what a file is.
const HEAD: u64 = 64;

/// What is known of one program.
type Answer = Result<Known, String>;

struct Known {
    record: Record,
    row: Row,
    rule: Option<Rule>,
}

/// Verifies all programs that are wanted, in the order of the command line; none after an interruption.
fn verified(verifier: &Verifier, options: &Options, objects: &[Input<'_>]) -> Vec<Option<Answer>> {
    let tasks: Vec<_> = objects
        .iter()
        .filter_map(|input| match &input.state {
            State::Open(object, wanted) => Some(wanted.iter().filter_map(|id| object.get(*id))),
            _ => None,
        })
        .flatten()
        .collect();
    let progress = Progress::new(tasks.len());
    let answers = side_by_side(&tasks, |&program| {
        if interrupt::asked() {
            return None;
        }
        let answer = guarded(&format!("{program:?}"), || verify(verifier, options, program));
        progress.step();
        Some(answer)
    });
    progress.finish();
    if interrupt::asked() {
        let (done, all) = (answers.iter().flatten().count(), answers.len());
        eprintln!("verdict: interrupted: {done} of {all} programs finished");
    }
    answers
}

fn verify(verifier: &Verifier, options: &Options, program: Program<'_, '_>) -> Known {
    let verdict::Answer { record, refusal, .. } = program.check();
    let rule = refusal.map(|refusal| refusal.rule);
    let row = Row::from_record(&record).unwrap_or_default();
    let mut row = row.refused_by(rule);
    row.kernel.clone_from(&verifier.kernel().name);
    if options.asks_about(&OBSERVED) {
        let cost = program.profile().profile.map(|profile| profile.total());
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        row.prune_hits = cost.map_or(0, |cost| number(cost.hits));
        row.prune_misses = cost.map_or(0, |cost| number(cost.misses));
    }
    Known { record, row, rule }
}

/// A record, and where it comes from.
struct Kept {
    path: String,
    /// The kernel's number.
    kernel: usize,
    record: Record,
    rule: Option<Rule>,
}

impl Kept {
    fn figured<'a>(&'a self, kernels: &[&'a str]) -> Figured<'a> {
        Figured {
            path: &self.path,
            kernel: kernels.get(self.kernel).copied().unwrap_or_default(),
            record: &self.record,
            rule: self.rule,
        }
    }
}

/// The kernels' names, and what has to be known of them.
type AskedKernels<'k> = (&'k [&'k str], &'k [String]);

/// What was found out.
#[derive(Default)]
struct Gathered {
    /// The number of the kernel that is asked now.
    kernel: usize,
    records: Vec<Kept>,
    rows: Vec<Row>,
    counts: Counts,
    code: u8,
    /// Whether they are of several kernels.
    several: bool,
}

impl Gathered {
    /// Takes an object's answers, and says on the way what veristat says.
    fn take(
        &mut self,
        options: &Options,
        input: &Input<'_>,
        answers: &mut impl Iterator<Item = Option<Answer>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let shown = shown_path(&input.is.path);
        let skips = |out: &mut dyn Write, why: &str| match options.verbose {
            true => writeln!(out, "Skipping '{shown}' {why}..."),
            false => Ok(()),
        };
        match &input.state {
            State::Filtered => {
                self.counts.skipped_files += 1;
                skips(out, "due to filters")
            }
            State::NotAnObject => {
                self.counts.skipped_files += 1;
                hint(&input.is.path);
                skips(out, "as it's not a BPF object file")
            }
            State::Unusable(unusable) => {
                self.processing(options, input, out)?;
                eprintln!("Failed to open '{shown}': {}", unusable.message);
                self.counts.skipped_files += 1;
                if let Some(record) = unusable.record.as_deref() {
                    self.keep(&input.is.path, record.clone(), unusable.rule);
                }
                Ok(())
            }
            State::Unset(message) => {
                self.processing(options, input, out)?;
                eprintln!("{message}\nFailed to set global variables -22");
                eprintln!("Failed to process '{shown}': -22");
                self.counts.files += 1;
                self.code = INVALID;
                Ok(())
            }
            State::Open(object, wanted) => {
                self.processing(options, input, out)?;
                self.counts.files += 1;
                self.counts.skipped_programs += object.programs().count() - wanted.len();
                for (id, answer) in wanted.iter().zip(answers) {
                    let (Some(answer), Some(program)) = (answer, object.get(*id)) else {
                        continue;
                    };
                    self.take_program(options, (input, program), answer, out)?;
                }
                Ok(())
            }
        }
    }

    fn processing(&self, options: &Options, input: &Input<'_>, out: &mut dyn Write) -> io::Result<()> {
        if options.quiet || options.format() != Format::Table {
            return Ok(());
        }
        writeln!(out, "Processing '{}'...", input.is.name)
    }

    fn take_program(
        &mut self,
        options: &Options,
        (input, program): (&Input<'_>, Program<'_, '_>),
        answer: Answer,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match answer {
            Ok(Known {
                record,
                mut row,
                rule,
            }) => {
                self.counts.programs += 1;
                if options.dump.insns {
                    dump(program, &row, out)?;
                }
                if options.verbose || options.top_sources > 0 {
                    show_log(options, &input.is.path, program, &mut row, out)?;
                }
                self.keep(&input.is.path, record, rule);
                row.path = shown_path(&input.is.path);
                self.rows.push(row);
            }
            Err(message) => {
                eprintln!("verdict: {message}");
                self.code = FAILED;
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: &Path, record: Record, rule: Option<Rule>) {
        self.records.push(Kept {
            path: shown_path(path),
            kernel: self.kernel,
            record,
            rule,
        });
    }

    fn print(&mut self, options: &Options, asked: AskedKernels<'_>, out: &mut dyn Write) -> io::Result<()> {
        let whole = options.emit.is_empty() && options.sort.is_empty() && options.top_n == 0;
        if matches!(options.format(), Format::Json | Format::Jsonl) && whole {
            return self.print_records(options, asked, out);
        }
        sort_rows(&mut self.rows, &options.sort);
        self.rows.retain(|row| options.filters.wants_row(row));
        let (mut columns, limit, format) = (options.columns(), options.limit(), options.format());
        if self.several && !columns.contains(&Column::Kernel) {
            columns.insert(0, Column::Kernel);
        }
        write_stats(out, (&columns, asked.1), &self.rows, limit, format, &self.counts)
    }

    /// Everything that is known, in the order of the command line.
    fn print_records(
        &self,
        options: &Options,
        asked: AskedKernels<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let wanted =
            |kept: &&Kept| Row::from_record(&kept.record).is_none_or(|row| options.filters.wants_row(&row));
        let all = self.records.iter().filter(wanted);
        let all: Vec<_> = all.map(|kept| kept.figured(asked.0)).collect();
        let form = match options.format() {
            Format::Json => Json::Document,
            _ => Json::Lines,
        };
        write_records(out, form, asked, &all)
    }
}

/// Prints the program's instructions, if it gets as far as the kernel.
fn dump(program: Program<'_, '_>, row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let mut listing = Vec::new();
    let _reported = program.write_insns(&mut listing)?;
    if listing.is_empty() {
        return Ok(());
    }
    writeln!(out, "DUMP (LOADED) {}/{}:", row.file, row.program)?;
    out.write_all(&listing)?;
    writeln!(out)
}

/// Prints the program's log, or the source lines that stand most often in it.
fn show_log(
    options: &Options,
    path: &Path,
    program: Program<'_, '_>,
    row: &mut Row,
    out: &mut dyn Write,
) -> io::Result<()> {
    const STATISTICS: u32 = 4;
    const FIXED: u32 = 8;
    let mut level = options.log_level | STATISTICS;
    if options.log_fixed {
        level |= FIXED;
    }
    if options.top_sources > 0 && options.log_level == 0 {
        level |= 2;
    }
    let request = LogOptions {
        level,
        size: options.log_size,
        ..LogOptions::default()
    };
    // A log of limited size may change the verdict, which stands before it.
    let mut limited = Vec::new();
    if options.log_size.is_some() {
        let end = program.write_log(&request, &mut limited)?;
        if end.written.is_some_and(|written| written.truncated) {
            overflowed(row, &end.result, options.log_fixed);
        }
    }
    if options.verbose {
        let (path, name) = (shown_path(path), &row.program);
        let (duration, verdict) = (row.duration, row.verdict.name());
        writeln!(
            out,
            "PROCESSING {path}/{name}, DURATION US: {duration}, VERDICT: {verdict}, VERIFIER LOG:"
        )?;
    }
    let mut silent = io::sink();
    let mut tally = SourceTally::new(if options.verbose { out } else { &mut silent });
    if options.log_size.is_some() {
        tally.write_all(&limited)?;
    } else {
        program.write_log(&request, &mut tally)?;
    }
    let counts = tally.finish();
    if options.verbose {
        writeln!(out)?;
    }
    if options.top_sources > 0 {
        let lines: Vec<_> = counts
            .into_iter()
            .map(|(text, place, count)| SourceCount { text, place, count })
            .collect();
        let limit = usize::try_from(options.top_sources).unwrap_or(0);
        write_top_sources(out, &row.program, &lines, limit)?;
    }
    Ok(())
}

/// The kernel refuses a program whose log does not fit; of a log whose end is lost no figures remain.
fn overflowed(row: &mut Row, result: &Result<(), NotLoaded>, end_is_lost: bool) {
    let Err(NotLoaded::Kernel(errno)) = result else {
        return;
    };
    row.verdict = verdict_report::Verdict::Failure;
    row.errno = errno.0;
    if end_is_lost {
        *row = Row {
            duration: 0,
            insns: 0,
            states: 0,
            peak_states: 0,
            max_states_per_insn: 0,
            mark_read: 0,
            stack: 0,
            ..std::mem::take(row)
        };
    }
}
