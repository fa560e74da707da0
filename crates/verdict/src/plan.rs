//! Load plans: what a tool's loader sets before it loads objects, as a `verdict.toml` says it.

#[cfg(feature = "std-io")]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;
use verdict_kernel::Kernel;
use verdict_kernel::map::MapType;
use verdict_kernel::near::distance;
use verdict_loader::{Globals, MapPlan, OpenEnd, PlanError};

use crate::{OpenObject, PlanFileError, names};

#[cfg(feature = "std-io")]
pub use source::PlanSource;

/// The file's name.
pub const FILE: &str = "verdict.toml";

/// The plans of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans {
    entries: Vec<Entry>,
}

/// What is said of some objects on some kernels.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// File names of objects, with `*` for anything; all objects without any.
    #[serde(default)]
    objects: Names,
    /// Kernels by name or alias; all kernels without any.
    #[serde(default)]
    kernels: Names,
    #[serde(default)]
    maps: BTreeMap<String, MapEntry>,
    /// Initial values of globals, by the left sides of `-G`.
    #[serde(default)]
    globals: BTreeMap<String, toml::Value>,
    #[serde(default)]
    programs: BTreeMap<String, ProgramEntry>,
    /// Alternatives: programs or lists of programs, of which the first is loaded whose targets the kernel has.
    #[serde(default)]
    one_of: Vec<Alternative>,
    /// The directory from which paths are seen.
    #[serde(skip)]
    dir: PathBuf,
}

/// One name or several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Names::Several(Vec::new())
    }
}

impl Names {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names.as_slice(),
        };
        names.iter().map(String::as_str)
    }

    /// Whether one of the names fits, or there are none.
    fn admits(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.iter().next().is_none() || self.iter().any(fits)
    }
}

/// In a list of alternatives: a program, several that go together, or, in a list of lists of alternatives, such a list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Alternative {
    Program(String),
    Several(Vec<Alternative>),
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MapEntry {
    #[serde(rename = "type")]
    map_type: Option<String>,
    key_size: Option<u32>,
    value_size: Option<u32>,
    max_entries: Option<u32>,
    flags: Option<u32>,
    inner: Option<Box<MapEntry>>,
    /// Where the map is pinned, which decides nothing here.
    #[serde(rename = "pin")]
    _pin: Option<IgnoredString>,
}

/// Text that is not minded.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct IgnoredString(#[allow(dead_code, reason = "is read, and then ignored")] String);

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProgramEntry {
    autoload: Option<bool>,
    /// The section that the program is to be in: type, attach type, flags and target as its name says. Of several, the first
    /// whose target the kernel has.
    section: Option<Names>,
    /// The program that it attaches to: `OBJECT:PROGRAM` or `OBJECT:PROGRAM/FUNCTION`, from the file's directory. Of several,
    /// the first that is loaded on that kernel.
    attach_to: Option<Names>,
}

/// A file with plans, beside what else it may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    plan: Vec<Entry>,
    #[serde(default, rename = "objects")]
    _objects: Option<IgnoredAny>,
    #[serde(default, rename = "budget")]
    _budget: Option<IgnoredAny>,
}

impl Plans {
    /// Reads a `verdict.toml`.
    ///
    /// # Errors
    /// Says where it is not one.
    pub fn parse(text: &str) -> Result<Plans, PlanFileError> {
        Plans::parse_text(text).map_err(PlanFileError::new)
    }

    fn parse_text(text: &str) -> Result<Plans, String> {
        let file: File = toml::from_str(text).map_err(|e| guessed(&e.to_string()))?;
        let plans = Plans { entries: file.plan };
        for entry in &plans.entries {
            entry
                .maps
                .iter()
                .try_for_each(|(name, map)| map.plan(name).map(drop))?;
            entry.globals()?;
            entry.groups().map(drop)?;
        }
        Ok(plans)
    }

    /// The plan that options make: `MAP.ATTRIBUTE=VALUE`, programs to leave out, `PROGRAM=SECTION`.
    ///
    /// # Errors
    /// When one of them makes none.
    pub fn of_options(
        maps: &[String],
        left_out: &[String],
        sections: &[String],
    ) -> Result<Plans, PlanFileError> {
        let mut entry = Entry::default();
        for option in maps {
            let expected = || PlanFileError::new(format!("--map {option}: expected MAP.ATTRIBUTE=VALUE"));
            let (place, value) = option.split_once('=').ok_or_else(expected)?;
            let (map, key) = place.trim().rsplit_once('.').ok_or_else(expected)?;
            let value = value.trim();
            let quoted = if key == "type" {
                format!("{value:?}")
            } else {
                value.to_owned()
            };
            let text = format!("[[plan]]\nmaps.{map:?}.{key} = {quoted}\n");
            let plans = Plans::parse(&text).map_err(|e| e.of(format_args!("--map {option}")))?;
            for (name, set) in plans.entries.into_iter().flat_map(|entry| entry.maps) {
                entry.maps.entry(name).or_default().add(set);
            }
        }
        for name in left_out {
            entry.programs.entry(name.clone()).or_default().autoload = Some(false);
        }
        for option in sections {
            let pair = option
                .split_once('=')
                .map(|(name, section)| (name.trim(), section.trim()));
            let (name, section) = pair
                .ok_or_else(|| PlanFileError::new(format!("--section {option}: expected PROGRAM=SECTION")))?;
            entry.programs.entry(name.to_owned()).or_default().section = Some(Names::One(section.to_owned()));
        }
        let empty = entry == Entry::default();
        Ok(Plans {
            entries: if empty { Vec::new() } else { vec![entry] },
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl MapEntry {
    /// Takes over what the other one says.
    fn add(&mut self, other: MapEntry) {
        self.map_type = other.map_type.or(self.map_type.take());
        self.key_size = other.key_size.or(self.key_size);
        self.value_size = other.value_size.or(self.value_size);
        self.max_entries = other.max_entries.or(self.max_entries);
        self.flags = other.flags.or(self.flags);
        self.inner = other.inner.or(self.inner.take());
    }

    fn plan(&self, name: &str) -> Result<MapPlan, String> {
        let map_type = self.map_type.as_deref().map(|ty| {
            let known = (0..64)
                .filter_map(MapType::from_raw)
                .find(|known| known.name() == ty);
            known.map(MapType::raw).ok_or_else(|| {
                let names: Vec<_> = (0..64).filter_map(MapType::from_raw).map(MapType::name).collect();
                let steps = |known: &str| distance(ty, known, usize::MAX);
                let near = names
                    .iter()
                    .filter_map(|known| Some((steps(known)?, *known)))
                    .min();
                let meant = near.map(|(_, near)| format!(": did you mean '{near}'?"));
                format!(
                    "map '{name}': no map type is called '{ty}'{}",
                    meant.unwrap_or_default()
                )
            })
        });
        let inner = self.inner.as_ref().map(|inner| inner.plan(name).map(Box::new));
        Ok(MapPlan {
            map_type: map_type.transpose()?,
            key_size: self.key_size,
            value_size: self.value_size,
            max_entries: self.max_entries,
            map_flags: self.flags,
            inner: inner.transpose()?,
        })
    }
}

impl Entry {
    fn is_for(&self, object: &[&str], kernel: &Kernel) -> bool {
        let (major, minor, patch) = kernel.version;
        // A directory may be called anything.
        let version = format!("{major}.{minor}.{patch}");
        let of_kernel = |name: &str| {
            [&kernel.name, &version].into_iter().any(|full| {
                let rest = full.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
            })
        };
        let is_it = |pattern: &str| object.iter().any(|name| glob_matches(pattern, name));
        self.objects.admits(is_it) && self.kernels.admits(of_kernel)
    }

    fn globals(&self) -> Result<Globals, String> {
        let mut globals = Globals::default();
        for (name, value) in &self.globals {
            let text = match value {
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(set) => u8::from(*set).to_string(),
                toml::Value::String(text) => text.clone(),
                other => {
                    return Err(format!(
                        "global '{name}': expected a number or an enumerator, not a {}",
                        other.type_str()
                    ));
                }
            };
            globals
                .add(&format!("{name} = {text}"))
                .map_err(|e| e.to_string())?;
        }
        Ok(globals)
    }

    /// Groups of alternatives, each a list of programs.
    fn groups(&self) -> Result<Vec<Vec<Vec<&str>>>, String> {
        let nested = |alternative: &Alternative| matches!(alternative, Alternative::Several(_));
        // A list of programs is a group; a list of lists, several groups.
        if self.one_of.iter().any(|alternative| !nested(alternative)) {
            return Ok(vec![self.one_of.iter().map(programs).collect::<Result<_, _>>()?]);
        }
        let groups = self.one_of.iter().map(|group| match group {
            Alternative::Several(alternatives) => alternatives.iter().map(programs).collect(),
            Alternative::Program(name) => Ok(vec![vec![name.as_str()]]),
        });
        groups.collect()
    }
}

fn programs(alternative: &Alternative) -> Result<Vec<&str>, String> {
    match alternative {
        Alternative::Program(name) => Ok(vec![name]),
        Alternative::Several(names) => names
            .iter()
            .map(|name| match name {
                Alternative::Program(name) => Ok(name.as_str()),
                Alternative::Several(_) => Err("one-of: expected names of programs".to_owned()),
            })
            .collect(),
    }
}

/// An error about a name that is not known, with the one that may be meant: ``unknown field `x`, expected one of `y`, `z` ``.
fn guessed(error: &str) -> String {
    let Some((_, rest)) = error.split_once("unknown field `") else {
        return error.to_owned();
    };
    let unknown = rest.split('`').next().unwrap_or_default();
    let known = rest.split('`').skip(2).step_by(2);
    let nearest = known
        .filter_map(|name| Some((distance(unknown, name, usize::MAX)?, name)))
        .min();
    match nearest {
        Some((steps, name)) if steps <= unknown.len().max(name.len()) / 3 + 1 => {
            format!("{}: did you mean `{name}`?\n", error.trim_end())
        }
        _ => error.to_owned(),
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn glob_matches(pattern: &str, name: &str) -> bool {
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(name))
}

/// Most maps that are listed: each program of an object says so.
const MAX_LISTED: usize = 32;

/// A list in words.
fn listed(all: &[String]) -> String {
    let some = all
        .get(..MAX_LISTED.min(all.len()))
        .unwrap_or_default()
        .join("; ");
    match all.len().saturating_sub(MAX_LISTED) {
        0 => some,
        more => format!("{some}; and {more} others"),
    }
}

/// A program that a plan leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The program.
    pub program: String,
    /// What is loaded in its place, if it is one of several alternatives.
    pub for_another: Option<String>,
}

impl LeftOut {
    fn of(name: &str, for_another: Option<&str>) -> LeftOut {
        LeftOut {
            program: name.to_owned(),
            for_another: for_another.map(str::to_owned),
        }
    }
}

impl OpenObject<'_> {
    /// Does to the object what the plans for it say. Later entries add to earlier ones.
    ///
    /// # Errors
    /// When a plan names what the object does not have. The object is of no use then.
    pub fn apply(&mut self, plans: &Plans) -> Result<(), PlanError> {
        self.apply_within(plans, (None, 0))
    }

    /// The same of an object that is so deep in a chain of programs that attach to one another. If only one of its
    /// programs is loaded, no other one is attached.
    pub(crate) fn apply_within(
        &mut self,
        plans: &Plans,
        (only, depth): (Option<&str>, u32),
    ) -> Result<(), PlanError> {
        for entry in &plans.entries {
            if entry.is_for(&self.names(), self.kernel()) {
                self.apply_entry(entry, (only, depth))?;
            }
        }
        // Without those that are left out.
        self.programs = names::of_programs(&self.object);
        Ok(())
    }

    /// The names by which plans may call the object: its library's, the one of answers, and that without directories.
    fn names(&self) -> [&str; 3] {
        let called = self.name.as_str();
        let base = called.rsplit('/').next().unwrap_or(called);
        [&self.file_name, called, base]
    }

    fn apply_entry(&mut self, entry: &Entry, (only, depth): (Option<&str>, u32)) -> Result<(), PlanError> {
        // A pattern may be for several objects, not all of which have everything.
        let names_one = entry.objects.iter().all(|name| self.names().contains(&name))
            && entry.objects.iter().next().is_some();
        let minded = |done: Result<(), PlanError>| match done {
            Err(error) if error.foreign && !names_one => Ok(()),
            done => done,
        };
        for (name, map) in &entry.maps {
            let plan = map.plan(name).map_err(PlanError::new)?;
            minded(self.object.plan_map(name, &plan))?;
        }
        let globals = entry.globals().map_err(PlanError::new)?;
        let set = self.object.set_globals(&globals).map_err(|e| PlanError {
            message: e.to_string(),
            foreign: true,
        });
        minded(set)?;
        for (name, program) in &entry.programs {
            for section in program.section.iter().flat_map(Names::iter) {
                minded(self.object.plan_section(name, section))?;
                if self.object.has_target(name, self.kernel()).unwrap_or(true) {
                    break;
                }
            }
        }
        for group in entry.groups().map_err(PlanError::new)? {
            minded(self.choose(&group))?;
        }
        let before: BTreeSet<_> = self.left_out.iter().map(|left| left.program.clone()).collect();
        let out = entry.programs.iter().filter(|(_, p)| p.autoload == Some(false));
        let out: Vec<_> = out
            .map(|(name, _)| name.as_str())
            .filter(|name| !before.contains(*name))
            .collect();
        for (name, done) in out.iter().zip(self.object.leave_out(&out)) {
            let there = done.is_ok();
            minded(done)?;
            if there {
                self.left_out.push(LeftOut::of(name, None));
            }
        }
        let loaded = |name: &String| only.is_none_or(|only| only == name);
        for (name, program) in entry.programs.iter().filter(|(name, _)| loaded(name)) {
            if let Some(places) = &program.attach_to
                && self.left_out.iter().all(|left| left.program != *name)
            {
                minded(self.attach_planned(name, (places, &entry.dir), depth))?;
            }
        }
        Ok(())
    }

    #[cfg(not(feature = "std-io"))]
    fn attach_planned(&mut self, name: &str, _: (&Names, &std::path::Path), _: u32) -> Result<(), PlanError> {
        let why = "attach-to names a file, and this build of the library reads none";
        Err(PlanError::new(format!("program '{name}': {why}")))
    }

    /// Leaves out all alternatives but the first whose targets the kernel has, or all but the last.
    fn choose(&mut self, group: &[Vec<&str>]) -> Result<(), PlanError> {
        let mut chosen = None;
        for (at, names) in group.iter().enumerate() {
            let mut there = true;
            for name in names {
                there &= self.object.has_target(name, self.kernel())?;
            }
            if there && chosen.is_none() {
                chosen = Some(at);
            }
        }
        let chosen = chosen.unwrap_or(group.len().saturating_sub(1));
        let kept = group.get(chosen).map(Vec::as_slice).unwrap_or_default();
        let instead = kept.first().copied();
        for name in group.iter().flatten().filter(|name| !kept.contains(name)) {
            if self.left_out.iter().all(|left| left.program != **name) {
                self.object
                    .leave_out(&[*name])
                    .into_iter()
                    .collect::<Result<(), _>>()?;
                self.left_out.push(LeftOut::of(name, instead));
            }
        }
        Ok(())
    }

    /// The programs that plans leave out.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// What the object leaves open of its maps, and its plans do not say.
    pub fn open_ends(&self) -> Vec<OpenEnd> {
        self.object.open_ends()
    }

    /// What is taken for granted of maps whose sizes neither the object nor its plans say; `None` if nothing is.
    pub fn assumed(&self) -> Option<String> {
        let ends = self.open_ends();
        let assumed = ends.iter().filter_map(|end| {
            let value = end.assumed?;
            Some(format!("{}: {value} is assumed", described(end)))
        });
        let assumed: Vec<_> = assumed.collect();
        (!assumed.is_empty()).then(|| listed(&assumed))
    }

    /// What has to be said so that the object's maps can be created; `None` if they can.
    pub fn needs_plan(&self) -> Option<String> {
        let ends = self.open_ends();
        let needed: Vec<_> = ends
            .iter()
            .filter(|end| end.assumed.is_none())
            .map(described)
            .collect();
        (!needed.is_empty()).then(|| format!("{NEEDS}{}", listed(&needed)))
    }

    /// A plan for the object, with everything that it leaves open, to be filled in.
    pub fn draft(&self) -> String {
        let name = self.names().last().copied().unwrap_or_default();
        let mut text = format!("[[plan]]\nobjects = {name:?}\n");
        let ends = self.open_ends();
        let mut last = None;
        for end in &ends {
            if last != Some(&end.map) {
                let _ = writeln!(text, "\n[plan.maps.{:?}] # {}", end.map, type_name(end.map_type));
                last = Some(&end.map);
            }
            let key = end.what.key();
            let _ = match (end.what, end.assumed) {
                (verdict_loader::Missing::Inner, _) => writeln!(
                    text,
                    "inner = {{ type = \"hash\", key-size = 4, value-size = 8, max-entries = 1 }} # which?"
                ),
                (_, Some(assumed)) => writeln!(text, "{key} = {assumed} # assumed"),
                (_, None) => writeln!(text, "{key} = 0 # which?"),
            };
        }
        for index in 0..self.object.program_count() {
            let name = self.object.program_name(index);
            let there = self.object.has_target(name, self.kernel()).unwrap_or(true);
            if self.object.is_untyped(index) {
                let _ = writeln!(
                    text,
                    "\n[plan.programs.{name:?}]\nsection = \"\" # its own says no type"
                );
            } else if !there {
                let _ = writeln!(
                    text,
                    "\n[plan.programs.{name:?}]\nautoload = false # what it attaches to is not in {}",
                    self.kernel().name
                );
            }
        }
        text
    }
}

pub use verdict_report::NEEDS;

fn described(end: &OpenEnd) -> String {
    format!("map '{}' ({}) has {}", end.map, type_name(end.map_type), end.what)
}

fn type_name(raw: u32) -> String {
    MapType::from_raw(raw).map_or_else(|| format!("type {raw}"), |ty| ty.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files() {
        let plans = Plans::parse(
            "objects = [\"a\"]\n[[budget]]\nprograms = \"*\"\n[[plan]]\nobjects = \"a.bpf.o\"\n\
             maps.stacks = { value-size = 1016, max-entries = 10 }\nglobals = { pid = 3, \"x.y\" = \"RED\" }\n\
             programs.p.autoload = false\none-of = [\"a\", [\"b\", \"c\"]]\n",
        )
        .unwrap();
        let entry = &plans.entries[0];
        assert_eq!(entry.maps["stacks"].value_size, Some(1016));
        assert_eq!(entry.groups().unwrap(), [[vec!["a"], vec!["b", "c"]]]);
    }

    #[test]
    fn several_groups() {
        let plans =
            Plans::parse("[[plan]]\none-of = [[\"a\", \"b\"], [[\"c\", \"d\"], [\"e\", \"f\"]]]\n").unwrap();
        let groups = plans.entries[0].groups().unwrap();
        assert_eq!(groups[0], [vec!["a"], vec!["b"]]);
        assert_eq!(groups[1], [vec!["c", "d"], vec!["e", "f"]]);
    }

    #[test]
    fn mistakes() {
        let error = |text: &str| Plans::parse(text).unwrap_err().to_string();
        assert!(error("[[plan]]\nmaps.x.size = 3\n").contains("unknown field `size`"));
        let key_error = error("[[plan]]\nmaps.x.value_size = 3\n");
        assert!(key_error.contains("did you mean `value-size`?"), "{key_error}");
        let key_error = error("[[plans]]\nmaps.x.value-size = 3\n");
        assert!(key_error.contains("did you mean `plan`?"), "{key_error}");
        let type_error = error("[[plan]]\nmaps.x.type = \"stack_trac\"\n");
        assert!(type_error.contains("did you mean 'stack_trace'?"), "{type_error}");
        assert!(error("[[plan]]\nglobals.x = 1.5\n").contains("expected a number"));
    }
}
