//! Which differences between two kernels decide on a program: found by setting them one by one.
//!
//! Two kernels differ in the values of switches, and in their limits, machine, tables and types. A *mixture* is
//! the first kernel with some of these elements taken from the second; with all of them it is the second. For a
//! program on which the kernels differ, the elements are reduced (delta debugging) to a set of which none can be left out
//! and that still gives the second kernel's figures. Every claim is a run: what is reported was verified under exactly
//! that mixture.

mod mixture;
mod reduce;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use verdict_engine::observer::Silent;
use verdict_engine::verify;
use verdict_kernel::rule::Rule;
use verdict_kernel::{Kernel, SWITCHES};
use verdict_loader::OpenError;
use verdict_report::why::{Cause, Difference, Element};
use verdict_report::{Need, Record, Verdict};

use crate::answer::{CONTRADICTION, open_failure};
use crate::{OpenObject, Verifier};
use mixture::{Mixtures, Set};

/// The differences between two kernels, to be tried on programs.
///
/// ```
/// use verdict::{ChoiceError, KernelChoice, Options, Verifier, Why};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus"))?;
/// let verifier = |switch: &str| -> Result<Verifier, ChoiceError> {
///     let choice = KernelChoice {
///         switches: vec![switch.to_owned()],
///         ..KernelChoice::default()
///     };
///     Ok(Verifier::new(choice.open()?, Options::default()))
/// };
/// let (a, b) = (verifier("zero-spill=stack-zero")?, verifier("zero-spill=imprecise-scalar")?);
/// let why = Why::new(&a, &b);
/// let bytes = std::fs::read("zero_spill.bpf.o")?;
/// let object = why.object("zero_spill.bpf.o", bytes);
/// let causes: Vec<_> = object
///     .programs()
///     .filter_map(|program| program.explain())
///     .flat_map(|difference| difference.causes)
///     .collect();
/// assert!(causes.iter().all(|cause| cause.element.name() == "zero-spill"));
/// assert!(!causes.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Why<'v> {
    mixtures: Mixtures<'v>,
}

/// An object whose programs are compared.
#[derive(Debug)]
pub struct WhyObject<'w> {
    mixtures: &'w Mixtures<'w>,
    file_name: String,
    /// What it is called in answers.
    name: String,
    bytes: Vec<u8>,
    /// Opened for each combination of what an object depends on, when first needed.
    opened: Vec<OnceLock<Result<OpenObject<'w>, OpenError>>>,
}

/// A program on which the kernels are compared.
#[derive(Clone, Copy, Debug)]
pub struct WhyProgram<'o, 'w> {
    object: &'o WhyObject<'w>,
    index: usize,
    name: Option<&'o str>,
}

impl<'o> WhyProgram<'o, '_> {
    /// Its name; `None` for the object as a whole.
    pub fn name(&self) -> Option<&'o str> {
        self.name
    }

    /// Explains the difference between the two kernels; `None` when there is none.
    pub fn explain(&self) -> Option<Difference> {
        self.object.explain(self.index)
    }
}

impl<'v> Why<'v> {
    /// The differences between the kernels of two verifiers.
    pub fn new(a: &'v Verifier, b: &'v Verifier) -> Why<'v> {
        Why {
            mixtures: Mixtures::new(a, b),
        }
    }

    /// An object to compare the kernels on. `name` is its file name.
    pub fn object(&self, name: &str, bytes: Vec<u8>) -> WhyObject<'_> {
        WhyObject {
            mixtures: &self.mixtures,
            file_name: name.to_owned(),
            name: name.to_owned(),
            bytes,
            opened: (0..Mixtures::COMBINATIONS).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl<'w> WhyObject<'w> {
    /// What the object is called in answers.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As [`OpenObject::call`].
    pub fn call(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// The object's programs, in its order; when libbpf can open it for neither kernel, one without a name that stands for
    /// the object as a whole.
    pub fn programs(&self) -> impl ExactSizeIterator<Item = WhyProgram<'_, 'w>> {
        let ends = [Set::new(), self.mixtures.all()];
        let object = ends.iter().find_map(|set| self.open(set).as_ref().ok());
        let count = object.map_or(1, |object| object.programs().len());
        (0..count).map(move |index| WhyProgram {
            object: self,
            index,
            name: object.map(|object| object.program_name(index)),
        })
    }

    fn explain(&self, index: usize) -> Option<Difference> {
        let mut trials = Trials {
            object: self,
            index,
            known: BTreeMap::new(),
            contradictions: 0,
        };
        let all = self.mixtures.all();
        let (a, b) = (trials.record(&Set::new()), trials.record(&all));
        if same(&a, &b) {
            return None;
        }
        let mut difference = Difference {
            a,
            b,
            causes: Vec::new(),
            rules: [None; 2],
            need: None,
            runs: 0,
            contradictions: 0,
        };
        let supported = |record: &Record| record.verdict.is_decided();
        if supported(&difference.a) && supported(&difference.b) {
            let set = trials.reduce(&difference.b);
            difference.causes = trials.shares(&set);
        }
        let sides = [&difference.a, &difference.b].map(|record| record.verdict);
        for ((rule, end), verdict) in difference.rules.iter_mut().zip([Set::new(), all]).zip(sides) {
            if verdict != Verdict::Failure {
                continue;
            }
            let (broken, need) = self.refusal(&end, index);
            *rule = broken;
            difference.need = difference.need.or(need);
        }
        (difference.runs, difference.contradictions) = (trials.known.len(), trials.contradictions);
        Some(difference)
    }

    /// The object, opened for a mixture.
    fn open(&self, set: &Set) -> &Result<OpenObject<'w>, OpenError> {
        let combination = self.mixtures.combination(set);
        // There is a place for each combination.
        let place = &self.opened[combination];
        place.get_or_init(|| {
            let verifier = self.mixtures.verifier(combination);
            let mut object = verifier.open(&self.file_name, &self.bytes)?;
            // A variable that cannot be set stays what it is: whoever sets some has asked both kernels before.
            let _ = object.set_globals(verifier.globals());
            Ok(object)
        })
    }

    /// What the program comes to under a mixture.
    fn run(&self, set: &Set, index: usize) -> Record {
        let object = match self.open(set) {
            Ok(object) => object,
            Err(error) => return open_failure(&self.name, error),
        };
        let Some(rules) = self.mixtures.kernel(set) else {
            return unsupported(&self.name, "these settings do not go together");
        };
        let loaded = object.load_under(index, Some(&rules), &mut |kernel: &Kernel, prog| {
            verify(kernel, prog, &mut Silent)
        });
        let stats = loaded.outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let program = object.program_name(index);
        loaded
            .end
            .record(&self.name, program, &loaded.facts, &stats, Some(0))
    }

    /// Why one of the two kernels refuses the program: the rule, and what the kernel lacks.
    fn refusal(&self, end: &Set, index: usize) -> (Option<Rule>, Option<Need>) {
        match self.open(end) {
            Ok(object) => match object.check(index).refusal {
                Some(refusal) => (Some(refusal.rule), refusal.need),
                None => (None, None),
            },
            Err(error) => (Some(error.rule), None),
        }
    }
}

fn unsupported(object: &str, what: &str) -> Record {
    let mut record = Record::new(object, Verdict::Unsupported, verdict_report::Stage::Verify);
    record.unsupported = Some(what.to_owned());
    record
}

/// Whether the verdict and its cost are the same. Words are none of it, nor is the time, nor how far read marks travel,
/// which is bookkeeping that later kernels do not have.
fn same(a: &Record, b: &Record) -> bool {
    let figures = |record: &Record| {
        let mut figures = record.figures.clone().unwrap_or_default();
        (figures.usec, figures.mark_read) = (None, 0);
        figures
    };
    let ends = |r: &Record| (r.verdict, r.stage, r.errno, r.unsupported.clone(), r.gave_up);
    ends(a) == ends(b) && figures(a) == figures(b)
}

/// Runs of one program under mixtures, each remembered.
struct Trials<'o, 'w> {
    object: &'o WhyObject<'w>,
    index: usize,
    known: BTreeMap<Set, Record>,
    contradictions: usize,
}

impl Trials<'_, '_> {
    fn record(&mut self, set: &Set) -> Record {
        if let Some(record) = self.known.get(set) {
            return record.clone();
        }
        let record = self.object.run(set, self.index);
        let says = record.unsupported.as_deref().unwrap_or_default();
        self.contradictions += usize::from(says.starts_with(CONTRADICTION));
        self.known.insert(set.clone(), record.clone());
        record
    }

    /// A set of elements that gives `wanted`, and of which none can be left out.
    fn reduce(&mut self, wanted: &Record) -> Set {
        let mixtures = self.object.mixtures;
        let all = mixtures.all();
        let (parts, switches): (Set, Set) = all.iter().partition(|element| mixtures.is_part(**element));
        let mut gives = |set: &Set| {
            let set = mixtures.completed(set)?;
            same(&self.record(&set), wanted).then_some(set)
        };
        // Mostly it is switches alone, or none of them.
        let start = gives(&switches).or_else(|| gives(&parts)).unwrap_or(all);
        reduce::reduce(start, gives)
    }

    /// What each element of the set adds, when they are set one after another.
    fn shares(&mut self, set: &Set) -> Vec<Cause> {
        let mixtures = self.object.mixtures;
        let figures = |record: &Record| {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let figures = record.figures.as_ref();
            figures.map_or((0, 0), |f| (number(f.insns), number(f.states)))
        };
        let mut before = figures(&self.record(&Set::new()));
        let (mut taken, mut causes) = (Set::new(), Vec::new());
        for &index in set {
            taken.insert(index);
            let step = mixtures.completed(&taken).filter(|step| step.is_subset(set));
            let record = step.map(|step| self.record(&step));
            let after = match record {
                Some(record) if record.verdict.is_decided() => figures(&record),
                // What it adds is counted with the next one's.
                _ => before,
            };
            causes.extend(mixtures.elements().get(index).map(|element| Cause {
                element: *element,
                insns: after.0.saturating_sub(before.0),
                states: after.1.saturating_sub(before.1),
            }));
            before = after;
        }
        causes
    }
}

/// The switches to which two kernels give different values, as elements.
fn differing(a: &Kernel, b: &Kernel) -> impl Iterator<Item = Element> {
    let (a, b) = (a.semantics, b.semantics);
    SWITCHES.iter().filter_map(move |switch| {
        let (from, to) = (a.get(switch.name)?, b.get(switch.name)?);
        (from != to).then_some(Element::Switch(switch, from, to))
    })
}
