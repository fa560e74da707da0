//! Verifying many programs side by side, in the order of the command line.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use verdict::kernel::rule::Rule;
use verdict::loader::OpenError;
use verdict::{Answer, OpenObject, Verifier, object_name, open_failure, read_object, shown_path, unfit};
use verdict_report::Record;

use crate::args::ProgramArgs;
use crate::inputs::{Input, expand};
use crate::interrupt;

/// Stack of a worker: deep enough for what recurses by the nesting of types.
const STACK: usize = 16 << 20;

/// Work that takes longer shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Work that is over sooner is not worth starting threads for.
const WARM_UP: Duration = Duration::from_millis(5);

/// Limits how many programs are verified side by side.
pub(crate) fn set_jobs(jobs: Option<u16>) {
    // Set once, at the start.
    let _ = JOBS.set(jobs.map_or(0, usize::from));
}

static JOBS: OnceLock<usize> = OnceLock::new();

/// Does the work on every item and keeps their order: one after another for a moment, then side by side.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let start = Instant::now();
    let mut done = Vec::with_capacity(items.len());
    let mut rest = items;
    while let Some((item, others)) = rest.split_first() {
        if start.elapsed() > WARM_UP && !others.is_empty() {
            interrupt::catch();
            if let Some(pool) = pool() {
                done.extend(pool.install(|| rest.par_iter().map(&work).collect::<Vec<_>>()));
                return done;
            }
        }
        done.push(work(item));
        rest = others;
    }
    done
}

/// The threads, started when first needed; `None` when there are to be none, or cannot be.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let build = || {
        let jobs = JOBS.get().copied().unwrap_or(0);
        let pool = ThreadPoolBuilder::new()
            .stack_size(STACK)
            .num_threads(jobs)
            .build();
        pool.ok().filter(|pool| pool.current_num_threads() > 1)
    };
    POOL.get_or_init(build).as_ref()
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the words of panics for [`guarded`] instead of printing them.
pub(crate) fn keep_panics_quiet() {
    panic::set_hook(Box::new(|info| LAST_PANIC.set(info.to_string())));
}

/// Runs work on untrusted input; a panic becomes an error that names what was worked on.
pub(crate) fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        format!(
            "internal error in {what}: {}",
            LAST_PANIC.take().replace('\n', " ")
        )
    })
}

/// The result of one object.
pub(crate) struct ObjectResult {
    /// Where it lies, and what it is called.
    pub(crate) input: Input,
    /// Its programs, or why it cannot be used.
    pub(crate) programs: Result<Vec<Result<Answer, String>>, Unusable>,
}

/// Why an object cannot be used.
pub(crate) struct Unusable {
    /// In words.
    pub(crate) message: String,
    /// The record, when libbpf refuses to open it.
    pub(crate) record: Option<Box<Record>>,
    /// The rule by which libbpf refuses to open it.
    pub(crate) rule: Option<Rule>,
    /// Whether it is no object at all.
    pub(crate) is_unfit: bool,
}

impl Unusable {
    /// An input of which nothing else is known.
    pub(crate) fn because(message: String) -> Unusable {
        Unusable {
            message,
            record: None,
            rule: None,
            is_unfit: false,
        }
    }
}

/// Verifies the wanted programs of the objects of the arguments, by several verifiers at once, side by side, so that
/// after an interruption the results are complete for most programs.
///
/// # Errors
/// When a program is wanted that none of the objects has.
pub(crate) fn verify_each(
    verifiers: &[&Verifier],
    arguments: &[PathBuf],
    wanted: &ProgramArgs,
) -> Result<Vec<Vec<ObjectResult>>, String> {
    verify_inputs(verifiers, &expand(arguments), wanted)
}

/// The same of what the arguments stand for.
pub(crate) fn verify_inputs(
    verifiers: &[&Verifier],
    inputs: &[Input],
    wanted: &ProgramArgs,
) -> Result<Vec<Vec<ObjectResult>>, String> {
    let both: Vec<_> = inputs
        .iter()
        .flat_map(|input| verifiers.iter().map(move |verifier| (*verifier, input)))
        .collect();
    let opened = side_by_side(&both, |(verifier, input)| open(verifier, input));
    all_met(wanted, opened.iter().flatten())?;
    let answers = verify_opened(&opened, verifiers.len().max(1), wanted);
    let mut results: Vec<Vec<_>> = verifiers.iter().map(|_| Vec::new()).collect();
    let all = both.iter().zip(opened).zip(answers).enumerate();
    for (index, (((_, input), object), answers)) in all {
        if let Some(results) = results.get_mut(index % verifiers.len().max(1)) {
            results.push(ObjectResult {
                input: (*input).clone(),
                programs: object.map(|_| answers),
            });
        }
    }
    Ok(results)
}

/// Whether each program that is wanted by name is there; where no object can be used, nothing is said.
fn all_met<'o, 'v: 'o>(
    wanted: &ProgramArgs,
    objects: impl Iterator<Item = &'o OpenObject<'v>>,
) -> Result<(), String> {
    let of_object =
        |object: &'o OpenObject<'v>| object.programs().map(|program| (object.name(), program.name()));
    let known: Vec<_> = objects.flat_map(of_object).collect();
    if known.is_empty() {
        Ok(())
    } else {
        wanted.all_met(&known)
    }
}

/// Verifies the programs of the objects; `width` objects after one another are the same one, for several verifiers.
fn verify_opened(
    opened: &[Result<OpenObject<'_>, Unusable>],
    width: usize,
    wanted: &ProgramArgs,
) -> Vec<Vec<Result<Answer, String>>> {
    let mut tasks = Vec::new();
    for (first, same) in (0..).step_by(width).zip(opened.chunks(width)) {
        let programs = |object| Result::as_ref(object).ok().map(OpenObject::programs);
        let mut sides: Vec<_> = same.iter().map(programs).collect();
        let most = sides.iter().flatten().map(ExactSizeIterator::len).max();
        for _ in 0..most.unwrap_or(0) {
            let having = (first..).zip(&mut sides).filter_map(|(at, programs)| {
                let program = programs.as_mut()?.next()?;
                wanted
                    .want(program.object().name(), program.name())
                    .then_some((at, program))
            });
            tasks.extend(having);
        }
    }
    let progress = Progress::new(tasks.len());
    let done = side_by_side(&tasks, |&(at, program)| {
        if interrupt::asked() {
            return None;
        }
        let answer = guarded(&format!("{program:?}"), || program.check());
        progress.step();
        Some((at, answer))
    });
    progress.finish();
    if interrupt::asked() {
        let (finished, all) = (done.iter().flatten().count(), done.len());
        eprintln!("verdict: interrupted: {finished} of {all} programs finished");
    }
    let mut answers: Vec<Vec<_>> = opened.iter().map(|_| Vec::new()).collect();
    for (at, answer) in done.into_iter().flatten() {
        if let Some(answers) = answers.get_mut(at) {
            answers.push(answer);
        }
    }
    answers
}

/// Reads and opens an object.
pub(crate) fn open<'v>(verifier: &'v Verifier, input: &Input) -> Result<OpenObject<'v>, Unusable> {
    open_by(verifier, input, |name, bytes| verifier.open(name, bytes))
}

/// Reads and opens an object that is to be loaded whole.
pub(crate) fn open_whole<'v>(verifier: &'v Verifier, input: &Input) -> Result<OpenObject<'v>, Unusable> {
    open_by(verifier, input, |name, bytes| verifier.open_whole(name, bytes))
}

fn open_by<'v>(
    verifier: &'v Verifier,
    input: &Input,
    open: impl FnOnce(&str, &[u8]) -> Result<OpenObject<'v>, OpenError>,
) -> Result<OpenObject<'v>, Unusable> {
    let unusable = Unusable::because;
    let shown = shown_path(&input.path);
    let bytes = read(input).map_err(unusable)?;
    let opened =
        guarded(&input.name, || open(&object_name(&input.path, &bytes), &bytes)).map_err(unusable)?;
    let mut object = opened.map_err(|error| {
        let unfit = unfit(&input.path, &bytes);
        Unusable {
            is_unfit: unfit.is_some(),
            message: format!("{shown}: {error}{}", help(&error, unfit)),
            record: Some(Box::new(open_failure(&input.name, &error))),
            rule: Some(error.rule),
        }
    })?;
    object.call(&input.name);
    if let Some(plans) = verifier
        .plans_of(&input.path)
        .map_err(|e| unusable(e.to_string()))?
    {
        let applied = object.apply(&plans);
        applied.map_err(|e| unusable(format!("{shown}: load plan: {e}")))?;
    }
    object
        .set_globals(verifier.globals())
        .map_err(|e| unusable(format!("{shown}: {e}")))?;
    if let Some(assumed) = object.assumed() {
        note_once(&format!("{shown}: {assumed} (verdict plan drafts a load plan)"));
    }
    Ok(object)
}

/// Reads an object.
pub(crate) fn read(input: &Input) -> Result<Vec<u8>, String> {
    match &input.unreadable {
        Some(message) => Err(message.clone()),
        None => Ok(read_object(&input.path)?),
    }
}

/// Says something of an object on standard error, once, however many kernels it is opened for.
pub(crate) fn note_once(note: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(note.to_owned()) {
        eprintln!("verdict: note: {note}");
    }
}

/// What helps against a refusal to open an object, if something is known to.
pub(crate) fn help(error: &OpenError, unfit: Option<String>) -> String {
    let legacy = "legacy map definitions in 'maps' section";
    let help = match error.messages.iter().any(|message| message.contains(legacy)) {
        true => Some("cilium/ebpf and aya take such definitions: --loader cilium, --loader aya".to_owned()),
        false => unfit,
    };
    help.map_or_else(String::new, |help| format!("\n    help: {help}"))
}

/// A bar on a terminal, made once the work has taken a while.
pub(crate) struct Progress {
    steps: usize,
    done: AtomicUsize,
    start: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(steps: usize) -> Progress {
        let (done, bar) = (AtomicUsize::new(0), OnceLock::new());
        Progress {
            steps,
            done,
            start: Instant::now(),
            bar,
        }
    }

    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.start.elapsed() > PATIENCE {
            self.bar.get_or_init(|| self.bar()).set_position(done as u64);
        }
    }

    /// It stays hidden when standard error is no terminal.
    fn bar(&self) -> ProgressBar {
        let bar = ProgressBar::new(self.steps as u64).with_elapsed(self.start.elapsed());
        match ProgressStyle::with_template("{bar:40} {pos}/{len} programs, {eta} left") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
