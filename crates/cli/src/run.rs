//! Verifying many programs side by side, in the order of the command line.

use std::cell::RefCell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use verdict::{Answer, OpenObject, Verifier, objects_in, open_failure};
use verdict_report::Record;

/// Stack of a worker: deep enough for what recurses by the nesting of types.
const STACK: usize = 16 << 20;

/// Work that takes longer shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Limits how many programs are verified side by side.
pub(crate) fn set_jobs(jobs: Option<u16>) -> Result<(), String> {
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(STACK)
        .num_threads(jobs.unwrap_or(0).into());
    pool.build_global().map_err(|e| e.to_string())
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

/// What came of one object.
pub(crate) struct ObjectResult {
    /// The path as given.
    pub(crate) path: PathBuf,
    /// Its programs, or why it cannot be used.
    pub(crate) programs: Result<Vec<Result<Answer, String>>, Unusable>,
}

/// Why an object cannot be used.
pub(crate) struct Unusable {
    /// In words.
    pub(crate) message: String,
    /// The record, when libbpf refuses to open it.
    pub(crate) record: Option<Record>,
}

/// Verifies all programs of the objects that the arguments stand for.
pub(crate) fn verify_all(verifier: &Verifier, arguments: &[PathBuf]) -> Vec<ObjectResult> {
    let opened: Vec<_> = expand(arguments)
        .into_par_iter()
        .map(|(path, found)| {
            let object = found.and_then(|()| open(verifier, &path));
            (path, object)
        })
        .collect();
    let tasks: Vec<_> = opened
        .iter()
        .filter_map(|(_, object)| object.as_ref().ok())
        .flat_map(|object| (0..object.programs().count()).map(move |index| (object, index)))
        .collect();
    let progress = Progress::new(tasks.len());
    let answers: Vec<_> = tasks
        .par_iter()
        .map(|&(object, index)| {
            let name = object.programs().nth(index).unwrap_or_default();
            let answer = guarded(&format!("{} {name}", object.name()), || object.check(index));
            progress.step();
            answer
        })
        .collect();
    progress.finish();
    let mut answers = answers.into_iter();
    opened
        .into_iter()
        .map(|(path, object)| {
            let programs = object.map(|object| answers.by_ref().take(object.programs().count()).collect());
            ObjectResult { path, programs }
        })
        .collect()
}

/// The objects of the arguments, in order; an argument that stands for nothing keeps its place.
fn expand(arguments: &[PathBuf]) -> Vec<(PathBuf, Result<(), Unusable>)> {
    let mut all = Vec::new();
    for argument in arguments {
        match objects_in(argument) {
            Ok(paths) => all.extend(paths.into_iter().map(|path| (path, Ok(())))),
            Err(message) => all.push((
                argument.clone(),
                Err(Unusable {
                    message,
                    record: None,
                }),
            )),
        }
    }
    all
}

/// Reads and opens an object.
pub(crate) fn open<'v>(verifier: &'v Verifier, path: &Path) -> Result<OpenObject<'v>, Unusable> {
    let unusable = |message| Unusable {
        message,
        record: None,
    };
    let shown = path.display();
    let bytes = fs::read(path).map_err(|e| unusable(format!("{shown}: {e}")))?;
    let name = file_name(path);
    let opened = guarded(&name, || verifier.open(&name, &bytes)).map_err(unusable)?;
    opened.map_err(|error| Unusable {
        message: format!("{shown}: {error}"),
        record: Some(open_failure(&name, &error)),
    })
}

/// A path's last part.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A bar on a terminal, once the work has taken a while.
struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    fn new(steps: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} programs, {eta} left") {
            bar.set_style(style);
        }
        Progress {
            bar,
            start: Instant::now(),
        }
    }

    fn step(&self) {
        self.bar.inc(1);
        if self.bar.is_hidden() && self.start.elapsed() > PATIENCE {
            // Stays hidden when standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
