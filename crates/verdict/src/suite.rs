//! Running the expectations that an object's programs carry, in the way of the kernel's test runner.

use std::io;

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, verify};
use verdict_expect::report::{Status, TestResult};
use verdict_expect::{Arch, Observed, Skipped, Spec, SpecError, is_annotated, judge};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_loader::{Manner, OpenError, PlanError, read_btf};
use verdict_log::{Level, Log};
use verdict_syscall::Prog;

use crate::answer::End;
use crate::clock::Stopwatch;
use crate::verifier::{Loaded, Request};
use crate::{OpenObject, Plans, Verifier};

/// The architecture of all profiles.
const ARCH: Arch = Arch::X86_64;

/// Size of the runner's buffer for logs, in bytes. Loading fails when a log does not fit, and the end of it is kept.
const LOG_SIZE: u32 = 2 << 20;

/// Reads a file that a test names, for CO-RE relocations.
pub type ReadFile<'f> = &'f (dyn Fn(&str) -> io::Result<Vec<u8>> + Sync);

/// An object whose programs say what they expect of the verifier.
///
/// ```
/// use verdict::expect::report::Summary;
/// use verdict::{KernelChoice, Options, Verifier};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/tests"))?;
/// let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
/// let bytes = std::fs::read("parser.bpf.o")?;
/// let suite = verifier.open_suite("parser.bpf.o", bytes)?;
/// let mut summary = Summary::default();
/// for test in suite.tests() {
///     summary.count(&test.run(&|path| std::fs::read(path)));
/// }
/// assert_eq!((summary.passed, summary.met, summary.failed), (5, 13, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Suite<'v> {
    verifier: &'v Verifier,
    bytes: Vec<u8>,
    object: OpenObject<'v>,
    /// The tests: indices of their programs, and descriptions. What they expect is read when they run, as compiled
    /// expressions take memory.
    tests: Vec<(usize, Option<String>)>,
    /// Programs that are loaded with every test.
    auxiliary: Vec<usize>,
    /// What is done to the object whenever it is opened.
    plans: Plans,
}

impl Verifier {
    /// Opens an object for its tests. `name` is its file name, which names its data maps.
    ///
    /// # Errors
    /// What libbpf refuses, in its words.
    pub fn open_suite(&self, name: &str, bytes: Vec<u8>) -> Result<Suite<'_>, OpenError> {
        let object = self.open_as(name, &bytes, &Manner::Test { core_btf: None })?;
        let mut suite = Suite {
            verifier: self,
            bytes,
            object,
            tests: Vec::new(),
            auxiliary: Vec::new(),
            plans: Plans::default(),
        };
        suite.collect();
        Ok(suite)
    }
}

/// One of a suite's tests.
#[derive(Clone, Copy, Debug)]
pub struct Test<'s, 'v> {
    suite: &'s Suite<'v>,
    index: usize,
    description: Option<&'s str>,
}

impl<'v> Suite<'v> {
    /// The programs that are tests, in the object's order.
    pub fn tests(&self) -> impl ExactSizeIterator<Item = Test<'_, 'v>> {
        self.tests.iter().map(|(index, description)| Test {
            suite: self,
            index: *index,
            description: description.as_deref(),
        })
    }
}

impl<'s> Test<'s, '_> {
    /// The name of its program.
    pub fn name(&self) -> &'s str {
        self.suite.object.program_name(self.index)
    }

    /// What it is about, if it says so.
    pub fn description(&self) -> Option<&'s str> {
        self.description
    }

    /// Runs it. Files that it names are read by `files`.
    pub fn run(&self, files: ReadFile<'_>) -> TestResult {
        self.suite.run(self, files)
    }
}

/// Whether an object may carry tests: whether its BTF says so, or cannot be read.
pub fn may_have_tests(bytes: &[u8]) -> bool {
    read_btf(bytes).map_or(true, |btf| is_annotated(&btf))
}

impl Suite<'_> {
    /// The object's file name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// As [`OpenObject::call`].
    pub fn call(&mut self, name: &str) {
        self.object.call(name);
    }

    /// Does to the object what load plans say; programs that they leave out are no tests.
    ///
    /// # Errors
    /// As [`OpenObject::apply`].
    pub fn apply(&mut self, plans: &Plans) -> Result<(), PlanError> {
        self.object.apply(plans)?;
        self.plans = plans.clone();
        (self.tests, self.auxiliary) = (Vec::new(), Vec::new());
        self.collect();
        Ok(())
    }

    /// As [`OpenObject::assumed`].
    pub fn assumed(&self) -> Option<String> {
        self.object.assumed()
    }

    fn collect(&mut self) {
        let Some(btf) = self.object.object.own_btf() else {
            return;
        };
        for index in 0..self.object.object.program_count() {
            match Spec::read(btf, self.object.object.program_name(index)) {
                Ok(spec) if spec.auxiliary && spec.privileged => self.auxiliary.push(index),
                Ok(spec) if !spec.is_test() => {}
                Ok(spec) => self.tests.push((index, spec.description)),
                Err(SpecError::NoFunction) => {}
                Err(SpecError::Tag(..)) => self.tests.push((index, None)),
            }
        }
    }

    fn run(&self, test: &Test<'_, '_>, files: ReadFile<'_>) -> TestResult {
        let (index, program) = (test.index, test.name());
        let spec = self.object.object.own_btf().map(|btf| Spec::read(btf, program));
        let start = Stopwatch::start();
        let mut result = TestResult {
            object: self.name().to_owned(),
            program: test.name().to_owned(),
            description: test.description.map(str::to_owned),
            status: Status::Skipped("arch"),
            skipped: Skipped::default(),
            known: None,
            assumed: self.object.assumptions(),
            seconds: 0.0,
        };
        match spec {
            // What has no BTF has no tests.
            None => {}
            Some(Err(error)) => result.status = Status::Unusable(error.to_string()),
            Some(Ok(spec)) => {
                result.skipped = spec.skipped;
                if !spec.runs_on(ARCH) {
                    result.skipped.arch = u32::try_from(spec.expectations()).unwrap_or(u32::MAX);
                } else if spec.privileged {
                    result.status = self.judged(index, &spec, files);
                } else {
                    result.status = Status::Skipped("unprivileged");
                }
            }
        }
        result.seconds = start.seconds();
        result
    }

    /// Loads the program of a test and judges it.
    fn judged(&self, index: usize, spec: &Spec, files: ReadFile<'_>) -> Status {
        let Some(path) = &spec.core_btf else {
            return judge_loaded(&self.object, index, spec, &self.auxiliary);
        };
        let read = files(path).map_err(|e| e.to_string());
        let btf = read.and_then(|bytes| read_btf(&bytes).map_err(|errno| errno.to_string()));
        let manner = match btf {
            Ok(btf) => Manner::Test {
                core_btf: Some(btf.into()),
            },
            Err(error) => return Status::Unusable(format!("BTF of {path}: {error}")),
        };
        match self
            .verifier
            .open_as(&self.object.file_name, &self.bytes, &manner)
        {
            Ok(mut object) => match object.apply(&self.plans) {
                Ok(()) => judge_loaded(&object, index, spec, &self.auxiliary),
                Err(error) => Status::Unusable(format!("load plan: {error}")),
            },
            Err(error) => Status::Unusable(error.to_string()),
        }
    }
}

fn judge_loaded(object: &OpenObject<'_>, index: usize, spec: &Spec, auxiliary: &[usize]) -> Status {
    let request = Request {
        also: auxiliary,
        flags: spec.flags,
        ..Request::default()
    };
    let (end, log) = load(object, index, request, spec.log_level);
    let refused = match end {
        End::Accepted => None,
        End::Kernel(broken) => Some(format!("{} by the kernel", broken.errno)),
        End::Libbpf(broken, messages) => {
            let first = messages.first().map_or("", |line| &**line);
            Some(format!(
                "{} by libbpf: {}",
                broken.errno,
                first.trim_start_matches("libbpf: ")
            ))
        }
        End::Unsupported(what) => return Status::Unsupported(what),
        End::GaveUp(what) => return Status::GaveUp(what.name()),
    };
    let observed = Observed {
        refused: refused.as_deref(),
        log: &log,
    };
    Status::Judged(judge(spec, &observed))
}

/// Loads a program as libbpf does with a buffer for its log. At level 0 there is no log at first; when the
/// program is refused, it is loaded again at level 1.
fn load(object: &OpenObject<'_>, index: usize, request: Request<'_>, level: u32) -> (End, String) {
    let kernel = object.verifier.kernel();
    if kernel.unknown_rules().is_none() && !Level(level).accepts(Some(LOG_SIZE), kernel) {
        return (End::Kernel(Rule::LogBuffer.with(Errno::EINVAL)), String::new());
    }
    let mut silent = |kernel: &Kernel, prog: &Prog| verify(kernel, prog, &mut Silent);
    if level == 0 {
        let loaded = object.load_with(index, request, &mut silent);
        if !matches!(loaded.end, End::Kernel(_)) {
            return (loaded.end, String::new());
        }
    }
    let (mut log, mut truncated) = (Vec::new(), false);
    let mut listening = |kernel: &Kernel, prog: &Prog| -> Outcome {
        let mut listener = Log::sized(kernel, prog, Level(level.max(1)), Some(LOG_SIZE), &mut log);
        let outcome = verify(kernel, prog, &mut listener);
        // Memory takes everything.
        truncated = listener.finish().is_ok_and(|written| written.truncated);
        outcome
    };
    let Loaded {
        end, refused, target, ..
    } = object.load_with(index, request, &mut listening);
    if let (End::Kernel(_), Some((prepared, at))) = (&end, &refused)
        && target == Some(*at)
    {
        object.object.fixup_log(prepared, *at, &mut log);
    }
    let end = match end {
        End::Accepted | End::Kernel(_) if truncated => End::Kernel(Rule::LogBuffer.with(Errno::ENOSPC)),
        end => end,
    };
    (end, String::from_utf8_lossy(&log).into_owned())
}
