//! Programs that call one another by maps: they have to be alike (`bpf_prog_map_compatible`).

use std::collections::{BTreeMap, HashMap};

use verdict_btf::TypeId;
use verdict_isa::table::pseudo;
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapId;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::{Broken, Rule};

use crate::attach::check_attach_btf_id;
use crate::prog::{Prog, flags};

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
}

impl Callers {
    /// Notes a program that was verified, and holds it to the others of the maps that it uses.
    pub(crate) fn keep(&mut self, kernel: &Kernel, name: &str, prog: &Prog) -> Result<(), Broken> {
        let owner = Owner::of(kernel, prog);
        for id in used(prog) {
            let Some(map_type) = prog.map(id).map(|map| map.map_type) else {
                continue;
            };
            let holds = matches!(
                map_type,
                MapType::ProgArray | MapType::Devmap | MapType::DevmapHash | MapType::Cpumap
            );
            if holds && !self.fits(kernel, (id, map_type), owner) {
                return Err(Rule::MapForProgram.with(Errno::EINVAL));
            }
        }
        self.kept.insert(name.to_owned(), owner);
        Ok(())
    }

    /// Puts a program into a program array.
    pub(crate) fn call(&mut self, kernel: &Kernel, id: MapId, name: &str) -> Result<(), Errno> {
        let Some(owner) = self.kept.get(name).copied() else {
            return Ok(());
        };
        match !owner.extends && self.fits(kernel, (id, MapType::ProgArray), owner) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        }
    }

    fn fits(&mut self, kernel: &Kernel, (id, map_type): (MapId, MapType), owner: Owner) -> bool {
        let first = *self.owners.entry(id).or_insert(owner);
        let rules = kernel.attaching();
        let alike = first.prog_type == owner.prog_type && first.has_frags == owner.has_frags;
        let by_type = rules.tail_calls_by_attach_type && map_type == MapType::ProgArray;
        let attached_alike = !by_type || first.attach_type == owner.attach_type;
        alike && attached_alike && (!rules.tail_calls_by_prototype || first.proto == owner.proto)
    }
}

impl Owner {
    fn of(kernel: &Kernel, prog: &Prog) -> Owner {
        let extended = prog.target.as_ref().filter(|_| prog.extends);
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
