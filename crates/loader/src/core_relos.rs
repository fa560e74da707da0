//! CO-RE: the instructions of the programs that are loaded, as their relocations leave them.
//!
//! libbpf relocates all functions with each program, in the order of the records. What the functions come to is the same
//! for every program unless one of its own records narrows down the candidates for one of theirs, so it is found once.

use verdict_btf::Btf;
use verdict_btf::core::{BUDGET, CoreError, Relocator};
use verdict_isa::Insn;
use verdict_kernel::errno::Errno;

use crate::error::{MAX_WARNINGS, Warnings, warning};
use crate::object::Object;
use crate::program::CoreRecord;
use crate::shared::{CoreFunctions, Done, Insns, Place};

/// More instructions than any program can have, as a bound on memory: functions may overlap.
pub(crate) const MAX_INSNS: usize = 1 << 22;

/// A record, and the program that it belongs to.
type Placed<'o> = (usize, &'o CoreRecord);

/// Programs whose own instructions are no longer those of the file.
pub(crate) struct Patched<'o> {
    own: Insns,
    shared: Option<&'o Insns>,
}

impl Patched<'_> {
    /// The program's instructions, if they are others than those of the file.
    pub(crate) fn get(&self, index: usize) -> Option<&[Insn]> {
        let shared = || self.shared.and_then(|shared| shared.get(&index));
        self.own.get(&index).or_else(shared).map(Vec::as_slice)
    }
}

impl Done {
    fn say(&mut self, place: Place, lines: Vec<String>) {
        let room = MAX_WARNINGS.saturating_sub(self.said.len());
        self.said
            .extend(lines.into_iter().take(room).map(|line| (place, line)));
    }
}

/// Applies the relocations of programs that are loaded and of all functions.
pub(crate) fn relocate<'o>(
    object: &'o Object,
    loaded: &[usize],
    w: &mut Warnings,
) -> Result<Patched<'o>, Errno> {
    let nothing = Patched {
        own: Insns::new(),
        shared: None,
    };
    let Some(btf) = &object.btf else {
        return Ok(nothing);
    };
    let functions = || object.functions().filter(|index| has_core(object, *index));
    let shared = object.shared.core.get_or_init(|| {
        let total = length(object, functions());
        let done = (total <= MAX_INSNS).then(|| run(object, btf, functions()));
        CoreFunctions { total, done }
    });
    let own = || loaded.iter().copied().filter(|index| has_core(object, *index));
    let Some(done) = &shared.done else {
        return Err(Errno::ENOMEM);
    };
    if shared.total + length(object, own()) > MAX_INSNS {
        return Err(Errno::ENOMEM);
    }
    if !own().any(|index| clashes(object, index, done)) {
        let alone = run(object, btf, own());
        if alone.work.saturating_add(done.work) <= BUDGET {
            finish(object, &alone, Some(done), w)?;
            return Ok(Patched {
                own: alone.insns,
                shared: Some(&done.insns),
            });
        }
    }
    let all = run(object, btf, functions().chain(own()));
    finish(object, &all, None, w)?;
    Ok(Patched {
        own: all.insns,
        shared: None,
    })
}

fn has_core(object: &Object, index: usize) -> bool {
    object
        .programs
        .get(index)
        .is_some_and(|prog| !prog.core.is_empty())
}

/// Instructions of programs.
fn length(object: &Object, programs: impl Iterator<Item = usize>) -> usize {
    let programs = programs.filter_map(|index| object.programs.get(index));
    programs.fold(0, |total: usize, prog| total.saturating_add(prog.len()))
}

/// Whether a record of the program may decide what records of functions come to.
fn clashes(object: &Object, index: usize, done: &Done) -> bool {
    let records = object.programs.get(index).map(|prog| prog.core.as_slice());
    let mut types = records
        .unwrap_or_default()
        .iter()
        .map(|record| record.relo.type_id);
    types.any(|ty| done.ambiguous.contains(&ty))
}

/// Relocates programs by themselves.
fn run(object: &Object, btf: &Btf, programs: impl Iterator<Item = usize>) -> Done {
    let mut done = Done::default();
    let mut records: Vec<Placed<'_>> = Vec::new();
    for index in programs {
        let Some(prog) = object.programs.get(index) else {
            continue;
        };
        done.insns.insert(index, object.own_insns(prog).to_vec());
        records.extend(prog.core.iter().map(|record| (index, record)));
    }
    // In libbpf's order: what one relocation rules out is out for those after it.
    records.sort_by_key(|(_, record)| record.place);
    let mut relocator = Relocator::new(btf, &object.core_btf);
    for (index, record) in records {
        let place = record.place;
        if object.info.bad_core.is_some_and(|bad| bad <= place) {
            break;
        }
        let name = object.programs.get(index).map_or("", |prog| prog.name.as_str());
        let Some(insns) = done.insns.get_mut(&index) else {
            continue;
        };
        match relocator.relocate(insns, record.insn, &record.relo, place.1, name) {
            Ok(relocated) => done.say(place, relocated.warnings),
            Err(CoreError { errno, messages }) => {
                done.say(place, messages);
                done.failed = Some((place, Errno(errno)));
                break;
            }
        }
    }
    done.work = relocator.work();
    done.ambiguous = relocator.into_ambiguous();
    done
}

/// Says what there is to say of programs and functions, in the order of the records, up to the first that fails.
fn finish(object: &Object, own: &Done, shared: Option<&Done>, w: &mut Warnings) -> Result<(), Errno> {
    let both = || [Some(own), shared].into_iter().flatten();
    let failed = both()
        .filter_map(|done| done.failed)
        .min_by_key(|(place, _)| *place);
    let mut said: Vec<_> = both().flat_map(|done| &done.said).collect();
    said.sort_by_key(|(place, _)| *place);
    for (place, line) in said {
        if failed.is_none_or(|(last, _)| *place <= last) {
            warning!(w, "{line}");
        }
    }
    match (failed, object.info.bad_core) {
        (Some((_, errno)), _) => Err(errno),
        (None, Some(_)) => Err(Errno::EINVAL),
        (None, None) => Ok(()),
    }
}
