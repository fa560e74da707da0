//! What a tool's own loader sets before it loads an object: attributes of maps, sections of programs, programs that it leaves
//! out; and what an object leaves open for it to set.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use verdict_kernel::map::MapType;
use verdict_kernel::near::distance;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::{Kernel, Ksym};

use crate::attach::find_in_kernel;
use crate::maps::{Map, MapDef};
use crate::object::Object;
use crate::program::Program;
use crate::sections::{SecDef, SecFlags};

/// Attributes of a map; what is `None` stays as the object has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapPlan {
    /// `BPF_MAP_TYPE_*`.
    pub map_type: Option<u32>,
    /// Bytes of a key.
    pub key_size: Option<u32>,
    /// Bytes of a value.
    pub value_size: Option<u32>,
    /// Number of elements.
    pub max_entries: Option<u32>,
    /// `BPF_F_*`.
    pub map_flags: Option<u32>,
    /// The maps within the map.
    pub inner: Option<Box<MapPlan>>,
}

/// An attribute of a map that the object leaves to user space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEnd {
    /// The map.
    pub map: String,
    /// `BPF_MAP_TYPE_*`.
    pub map_type: u32,
    /// What is missing.
    pub what: Missing,
    /// The value that is assumed in its place; without one, the map cannot be created.
    pub assumed: Option<u32>,
}

/// What may be missing of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Bytes of a key.
    KeySize,
    /// Bytes of a value.
    ValueSize,
    /// Number of elements.
    MaxEntries,
    /// The maps within it.
    Inner,
}

impl Missing {
    /// The attribute's key in a load plan.
    pub fn key(self) -> &'static str {
        match self {
            Missing::KeySize => "key-size",
            Missing::ValueSize => "value-size",
            Missing::MaxEntries => "max-entries",
            Missing::Inner => "inner",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing::KeySize => "no key size",
            Missing::ValueSize => "no value size",
            Missing::MaxEntries => "no number of elements",
            Missing::Inner => "no inner map",
        })
    }
}

/// A load plan that does not fit the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// In words.
    pub message: String,
    /// Whether it may be for another object: it names what this one does not have, nor anything of a like name.
    pub foreign: bool,
}

impl PlanError {
    /// Something is wrong with a plan, whatever object it is for.
    pub fn new(message: impl Into<String>) -> PlanError {
        PlanError {
            message: message.into(),
            foreign: false,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PlanError {}

impl Object {
    /// Gives a map other attributes.
    ///
    /// # Errors
    /// When there is no such map.
    pub fn plan_map(&mut self, name: &str, plan: &MapPlan) -> Result<(), PlanError> {
        self.changed();
        let is_cilium = self.cilium.is_some();
        let Some(map) = self.maps.iter_mut().find(|map| map.name == name) else {
            let known = self.maps.iter().map(|map| map.name.as_str());
            return Err(unknown("map", name, known));
        };
        if plan.max_entries.is_some() {
            map.assumed = None;
        }
        set(&mut map.def, plan);
        if let Some(inner) = &plan.inner {
            set(map.inner.get_or_insert_default(), inner);
        }
        if !is_cilium {
            map.def.adjust_ringbuf();
        }
        Ok(())
    }

    /// Has a program be as if its section were called so.
    ///
    /// # Errors
    /// When there is no such program, or such a section means nothing.
    pub fn plan_section(&mut self, name: &str, section: &str) -> Result<(), PlanError> {
        self.changed();
        let at = self.named(name)?;
        let found = match &self.cilium {
            Some(_) => SecDef::find_loosely(section),
            None => SecDef::find(section),
        };
        let Some(def) = found else {
            let what = format!("program '{name}': no section name of a program: '{section}'");
            return Err(PlanError::new(what));
        };
        if let Some(prog) = self.programs.get_mut(at) {
            prog.section_name = section.to_owned();
            prog.def = Some(def);
            prog.prog_type = def.prog_type.raw();
            prog.attach_type = def.attach_type();
            prog.replaces = None;
        }
        Ok(())
    }

    /// Leaves programs out; says of each of them whether there is such a program.
    pub fn leave_out(&mut self, names: &[&str]) -> Vec<Result<(), PlanError>> {
        self.changed();
        let found: Vec<_> = names.iter().map(|name| self.named(name)).collect();
        let gone: BTreeSet<_> = found.iter().flatten().copied().collect();
        self.entries.retain(|entry| !gone.contains(entry));
        found.into_iter().map(|found| found.map(drop)).collect()
    }

    /// Whether the kernel has what a program attaches to, as far as its section names it.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn has_target(&self, name: &str, kernel: &Kernel) -> Result<bool, PlanError> {
        let at = self.named(name)?;
        Ok(self.programs.get(at).is_none_or(|prog| has_target(prog, kernel)))
    }

    /// The number of a program, by its name.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn number_of(&self, name: &str) -> Result<usize, PlanError> {
        let at = self.named(name)?;
        let found = self.entries.binary_search(&at).ok();
        found.ok_or_else(|| PlanError::new(format!("the object has no program '{name}'")))
    }

    fn named(&self, name: &str) -> Result<usize, PlanError> {
        let all = self.numbers.get_or_init(|| {
            let mut all: HashMap<_, Vec<_>> = HashMap::new();
            for (at, prog) in self.programs.iter().enumerate() {
                all.entry(prog.name.clone()).or_default().push(at);
            }
            all
        });
        let mut found = all.get(name).into_iter().flatten().copied();
        let found = found.find(|at| self.entries.binary_search(at).is_ok());
        found.ok_or_else(|| {
            let known = (0..self.program_count()).map(|index| self.program_name(index));
            unknown("program", name, known)
        })
    }

    /// What the object leaves open of its maps.
    pub fn open_ends(&self) -> Vec<OpenEnd> {
        let is_cilium = self.cilium.is_some();
        let is_open = |map: &Map| {
            let is_own = map.internal.is_none() && map.struct_ops.is_none();
            is_own && !missing(map, is_cilium).is_empty()
        };
        let open = self.shared.open_maps.get_or_init(|| {
            let all = self.maps.iter().enumerate();
            all.filter(|(_, map)| is_open(map))
                .map(|(index, _)| index)
                .collect()
        });
        let open = open.iter().filter_map(|index| self.maps.get(*index));
        open.flat_map(|map| {
            let found = missing(map, is_cilium);
            found.into_iter().map(|what| OpenEnd {
                map: map.name.clone(),
                map_type: map.def.map_type,
                what,
                assumed: map.assumed.filter(|_| what == Missing::MaxEntries),
            })
        })
        .collect()
    }
}

fn set(def: &mut MapDef, plan: &MapPlan) {
    let put = |slot: &mut u32, value: Option<u32>| *slot = value.unwrap_or(*slot);
    put(&mut def.map_type, plan.map_type);
    put(&mut def.key_size, plan.key_size);
    put(&mut def.value_size, plan.value_size);
    put(&mut def.max_entries, plan.max_entries);
    put(&mut def.map_flags, plan.map_flags);
    // Types that are of another size describe it no longer.
    if plan.key_size.is_some() {
        def.key_type = None;
    }
    if plan.value_size.is_some() {
        def.value_type = None;
    }
}

/// What is missing of a map for it to be created.
fn missing(map: &Map, is_cilium: bool) -> Vec<Missing> {
    use MapType as Type;
    let def = &map.def;
    let is_one_of = |types: &[Type]| types.iter().any(|ty| def.is(*ty));
    let keyless = [
        Type::Ringbuf,
        Type::UserRingbuf,
        Type::Queue,
        Type::Stack,
        Type::BloomFilter,
        Type::Arena,
    ];
    let valueless = [Type::Ringbuf, Type::UserRingbuf, Type::Arena];
    let countless = [
        Type::SkStorage,
        Type::InodeStorage,
        Type::TaskStorage,
        Type::CgroupStorage,
        Type::PercpuCgroupStorage,
        Type::CgrpStorage,
        Type::PerfEventArray,
    ];
    let completed = is_cilium && is_one_of(&[Type::PerfEventArray]);
    let by_itself = (is_cilium && def.is(Type::Cpumap)) || is_one_of(&countless);
    let mut found = Vec::new();
    if def.key_size == 0 && !is_one_of(&keyless) && !completed {
        found.push(Missing::KeySize);
    }
    let of_maps = is_cilium && def.is_map_in_map();
    if def.value_size == 0 && !(is_one_of(&valueless) || completed || of_maps) {
        found.push(Missing::ValueSize);
    }
    if (def.max_entries == 0 || map.assumed.is_some()) && !by_itself {
        found.push(Missing::MaxEntries);
    }
    if def.is_map_in_map() && map.inner.is_none() {
        found.push(Missing::Inner);
    }
    found
}

/// Whether the kernel has what a section name attaches to.
fn has_target(prog: &Program, kernel: &Kernel) -> bool {
    let Some((kind, target)) = prog.section_name.split_once('/') else {
        return true;
    };
    let function = target.split('+').next().unwrap_or(target);
    let in_btf = |name: &str, how: u32| matches!(find_in_kernel(&kernel.btf, name, how), Ok(Some(_)));
    // A list of symbols may be without those of data, as a tracepoint's is.
    let tracepoint = |name: &str| {
        kernel.ksym(&format!("__tracepoint_{name}")).is_some() || in_btf(name, AttachType::TraceRawTp.raw())
    };
    if prog.def.is_some_and(|def| def.flags.has(SecFlags::ATTACH_BTF)) {
        return in_btf(target, prog.attach_type);
    }
    match ProgType::from_raw(prog.prog_type) {
        Some(ProgType::Kprobe) if matches!(kind, "kprobe" | "kretprobe") => {
            let is_code = |symbol: Ksym<'_>| matches!(symbol.kind, 'T' | 't' | 'W' | 'w');
            kernel.ksyms(function).any(is_code)
        }
        Some(ProgType::Tracepoint) => target
            .split_once('/')
            .is_none_or(|(group, name)| group == "syscalls" || tracepoint(name)),
        Some(ProgType::RawTracepoint | ProgType::RawTracepointWritable) => tracepoint(target),
        _ => true,
    }
}

/// That something is not known, and what may be meant.
fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> PlanError {
    let known: Vec<_> = known.collect();
    let steps = |known: &str| distance(name, known, name.len().max(known.len()) / 3 + 1);
    let nearest = known
        .iter()
        .filter_map(|known| Some((steps(known)?, *known)))
        .min();
    let mut foreign = true;
    let message = match nearest {
        Some((_, near)) => {
            foreign = false;
            format!("the object has no {what} '{name}': did you mean '{near}'?")
        }
        None if !known.is_empty() => {
            const SHOWN: usize = 16;
            let more = if known.len() > SHOWN { ", …" } else { "" };
            let shown: Vec<_> = known.into_iter().take(SHOWN).collect();
            format!(
                "the object has no {what} '{name}': expected one of {}{more}",
                shown.join(", ")
            )
        }
        None => format!("the object has no {what} '{name}': it has none at all"),
    };
    PlanError { message, foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_meant() {
        let error = |name: &str| unknown("map", name, ["stacks", "counts"].into_iter()).message;
        assert_eq!(
            error("stack"),
            "the object has no map 'stack': did you mean 'stacks'?"
        );
        assert_eq!(
            error("xyz"),
            "the object has no map 'xyz': expected one of stacks, counts"
        );
    }
}
