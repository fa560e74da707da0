//! Programs that call one another by maps: they have to be alike (`bpf_prog_map_compatible`).

use std::collections::{BTreeMap, HashMap};

use verdict_btf::TypeId;
use verdict_isa::table::pseudo;
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapId;
use verdict_kernel::errno::Errno;
use verdict_kernel::helper::id::OVERRIDE_RETURN;
use verdict_kernel::kfunc::attach::SharedStorage;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::Rule;

use crate::attach::check_attach_btf_id;
use crate::prog::{LoadError, Prog, flags};

/// What is known of programs and of the maps that they are called by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callers {
    /// What the programs of a map have in common, as the first of them has it.
    owners: BTreeMap<MapId, Owner>,
    /// Programs by their names in the object.
    kept: HashMap<String, Owner>,
}

/// What has to be the same (`struct bpf_map_owner`). All are compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Owner {
    prog_type: ProgType,
    /// Whether it is an extension, which no map holds.
    extends: bool,
    has_frags: bool,
    attach_type: u32,
    proto: Option<TypeId>,
    /// The storage of control groups that it uses: shared, of each processor.
    storage: [Option<MapId>; 2],
    /// Whether it changes results of functions, which no program of a map may.
    overrides: bool,
}

/// How a program fits the others of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fit {
    Yes,
    No,
    /// That depends on what is not modelled.
    Unknown,
}

impl From<Fit> for Result<(), LoadError> {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Yes => Ok(()),
            Fit::No => Err(Rule::MapForProgram.with(Errno::EINVAL).into()),
            Fit::Unknown => Err(LoadError::Unsupported(UNKNOWN)),
        }
    }
}

/// What the kernel asks of a program without storage of control groups where others of its map have some.
const UNKNOWN: &str = "tail calls between programs with and without storage of control groups";

impl Callers {
    /// Notes a program that was verified, and holds it to the others of the maps that it uses.
    pub(crate) fn keep(&mut self, kernel: &Kernel, name: &str, prog: &Prog) -> Result<(), LoadError> {
        let owner = Owner::of(kernel, prog);
        for id in used(prog) {
            let Some(map_type) = prog.map(id).map(|map| map.map_type) else {
                continue;
            };
            if !kernel.attaching().tail_calls.maps.contains(&map_type) {
                continue;
            }
            Result::from(self.fits(kernel, (id, map_type), owner))?;
        }
        self.kept.insert(name.to_owned(), owner);
        Ok(())
    }

    /// The type of a map's programs.
    pub(crate) fn owner(&self, id: MapId) -> Option<ProgType> {
        self.owners.get(&id).map(|owner| owner.prog_type)
    }

    /// Forgets a map.
    pub(crate) fn forget_map(&mut self, id: MapId) {
        self.owners.remove(&id);
    }

    /// Forgets a program.
    pub(crate) fn forget(&mut self, name: &str) {
        self.kept.remove(name);
    }

    /// Puts a program into a program array.
    pub(crate) fn call(&mut self, kernel: &Kernel, id: MapId, name: &str) -> Result<(), LoadError> {
        let Some(owner) = self.kept.get(name).copied() else {
            return Ok(());
        };
        match owner.extends {
            true => Fit::No.into(),
            false => self.fits(kernel, (id, MapType::ProgArray), owner).into(),
        }
    }

    fn fits(&mut self, kernel: &Kernel, (id, map_type): (MapId, MapType), owner: Owner) -> Fit {
        if owner.overrides {
            return Fit::No;
        }
        let first = *self.owners.entry(id).or_insert(owner);
        let rules = kernel.attaching().tail_calls;
        let alike = first.prog_type == owner.prog_type && first.has_frags == owner.has_frags;
        let by_type = rules.attach_type && map_type == MapType::ProgArray;
        let attached_alike = !by_type || first.attach_type == owner.attach_type;
        if !alike || !attached_alike || (rules.prototype && first.proto != owner.proto) {
            return Fit::No;
        }
        shares_storage(rules.storage, &first, &owner)
    }
}

fn shares_storage(rule: SharedStorage, first: &Owner, owner: &Owner) -> Fit {
    let pairs = || first.storage.iter().zip(owner.storage);
    if rule == SharedStorage::Any || pairs().all(|(first, own)| *first == own) {
        return Fit::Yes;
    }
    if pairs().any(|(first, own)| own.is_some() && *first != own) {
        return Fit::No;
    }
    match rule {
        SharedStorage::SameOrNoneWithoutCalls => Fit::Unknown,
        SharedStorage::SameOrNone | SharedStorage::Any => Fit::Yes,
    }
}

impl Owner {
    fn of(kernel: &Kernel, prog: &Prog) -> Owner {
        let resolves = kernel.attaching().tail_calls.resolves_extensions;
        let extended = prog.target.as_ref().filter(|_| prog.extends && resolves);
        let storage = |map_type: MapType| {
            used(prog).find(|id| prog.map(*id).is_some_and(|map| map.map_type == map_type))
        };
        let attaches = matches!(
            prog.prog_type,
            ProgType::Tracing | ProgType::Lsm | ProgType::Ext | ProgType::StructOps
        );
        let info = attaches.then(|| check_attach_btf_id(kernel, prog, false, &mut String::new()));
        Owner {
            prog_type: extended.map_or(prog.prog_type, |target| target.prog.prog_type),
            extends: prog.extends,
            has_frags: prog.has(flags::XDP_HAS_FRAGS),
            attach_type: prog.expected_attach_type,
            proto: info.and_then(Result::ok).and_then(|info| info.func_proto),
            storage: [
                storage(MapType::CgroupStorage),
                storage(MapType::PercpuCgroupStorage),
            ],
            overrides: prog
                .insns
                .iter()
                .any(|insn| insn.is_helper_call() && insn.imm == OVERRIDE_RETURN as i32),
        }
    }
}

/// The maps that a program's instructions name.
fn used(prog: &Prog) -> impl Iterator<Item = MapId> {
    let loads = prog.insns.iter().enumerate().filter(|(at, insn)| {
        let names = insn.is_ld_imm64() && matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE);
        names && u32::try_from(*at).is_ok_and(|at| prog.stray_fds.binary_search(&at).is_err())
    });
    loads.map(|(_, insn)| MapId(insn.imm as u32))
}
