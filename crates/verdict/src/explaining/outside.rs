//! Refusals outside of the walk: by libbpf, or by the kernel before it verifies.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, OnceLock};

use verdict_btf::{Btf, Kind};
use verdict_explain::{Locals, MAX_APART, Trials, nearest, trial_without_missing};
use verdict_kernel::prog::AttachType;
use verdict_kernel::rule::Rule;
use verdict_loader::{Manner, Object, section_names};
use verdict_report::explanation::{Change, Explanation, Remedy, Tried};
use verdict_report::{Need, Record, Refusal};

use crate::OpenObject;
use crate::answer::End;
use crate::bridge::Taken;
use crate::together::Known;
use crate::verifier::Request;

use super::Explaining;

/// Most programs that are loaded beside one to see whether that is what is missing.
const MAX_ALSO: usize = 64;

/// The object opened again with weak externs, when that is asked for first.
pub(crate) struct Reopened<'v> {
    bytes: Option<(Vec<u8>, Manner)>,
    weak: OnceLock<Option<Box<OpenObject<'v>>>>,
    locals: OnceLock<Option<Locals>>,
}

impl<'v> Reopened<'v> {
    /// Nothing is opened yet.
    pub(crate) fn new(bytes: Option<(Vec<u8>, Manner)>) -> Reopened<'v> {
        Reopened {
            bytes,
            weak: OnceLock::new(),
            locals: OnceLock::new(),
        }
    }
}

/// How the types of tracepoints are called.
const TRACEPOINT: &str = "btf_trace_";

/// Where the names of a kernel's functions and tracepoints are, by their first letters and their lengths.
#[derive(Debug, Default)]
pub(crate) struct FunctionNames {
    by_shape: BTreeMap<(u8, usize), Vec<u32>>,
    /// What was found behind which prefix for which name: programs of an object ask for the same again and again.
    found: Mutex<HashMap<(&'static str, String), Vec<String>>>,
}

/// For how many names it is kept what was found for them.
const MAX_FOUND: usize = 4_096;

impl FunctionNames {
    fn of(btf: &Btf) -> FunctionNames {
        let mut by_shape: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for ty in btf
            .types()
            .filter(|ty| ty.is_func() || ty.kind() == Kind::Typedef)
        {
            if let Some(name) = btf.string(ty.name_off())
                && let Some(first) = name.first()
                && (ty.is_func() || name.starts_with(TRACEPOINT.as_bytes()))
            {
                by_shape
                    .entry((*first, name.len()))
                    .or_default()
                    .push(ty.name_off());
            }
        }
        let found = Mutex::default();
        FunctionNames { by_shape, found }
    }

    /// The names behind a prefix that are nearly this one.
    fn near(&self, btf: &Btf, prefix: &'static str, name: &str) -> Vec<String> {
        let key = (prefix, name.to_owned());
        let known = |found: &HashMap<_, Vec<String>>| found.get(&key).cloned();
        if let Some(near) = self.found.lock().ok().and_then(|found| known(&found)) {
            return near;
        }
        let like = self.like(btf, prefix, name);
        let near = nearest(name, like.filter_map(|other| other.strip_prefix(prefix)));
        if let Ok(mut found) = self.found.lock()
            && found.len() < MAX_FOUND
        {
            found.insert(key, near.clone());
        }
        near
    }

    /// The names that begin with the letter of a prefix and are nearly as long as the prefix and a name together.
    fn like<'b>(&'b self, btf: &'b Btf, prefix: &'b str, name: &str) -> impl Iterator<Item = &'b str> {
        let letter = prefix.bytes().chain(name.bytes()).next().unwrap_or(0);
        let len = prefix.len() + name.len();
        let lengths = len.saturating_sub(MAX_APART)..=len.saturating_add(MAX_APART);
        let names = lengths.filter_map(move |len| self.by_shape.get(&(letter, len)));
        let of_kind = move |name: &&str| (prefix == TRACEPOINT) == name.starts_with(TRACEPOINT);
        names.flatten().map(|offset| btf.name(*offset)).filter(of_kind)
    }
}

impl fmt::Debug for Reopened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reopened")
    }
}

impl<'v> OpenObject<'v> {
    /// Explains what was refused outside of the walk.
    pub(crate) fn explain_outside(&self, index: usize, record: &Record, refusal: &Refusal) -> Explanation {
        let mut out = Explanation::by(refusal.rule);
        if let Some(need) = &refusal.need {
            self.explain_need(&mut out, need, record);
        }
        match refusal.rule {
            Rule::UnresolvedExtern => self.try_weak(index, &mut out),
            Rule::MapContents => self.try_also(index, record, &mut out),
            Rule::SectionName => section_name(&mut out, record),
            Rule::AttachTarget if refusal.need.is_none() => {
                out.notes.push(
                    "the program attaches to a function or program that neither its section nor the loader names".to_owned(),
                );
            }
            Rule::StructOpsMap => {
                out.remedies.push(Remedy::untried(
                    "make the map optional (`SEC(\"?.struct_ops\")`), so that libbpf leaves it and its programs out where the kernel has no such struct",
                ));
            }
            _ => {}
        }
        out.with_general_remedy()
    }

    /// What the kernel lacks, and what it has that is called nearly so.
    fn explain_need(&self, out: &mut Explanation, need: &Need, record: &Record) {
        let kernel = &self.verifier.kernel;
        let near = match need {
            Need::Kfunc(name) => self.near_function("", name),
            Need::AttachTarget(name) => self.near_target(name, record),
            Need::Type(name) => near_member(&kernel.btf, name),
            _ => Vec::new(),
        };
        out.notes.push(format!(
            "{need}: this kernel has it neither itself nor, as far as is known, in a module"
        ));
        if !near.is_empty() {
            out.remedies
                .push(Remedy::untried(format!("did you mean `{}`?", near.join("`, `"))));
        }
    }

    /// What programs of the same kind can be attached to that is called nearly so.
    fn near_target(&self, name: &str, record: &Record) -> Vec<String> {
        let figures = record.figures.as_ref();
        let attach = figures.and_then(|figures| AttachType::from_name(&figures.attach_type));
        match attach {
            Some(AttachType::LsmMac | AttachType::LsmCgroup) => self.near_function("bpf_lsm_", name),
            Some(AttachType::TraceIter) => self.near_function("bpf_iter_", name),
            Some(AttachType::TraceRawTp) => self.near_function(TRACEPOINT, name),
            _ => self.near_function("", name),
        }
    }

    /// The kernel's functions that are called nearly so behind a prefix.
    fn near_function(&self, prefix: &'static str, name: &str) -> Vec<String> {
        let verifier = self.verifier;
        let btf = &verifier.kernel.btf;
        let names = verifier.functions.get_or_init(|| FunctionNames::of(btf));
        names.near(btf, prefix, name)
    }

    /// Tries the program with weak externs, where calls of what is missing are not reached.
    fn try_weak(&self, index: usize, out: &mut Explanation) {
        let words = "declare what is missing `__weak`, and use it only where bpf_ksym_exists() says that it is there: the object's other programs load then, too";
        let Explaining::Trials { insns } = self.verifier.explaining else {
            out.remedies.push(Remedy::untried(words));
            return;
        };
        let mut changes = Vec::new();
        let accepted = self.weak().is_some_and(|weak| {
            let mut trials = Trials::new(&self.verifier.kernel, insns);
            let loaded = weak.load(index, &mut |kernel, prog| {
                let (outcome, unreached) = trial_without_missing(kernel, prog, &mut trials);
                changes = unreached;
                outcome
            });
            matches!(loaded.end, End::Accepted)
        });
        changes.insert(0, Change::Weak);
        out.remedies.insert(
            0,
            Remedy {
                tried: if accepted { Tried::Verified } else { Tried::Untried },
                changes,
                ..Remedy::untried(words)
            },
        );
    }

    /// Its variables by their places, when something is rejected first.
    pub(super) fn locals(&self) -> Option<&Locals> {
        let read = self.reopened.locals.get_or_init(|| {
            let (bytes, _) = self.reopened.bytes.as_ref()?;
            super::dwarf::locals(bytes)
        });
        read.as_ref()
    }

    /// The object with weak externs.
    pub(crate) fn weak(&self) -> Option<&OpenObject<'v>> {
        let opened = self.reopened.weak.get_or_init(|| {
            let (bytes, manner) = self.reopened.bytes.as_ref()?;
            let object = Object::open_weak(&self.file_name, bytes, &self.verifier.kernel, manner).ok()?;
            Some(Box::new(OpenObject {
                verifier: self.verifier,
                file_name: self.file_name.clone(),
                name: self.name.clone(),
                programs: self.programs.clone(),
                object,
                targets: self.targets.clone(),
                reopened: Reopened::new(None),
                left_out: Vec::new(),
                taken: Taken::default(),
                together: Known::default(),
            }))
        });
        opened.as_deref()
    }

    /// Tries to load the programs, too, that a map of the object names.
    fn try_also(&self, index: usize, record: &Record, out: &mut Explanation) {
        let mut words = record.libbpf.clone().unwrap_or_default();
        let mut also: Vec<usize> = Vec::new();
        let mut accepted = false;
        while let Some(missing) = self.missing_program(&words) {
            if also.contains(&missing) || missing == index || also.len() >= MAX_ALSO {
                break;
            }
            also.push(missing);
            if !matches!(self.verifier.explaining, Explaining::Trials { .. }) {
                break;
            }
            let request = Request {
                also: &also,
                flags: self.verifier.flags(),
                rules: None,
            };
            let ask = &mut |kernel: &_, prog: &_| {
                verdict_engine::verify(kernel, prog, &mut verdict_engine::observer::Silent)
            };
            match self.load_with(index, request, ask).end {
                End::Libbpf(_, messages) => words = messages.join("\n"),
                End::Accepted => {
                    accepted = true;
                    break;
                }
                End::Kernel(_) | End::Unsupported(_) | End::GaveUp(_) => break,
            }
        }
        if also.is_empty() {
            return;
        }
        let programs: Vec<String> = also.iter().map(|at| self.program_name(*at).to_owned()).collect();
        let shown = programs.join("`, `");
        out.notes.push(format!(
            "a program array of the object names `{shown}`, which is not loaded when this program is loaded alone"
        ));
        out.remedies.push(Remedy {
            tried: if accepted { Tried::Verified } else { Tried::Untried },
            changes: vec![Change::Also { programs }],
            ..Remedy::untried(format!("load `{shown}`, too, as loading the whole object does"))
        });
    }

    /// The program that a program array was to be filled with.
    fn missing_program(&self, words: &str) -> Option<usize> {
        let line = words
            .lines()
            .find(|line| line.contains("failed to initialize slot"))?;
        let name = line.split(" to prog '").nth(1)?.split('\'').next()?;
        self.position(name)
    }
}

/// Members of a struct that are called nearly as one that it does not have: `struct task_struct.gone`.
fn near_member(btf: &Btf, path: &str) -> Vec<String> {
    let Some((ty, member)) = path.trim_start_matches("struct ").split_once('.') else {
        return Vec::new();
    };
    let member = member.split(['.', '[']).next().unwrap_or_default();
    let found = btf.find(ty, Kind::Struct).and_then(|id| btf.ty(id));
    found.map_or_else(Vec::new, |ty| {
        nearest(member, ty.members().map(|member| member.name()))
    })
}

/// A section that libbpf does not know, or a program that nothing uses.
fn section_name(out: &mut Explanation, record: &Record) {
    let words = record.libbpf.as_deref().unwrap_or_default();
    if let Some(name) = words
        .split("check ELF section name '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
    {
        out.notes.push(format!("libbpf knows no section `{name}`"));
        let (first, rest) = name
            .split_once('/')
            .map_or((name, ""), |(first, rest)| (first, rest));
        let with_rest = |near: String| {
            if rest.is_empty() {
                near
            } else {
                format!("{near}/{rest}")
            }
        };
        // What stands behind the slash may belong to the name: `cgroup/connect4`.
        let mut near = nearest(name, section_names());
        if near.is_empty() {
            near = nearest(first, section_names())
                .into_iter()
                .map(with_rest)
                .collect();
        }
        let words = match near.as_slice() {
            [] => "name the section as libbpf knows it (`verdict explain V0637`), or set the type by bpf_program__set_type()".to_owned(),
            near => format!("did you mean `SEC(\"{}\")`?", near.join("\")` or `SEC(\"")),
        };
        out.remedies.push(Remedy::untried(words));
    } else if words.contains("isn't referenced anywhere") {
        out.notes.push("a struct_ops program belongs to a member of a struct in `SEC(\".struct_ops\")`, and none names this one".to_owned());
        out.remedies.push(Remedy::untried(
            "put the program into a struct in `SEC(\".struct_ops.link\")` or `SEC(\".struct_ops\")`, or take it out of the object",
        ));
    }
}
