//! The values of switches at which real kernels were compared: a kernel has the value, verdict agrees with it on a program of the
//! corpus, and under another value it would not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use rayon::prelude::*;
use verdict::kernel::semantics::{Provenance, Switch};
use verdict::kernel::{KNOWN, Kernel, SWITCHES};
use verdict::{Options, Verifier};
use verdict_capture::{objects, read, settle};
use verdict_report::Record;

use crate::corpus::files_in;
use crate::logs::LogCheck;
use crate::parity::agrees;
use crate::root;
use crate::workers::file_name;

/// The profile whose types and tables newer kernels' answers are held to, and the one whose settings come nearest.
const TYPES: &str = "6.12.117-deb12-amd64";
const SETTINGS: &str = "6.18.15-deb13-amd64";

/// Objects of the corpus that show values of switches on a kernel that has them, where a switch's own object shows them only on
/// kernels that have not; `xtask coverage --search` finds them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("flexible-array", "old_values"),
    ("kfunc-arguments", "refused_kfuncs"),
    ("null-kptr", "rules_memory"),
    ("references", "bounds_pointer"),
];

/// What a value is called in the list.
pub(super) fn name(switch: &str, value: &str) -> String {
    format!("switch {switch}={value}")
}

/// All values, in the order of the table.
pub(super) fn all() -> Vec<String> {
    let values = |switch: &'static Switch| {
        let named = switch.values.iter();
        named.map(|value| name(switch.name, value.name))
    };
    SWITCHES.iter().flat_map(values).collect()
}

/// The values that were compared, and where.
///
/// # Errors
/// Names a file that cannot be read.
pub(super) fn compared() -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let kernels = recorded()?;
    let seen = SWITCHES.par_iter().flat_map_iter(|switch| {
        let values = switch.values.iter();
        values.filter_map(|value| {
            Some((
                name(switch.name, value.name),
                by_profile(&kernels, switch, value.name)?,
            ))
        })
    });
    found.extend(seen.collect::<Vec<_>>());
    let captures = files_in(&root().join("golden/captures"), ".jsonl.gz")?;
    let captured = captures.par_iter().map(|file| by_capture(file));
    for (value, place) in captured
        .collect::<Result<Vec<_>, String>>()?
        .into_iter()
        .flatten()
    {
        found.entry(value).or_insert(place);
    }
    Ok(found)
}

/// Looks through the whole corpus for programs that show these values, and prints them.
///
/// # Errors
/// Names a file that cannot be read.
pub(super) fn search(wanted: &[&str]) -> Result<(), String> {
    let kernels = recorded()?;
    let objects: BTreeSet<&str> = kernels
        .iter()
        .flat_map(|recorded| recorded.records.keys().map(|(object, _)| object.as_str()))
        .collect();
    let values = SWITCHES
        .iter()
        .flat_map(|switch| switch.values.iter().map(move |value| (switch, value.name)));
    let values: Vec<_> = values
        .filter(|(switch, value)| wanted.contains(&name(switch.name, value).as_str()))
        .collect();
    values.par_iter().for_each(|(switch, value)| {
        let found = objects
            .iter()
            .find_map(|object| by_object(&kernels, switch, value, object));
        println!(
            "{}: {}",
            name(switch.name, value),
            found.as_deref().unwrap_or("nothing shows it")
        );
    });
    Ok(())
}

/// The known kernels.
fn recorded() -> Result<Vec<Recorded>, String> {
    KNOWN.iter().map(|known| Recorded::read(known.name)).collect()
}

/// A known kernel, and what it said of the corpus.
struct Recorded {
    kernel: Kernel,
    records: BTreeMap<(String, String), Record>,
}

impl Recorded {
    fn read(name: &str) -> Result<Recorded, String> {
        let file = root().join("golden").join(name).join("corpus.jsonl");
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let records = text.lines().map(|line| {
            let record: Record =
                serde_json::from_str(line).map_err(|e| format!("{}: {e}: {line}", file.display()))?;
            Ok((
                (record.object.clone(), record.program.clone().unwrap_or_default()),
                record,
            ))
        });
        Ok(Recorded {
            kernel: Kernel::open(name).map_err(|e| e.to_string())?,
            records: records.collect::<Result<_, String>>()?,
        })
    }
}

/// The first kernel and program that show a value.
fn by_profile(kernels: &[Recorded], switch: &Switch, value: &str) -> Option<String> {
    let own = std::iter::once(switch.corpus);
    let others = ELSEWHERE.iter().filter(|(name, _)| *name == switch.name);
    own.chain(others.map(|(_, object)| *object))
        .find_map(|object| by_object(kernels, switch, value, &format!("{object}.bpf.o")))
}

/// The first kernel and program of an object that show a value.
fn by_object(kernels: &[Recorded], switch: &Switch, value: &str, object: &str) -> Option<String> {
    let bytes = fs::read(root().join("corpus").join(object)).ok()?;
    let of_value = kernels
        .iter()
        .filter(|recorded| recorded.kernel.semantics.get(switch.name) == Some(value));
    for recorded in of_value {
        let ours = said(recorded.kernel.clone(), object, &bytes);
        let agreeing = ours.iter().filter(|&(program, record)| {
            let key = (object.to_owned(), program.to_owned());
            recorded
                .records
                .get(&key)
                .is_some_and(|golden| agrees(golden, record))
        });
        let agreeing: Vec<_> = agreeing.collect();
        for other in switch.values.iter().filter(|other| other.name != value) {
            let Some(changed) = with(&recorded.kernel, switch, other.name) else {
                continue;
            };
            let theirs = said(changed, object, &bytes);
            let told = agreeing
                .iter()
                .find(|(program, record)| theirs.get(*program) != Some(*record));
            if let Some((program, _)) = told {
                return Some(format!("{} {object} {program}", recorded.kernel.name));
            }
        }
    }
    None
}

/// The kernel with another value, and with what that value presupposes, or what presupposed the one before.
fn with(kernel: &Kernel, switch: &Switch, value: &'static str) -> Option<Kernel> {
    let mut set = BTreeMap::from([(switch.name, value)]);
    loop {
        let values = set.iter().map(|(name, value)| (*name, *value));
        if let Ok(changed) = kernel.clone().with_switches(values) {
            return Some(changed);
        }
        let mut wanted = set.clone();
        for other in SWITCHES {
            adapt(kernel, other, &set, &mut wanted);
        }
        if wanted == set {
            return None;
        }
        set = wanted;
    }
}

/// A setting by the name of its switch.
type Settings = BTreeMap<&'static str, &'static str>;

/// Adds what a switch that is set presupposes, or another value of one that presupposes something else than is set.
fn adapt(kernel: &Kernel, switch: &'static Switch, set: &Settings, wanted: &mut Settings) {
    let needs = |value: &str| {
        let value = value.to_owned();
        switch.prerequisites.iter().filter(move |one| one.value == value)
    };
    if let Some(value) = set.get(switch.name) {
        for one in needs(value) {
            wanted.entry(one.needs).or_insert(one.to_be);
        }
        return;
    }
    let fits = |value: &str| needs(value).all(|one| set.get(one.needs).is_none_or(|is| *is == one.to_be));
    let misfit = kernel
        .semantics
        .get(switch.name)
        .is_some_and(|value| !fits(value));
    let instead = switch.values.iter().find(|value| fits(value.name));
    if let Some(instead) = instead.filter(|_| misfit) {
        wanted.insert(switch.name, instead.name);
    }
}

/// What verdict says of an object's programs, with the checksums of level-2 logs.
fn said(kernel: Kernel, name: &str, bytes: &[u8]) -> BTreeMap<String, Record> {
    let verifier = Verifier::new(kernel, Options::default());
    let Ok(object) = verifier.open(name, bytes) else {
        return BTreeMap::new();
    };
    let programs = object.programs().map(|program| {
        let mut record = program.check().record;
        if let Some(figures) = &mut record.figures {
            figures.usec = None;
        }
        let mut log = LogCheck::against(None);
        if program.log(2, &mut log).is_ok() {
            record.log_sha256 = Some(log.finish().0);
        }
        (program.name().to_owned(), record)
    });
    programs.collect()
}

/// The values that the answers of a kernel show which is no profile.
fn by_capture(file: &Path) -> Result<Vec<(String, String)>, String> {
    let text = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let answers = read(File::open(file).map_err(|e| text(&e))?).map_err(|e| text(&e))?;
    let open = |name| Kernel::open(name).map_err(|e| text(&e));
    let mut base = open(TYPES)?;
    base.semantics = open(SETTINGS)?.semantics;
    let settled =
        settle([(SETTINGS, base)], objects(), &answers).ok_or_else(|| text(&"no settings come near"))?;
    let seen = SWITCHES.iter().filter_map(|switch| {
        let probed = matches!(
            settled.kernel.evidence.get(switch.name),
            Some(Provenance::Probed(_))
        );
        let value = settled.kernel.semantics.get(switch.name).filter(|_| probed)?;
        Some((
            name(switch.name, value),
            format!("golden/captures/{}", file_name(file)),
        ))
    });
    Ok(seen.collect())
}
