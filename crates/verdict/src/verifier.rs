//! Opening an object, loading its programs one at a time, and asking the engine.

#[cfg(feature = "std-io")]
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, Verdict, verify};
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, ProgLoad};
use verdict_kernel::rule::Rule;
use verdict_loader::{GlobalError, Globals, Manner, Object, OpenError, PrepareError, Prepared, ProgFacts};
use verdict_report::{GaveUp, Need, Refusal, advice, printable};
use verdict_syscall::prog::flags;
use verdict_syscall::{Allowance, LoadedProg, Prog, Session};

use crate::Answer;
#[cfg(feature = "std-io")]
use crate::PlanFileError;
use crate::answer::{CONTRADICTION, End};
use crate::bridge::{Bridge, Taken};
use crate::clock::time_limit;
use crate::explaining::{Explaining, FunctionNames, Reopened};
use crate::lacking::lacking;
use crate::last_words::last_words;
use crate::listen::{Libbpf, LogOptions};
use crate::names;
use crate::need::Refused;
use crate::plan::LeftOut;
#[cfg(feature = "std-io")]
use crate::plan::{PlanSource, Plans};
use crate::target::Target;
use crate::together::Known;
use crate::unsure::unsure_fact;

/// How many instructions before a program's end are listened to for its last words. Where a path that was put aside
/// before ends sooner, all are.
pub(crate) const WITH_LAST_WORDS: u64 = 64;

/// How programs are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Create a state at every prune point (`BPF_F_TEST_STATE_FREQ`).
    pub test_states: bool,
    /// Treat contradictory bounds of a register as an error (`BPF_F_TEST_REG_INVARIANTS`).
    pub test_invariants: bool,
    /// How long a verification may take before it is given up. A rejected program is verified a second time, for the
    /// kernel's words. Only where there is a clock (`std-io`).
    pub timeout: Option<Duration>,
    /// How many bytes the states of a verification may take before it is given up, as they are estimated.
    pub max_memory: Option<u64>,
}

impl Options {
    fn flags(self) -> u32 {
        let flag = |on, flag| if on { flag } else { 0 };
        flag(self.test_states, flags::TEST_STATE_FREQ)
            | flag(self.test_invariants, flags::TEST_REG_INVARIANTS)
    }

    /// What a verification that begins now may take.
    fn allowance(self) -> Allowance {
        let allowance = Allowance::default().with_memory(self.max_memory);
        match self.timeout {
            Some(most) => time_limit(allowance, most),
            None => allowance,
        }
    }
}

/// The library that loads objects: which conventions they follow. All else is as libbpf does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loader {
    /// libbpf.
    #[default]
    Libbpf,
    /// cilium/ebpf, in Go.
    Cilium,
    /// aya, in Rust.
    Aya,
}

/// A kernel's verifier.
#[derive(Debug)]
pub struct Verifier {
    pub(crate) kernel: Kernel,
    pub(crate) options: Options,
    globals: Globals,
    manner: Manner,
    pub(crate) target: Option<Target>,
    pub(crate) explaining: Explaining,
    /// What the kernel's functions are called, to suggest one.
    pub(crate) functions: OnceLock<FunctionNames>,
    #[cfg(feature = "std-io")]
    plans: Option<Arc<PlanSource>>,
    asks_for_plans: bool,
}

impl Verifier {
    /// The verifier of this kernel.
    pub fn new(kernel: Kernel, options: Options) -> Verifier {
        Verifier {
            kernel,
            options,
            globals: Globals::default(),
            manner: Manner::Veristat,
            target: None,
            explaining: Explaining::default(),
            functions: OnceLock::new(),
            #[cfg(feature = "std-io")]
            plans: None,
            asks_for_plans: false,
        }
    }

    /// The same for objects that are loaded by another library than libbpf.
    pub fn with_loader(mut self, loader: Loader) -> Verifier {
        self.manner = match loader {
            Loader::Libbpf => Manner::Veristat,
            Loader::Cilium => Manner::Cilium,
            Loader::Aya => Manner::Aya,
        };
        self
    }

    /// The same with initial values for global variables; objects take them by [`OpenObject::set_globals`].
    pub fn with_globals(mut self, globals: Globals) -> Verifier {
        self.globals = globals;
        self
    }

    /// The same with load plans; objects take them by [`OpenObject::apply`].
    #[cfg(feature = "std-io")]
    pub fn with_plans(mut self, plans: Arc<PlanSource>) -> Verifier {
        self.plans = Some(plans);
        self
    }

    /// The same, which rejects no program for what only a load plan can say, but asks for one.
    pub fn asking_for_plans(mut self) -> Verifier {
        self.asks_for_plans = true;
        self
    }

    /// The plans for the object in a file.
    ///
    /// # Errors
    /// When the file with them cannot be read.
    #[cfg(feature = "std-io")]
    pub fn plans_of(&self, object: &Path) -> Result<Option<Arc<Plans>>, PlanFileError> {
        self.plans.as_ref().map(|plans| plans.of(object)).transpose()
    }

    /// The initial values for global variables.
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// The same questions to another kernel.
    pub(crate) fn of(&self, kernel: Kernel) -> Verifier {
        Verifier {
            kernel,
            options: self.options,
            globals: self.globals.clone(),
            manner: self.manner.clone(),
            target: self.target.clone(),
            explaining: self.explaining,
            functions: OnceLock::new(),
            #[cfg(feature = "std-io")]
            plans: self.plans.clone(),
            asks_for_plans: self.asks_for_plans,
        }
    }

    /// The same, explaining rejections.
    pub fn explaining(self, explaining: Explaining) -> Verifier {
        Verifier { explaining, ..self }
    }

    /// The flags that every program is loaded with.
    pub(crate) fn flags(&self) -> u32 {
        self.options.flags()
    }

    /// The kernel that is asked.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Opens an object as libbpf does. `name` is its file name, which names its data maps.
    ///
    /// # Errors
    /// What libbpf refuses, in its words.
    pub fn open(&self, name: &str, bytes: &[u8]) -> Result<OpenObject<'_>, OpenError> {
        self.open_as(name, bytes, &self.manner)
    }

    /// Opens an object to be loaded whole, as its library does by itself.
    ///
    /// # Errors
    /// As [`Verifier::open`].
    pub fn open_whole(&self, name: &str, bytes: &[u8]) -> Result<OpenObject<'_>, OpenError> {
        let manner = match &self.manner {
            Manner::Veristat => &Manner::Whole,
            other => other,
        };
        self.open_as(name, bytes, manner)
    }

    /// As [`Verifier::open`], in a chosen manner.
    pub(crate) fn open_as(
        &self,
        name: &str,
        bytes: &[u8],
        manner: &Manner,
    ) -> Result<OpenObject<'_>, OpenError> {
        let keeps = matches!(self.explaining, Explaining::Trials { .. });
        let opened = Object::open_as(name, bytes, &self.kernel, manner)?;
        let mut object = OpenObject {
            verifier: self,
            file_name: name.to_owned(),
            name: printable(name.as_bytes()).into_owned(),
            programs: names::of_programs(&opened),
            object: opened,
            targets: Vec::new(),
            reopened: Reopened::new(keeps.then(|| (bytes.to_vec(), manner.clone()))),
            left_out: Vec::new(),
            taken: Taken::default(),
            together: Known::default(),
        };
        if let Some(target) = &self.target {
            object.attach_all(target)?;
        }
        Ok(object)
    }
}

/// An opened object.
#[derive(Debug)]
pub struct OpenObject<'v> {
    pub(crate) verifier: &'v Verifier,
    /// The file's name, by which libraries call it.
    pub(crate) file_name: String,
    /// What it is called in answers.
    pub(crate) name: String,
    /// What its programs are called there.
    pub(crate) programs: Vec<String>,
    pub(crate) object: Object,
    /// Programs that those of the object attach to.
    pub(crate) targets: Vec<Arc<LoadedProg>>,
    /// The object in another form, for trials.
    pub(crate) reopened: Reopened<'v>,
    /// Programs that load plans leave out.
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) taken: Taken,
    /// What is known of programs that are loaded with others.
    pub(crate) together: Known,
}

/// What is asked for beside a program.
#[derive(Clone, Copy, Default)]
pub(crate) struct Request<'r> {
    /// Other programs that are loaded, too.
    pub(crate) also: &'r [usize],
    /// `BPF_F_*` of the program, beside its own.
    pub(crate) flags: u32,
    /// A kernel with other rules than the one for which the object was opened, and with the same types and tables.
    pub(crate) rules: Option<&'r Kernel>,
}

/// How loading a program ended, and what was found out until then.
pub(crate) struct Loaded {
    pub(crate) end: End,
    pub(crate) facts: ProgFacts,
    /// The verification of the program that was asked for, if it came to that.
    pub(crate) outcome: Option<Outcome>,
    /// The place of the program that was asked for among those that are loaded.
    pub(crate) target: Option<usize>,
    /// What was refused by the kernel, and which of its programs.
    pub(crate) refused: Option<(Arc<Prepared>, usize)>,
}

/// What is asked of the engine, in silence or with a listener.
pub(crate) type Ask<'f> = &'f mut dyn FnMut(&Kernel, &Prog) -> Outcome;

impl OpenObject<'_> {
    /// What the object is called in answers: its file name, unless it was given another one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has the object be called so in answers, which tells it from others of its file name.
    pub fn call(&mut self, name: &str) {
        self.name = printable(name.as_bytes()).into_owned();
    }

    /// The kernel that it is opened for.
    pub(crate) fn kernel(&self) -> &Kernel {
        &self.verifier.kernel
    }

    /// Gives global variables other initial values.
    ///
    /// # Errors
    /// Names the variable that cannot be set. The object is of no use then.
    pub fn set_globals(&mut self, globals: &Globals) -> Result<(), GlobalError> {
        self.object.set_globals(globals)
    }

    /// The number of the first program of that name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        (0..self.object.program_count()).find(|index| self.program_name(*index) == name)
    }

    /// What a program is called in answers.
    pub(crate) fn program_name(&self, index: usize) -> &str {
        self.programs.get(index).map_or("", String::as_str)
    }

    /// A session for the loader. What the object's own kernel has taken of it once, it need not look at again.
    pub(crate) fn bridge<'k>(&'k self, kernel: &'k Kernel) -> Bridge<'k> {
        let own = std::ptr::eq(kernel, &self.verifier.kernel);
        Bridge(self.session(kernel), own.then_some(&self.taken))
    }

    /// Creates each map by itself, without contents, where the object is loaded by cilium/ebpf: its name, and what it was
    /// created with or why it cannot be.
    #[doc(hidden)] // what recordings of the library are held to; no part of what is stable
    pub fn create_each_map(&self) -> Vec<(&str, Result<MapCreate, PrepareError>)> {
        let mut bpf = self.bridge(&self.verifier.kernel);
        self.object.create_each(&mut bpf)
    }

    /// Loads one program, as if it were the only one of the object, and says what came of it. A rejected
    /// program is verified again with a listener, for the kernel's last words.
    pub(crate) fn check(&self, index: usize) -> Answer {
        let (mut usec, mut ended) = (Some(0), None);
        let explaining = self.verifier.explaining;
        let loaded = self.load(index, &mut |kernel, prog| {
            let once = self.verify_once(kernel, prog);
            (usec, ended) = (once.usec, once.end);
            once.outcome
        });
        let program = self.program_name(index);
        let rejected = matches!(loaded.end, End::Kernel(_));
        let mut refusal = loaded.end.rule().map(Refusal::by);
        let stats = loaded.outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let mut sites = stats.passed_over.clone();
        sites.extend(loaded.end.broken().map(|broken| broken.site));
        let mut record = loaded
            .end
            .record(&self.name, program, &loaded.facts, &stats, usec);
        record.assumed = self.assumptions();
        let mut place = None;
        if rejected {
            let mut log = Vec::new();
            let options = LogOptions {
                libbpf: Libbpf::Explains,
                told_from: u64::from(stats.insns).saturating_sub(WITH_LAST_WORDS),
                ..LogOptions::default()
            };
            let rule = refusal.as_ref().map(|refusal| refusal.rule);
            let found = match (ended, explaining, rule) {
                (Some((found, words)), ..) => {
                    log = words;
                    found
                }
                (None, Explaining::Off, _) | (None, _, None) => self.listen(index, &options, &mut log).0,
                (None, explaining, Some(rule)) => {
                    self.listen_closely(index, &options, &mut log, explaining, rule)
                }
            };
            place = found.place;
            if let Some(refusal) = &mut refusal {
                (refusal.fact, refusal.origin) = (found.fact, found.origin);
                refusal.explanation = found.explanation.map(Box::new);
            }
            record.tail = last_words(&log).or_else(|| {
                let options = LogOptions {
                    told_from: 0,
                    ..options
                };
                log.clear();
                let _ = self.listen(index, &options, &mut log); // a vector takes all
                last_words(&log)
            });
        }
        if let Some(refusal) = &mut refusal {
            let load = loaded
                .refused
                .as_ref()
                .and_then(|(prepared, at)| prepared.loads.get(*at));
            let refused = Refused {
                kernel: &self.verifier.kernel,
                object: &self.object,
                rule: refusal.rule,
                record: &record,
                facts: &loaded.facts,
                flags: load.map_or(0, |load| load.prog_flags),
                insns: load.map(|load| load.insns.as_slice()).unwrap_or_default(),
                insn: place.as_ref().map(|place| place.insn),
                relocation: place.as_ref().and_then(|place| {
                    let (prepared, at) = loaded.refused.as_ref()?;
                    self.object.relocation(prepared, *at, place.insn)
                }),
            };
            refusal.need = refused.need();
            refusal.advice = advice(&self.verifier.kernel, refusal, &record);
            if let Some(Need::Type(target)) = &refusal.need
                && let Some(what) = lacking(&self.verifier.kernel, target)
                && let Some(advice) = &mut refusal.advice
            {
                advice.line = format!("{what}: {}", advice.line);
            }
            if refusal.explanation.is_none() && self.verifier.explaining != Explaining::Off {
                refusal.explanation = Some(Box::new(self.explain_outside(index, &record, refusal)));
            }
            if let (Some(explanation), Some(advice)) = (&mut refusal.explanation, &refusal.advice)
                && advice.sure
            {
                explanation.advise(&advice.line);
            }
        }
        Answer {
            record,
            place,
            refusal,
            sites,
        }
    }

    /// What is taken for granted: the rules of another kernel, and what [`OpenObject::assumed`] says of maps.
    pub(crate) fn assumptions(&self) -> Option<String> {
        let both = [self.kernel().assumed_rules(), self.assumed()];
        let both: Vec<_> = both.into_iter().flatten().collect();
        (!both.is_empty()).then(|| both.join("; "))
    }

    /// What a load plan has to say where a program was not loaded for want of it.
    pub(crate) fn asked_for(&self, end: &End) -> Option<String> {
        let End::Libbpf(broken, _) = end else {
            return None;
        };
        let of_maps = matches!(
            broken.rule,
            Rule::MapAttributes | Rule::MapDefinition | Rule::InnerMap | Rule::MapTypes | Rule::MapContents
        );
        (self.verifier.asks_for_plans && of_maps)
            .then(|| self.needs_plan())
            .flatten()
    }

    /// What `bpf_object__load` does when only this program is to be loaded.
    pub(crate) fn load(&self, index: usize, ask: Ask<'_>) -> Loaded {
        self.load_under(index, None, ask)
    }

    /// The same, by the rules of another kernel that has the same types and tables.
    pub(crate) fn load_under(&self, index: usize, rules: Option<&Kernel>, ask: Ask<'_>) -> Loaded {
        let request = Request {
            flags: self.verifier.options.flags(),
            rules,
            ..Request::default()
        };
        self.load_with(index, request, ask)
    }

    /// What `bpf_object__load` does when this program and some others are to be loaded.
    pub(crate) fn load_with(&self, index: usize, request: Request<'_>, ask: Ask<'_>) -> Loaded {
        match self.unsure(index, request) {
            Some(end) => Loaded::new(end, ProgFacts::default()),
            None => self.load_surely(index, request, ask),
        }
    }

    /// The same by the kernel's settings, whether or not all of them are known.
    pub(crate) fn load_surely(&self, index: usize, request: Request<'_>, ask: Ask<'_>) -> Loaded {
        let kernel = request.rules.unwrap_or(&self.verifier.kernel);
        if let Some(unknown) = kernel.unknown_rules() {
            return Loaded::new(End::Unsupported(unknown), ProgFacts::default());
        }
        let least = u64::from(kernel.machine.page_size);
        if kernel
            .memlock()
            .is_some_and(|limit| (least..LEAST_MEMLOCK).contains(&limit))
        {
            return Loaded::new(End::Unsupported(SMALL.to_owned()), ProgFacts::default());
        }
        if let Some(loaded) = self.load_together(index, request, ask) {
            return loaded;
        }
        let mut bpf = self.bridge(kernel);
        let prepared = match self.object.prepare_with(index, request.also, &mut bpf) {
            Ok(prepared) => prepared,
            Err(error) => {
                let end = End::Libbpf(error.rule.with_at(error.errno, error.site), error.messages);
                let end = self.asked_for(&end).map_or(end, End::Unsupported);
                return Loaded::new(end, error.facts);
            }
        };
        let mut loaded = Loaded::new(End::Accepted, prepared.facts);
        let unsure = || prepared.loads.iter().find_map(|load| unsure_fact(kernel, load));
        if let Some(what) = prepared.unsupported.map(ToOwned::to_owned).or_else(unsure) {
            loaded.end = End::Unsupported(what);
            return loaded;
        }
        loaded.target = prepared.target;
        for at in 0..prepared.loads.len() {
            loaded.end = if prepared.target == Some(at) {
                let of = (kernel, at, request);
                self.load_asked_for(&mut bpf.0, &prepared, of, ask, &mut loaded.outcome)
            } else {
                let step = Step {
                    kernel,
                    at,
                    asked_for: false,
                    flags: 0,
                    options: self.verifier.options,
                };
                load_one(&mut bpf.0, &prepared, step, ask, &mut None)
            };
            if !matches!(loaded.end, End::Accepted) {
                loaded.refused = Some((Arc::new(prepared), at));
                return loaded;
            }
        }
        loaded.end = self.finish(&prepared, &mut bpf);
        loaded
    }

    /// `BPF_PROG_LOAD` of the program that is asked for, of which the outcome is kept.
    pub(crate) fn load_asked_for(
        &self,
        session: &mut Session<'_>,
        prepared: &Prepared,
        (kernel, at, request): (&Kernel, usize, Request<'_>),
        ask: Ask<'_>,
        kept: &mut Option<Outcome>,
    ) -> End {
        let step = Step {
            kernel,
            at,
            asked_for: true,
            flags: request.flags,
            options: self.verifier.options,
        };
        let mut end = load_one(session, prepared, step, ask, kept);
        if let (End::Kernel(broken), Some(outcome)) = (&mut end, kept)
            && let Verdict::Rejected(rejected) = &outcome.verdict
            && let Some(insn) = rejected.insn
            && let Some(rule) = self.object.poison_rule(prepared, at, insn)
        {
            broken.rule = rule;
        }
        end
    }

    /// What comes after all programs are loaded.
    pub(crate) fn finish(&self, prepared: &Prepared, bpf: &mut Bridge<'_>) -> End {
        match self.object.finish(prepared, bpf) {
            Ok(()) => End::Accepted,
            Err(error) => End::Libbpf(error.rule.with_at(error.errno, error.site), error.messages),
        }
    }
}

/// One of the programs that are loaded together.
pub(crate) struct Step<'k> {
    pub(crate) kernel: &'k Kernel,
    /// Its place among them.
    pub(crate) at: usize,
    /// Whether it is the one that is asked for.
    pub(crate) asked_for: bool,
    /// `BPF_F_*` beside its own.
    pub(crate) flags: u32,
    pub(crate) options: Options,
}

/// `BPF_PROG_LOAD` of one of the prepared programs. The outcome of the one that is asked for is kept.
pub(crate) fn load_one(
    session: &mut Session<'_>,
    prepared: &Prepared,
    step: Step<'_>,
    ask: Ask<'_>,
    kept: &mut Option<Outcome>,
) -> End {
    let Some(attr) = prepared.loads.get(step.at) else {
        return End::Accepted;
    };
    let loaded = match step.flags {
        0 => session.prog_load(attr),
        flags => session.prog_load(&ProgLoad {
            prog_flags: attr.prog_flags | flags,
            ..attr.clone()
        }),
    };
    let mut prog = match loaded {
        Ok(prog) => prog,
        Err(error) => return error.into(),
    };
    prog.allowance = step.options.allowance();
    let verdict = if step.asked_for {
        kept.insert(ask(step.kernel, &prog)).verdict.clone()
    } else {
        verify(step.kernel, &prog, &mut Silent).verdict
    };
    if verdict == Verdict::Accepted && session.is_tight() {
        return End::Unsupported(TIGHT.to_owned());
    }
    verdict.into()
}

/// The least limit to locked memory under which libbpf is not in its own way: what it tries out before it loads an
/// object is charged, and given back somewhat later than it is closed.
const LEAST_MEMLOCK: u64 = 64 << 10;

/// Why nothing can be said under a smaller one.
const SMALL: &str = "a memory-lock limit below 64 KiB, of which libbpf needs a part for what it tries out";

/// Why it cannot be said whether an accepted program is loaded.
const TIGHT: &str =
    "a memory-lock limit that is all but reached: the program may grow when the kernel rewrites it";

impl Loaded {
    pub(crate) fn new(end: End, facts: ProgFacts) -> Loaded {
        Loaded {
            end,
            facts,
            outcome: None,
            target: None,
            refused: None,
        }
    }
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> End {
        match verdict {
            Verdict::Accepted => End::Accepted,
            Verdict::Rejected(rejected) => End::Kernel(rejected.rule.with_at(rejected.errno, rejected.site)),
            Verdict::Unsupported(what) => End::Unsupported(what),
            Verdict::Bug(what) => End::Unsupported(format!("{CONTRADICTION}{what}")),
            Verdict::GaveUp(verdict_engine::GaveUp::Time) => End::GaveUp(GaveUp::Time),
            Verdict::GaveUp(verdict_engine::GaveUp::Memory) => End::GaveUp(GaveUp::Memory),
        }
    }
}
