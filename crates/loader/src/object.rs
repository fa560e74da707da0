//! [`Object`]: what an opened file consists of.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use verdict_btf::Btf;
use verdict_isa::Insn;
use verdict_kernel::map::MapType;

use crate::ext::ExtInfo;
use crate::externs::Extern;
use crate::maps::{Map, MapDef};
use crate::probes::Probes;
use crate::program::{Code, Program};
use crate::resolve::{Resolved, Unresolved};
use crate::shared::Shared;
use crate::spec::Spec;
use crate::tags::Exceptions;

/// An opened object, for one kernel.
///
/// It does not change when programs of it are prepared, so that several can be at once.
#[derive(Debug)]
pub struct Object {
    pub(crate) path: String,
    pub(crate) license: String,
    pub(crate) version: u32,
    pub(crate) nr_cpus: u32,
    /// Bytes that the user may lock, where the kernel counts memory of BPF among them and there is a limit.
    pub(crate) memlock: Option<u64>,
    /// Bytes of the machine's pages.
    pub(crate) page_size: u32,
    pub(crate) probes: Probes,
    /// Section of subprograms.
    pub(crate) text: Option<usize>,
    pub(crate) code: Code,
    /// Programs and subprograms, sorted by section and place.
    pub(crate) programs: Vec<Program>,
    /// Those of `programs` that are no subprograms.
    pub(crate) entries: Vec<usize>,
    pub(crate) maps: Vec<Map>,
    pub(crate) externs: Vec<Extern>,
    pub(crate) kconfig_map: Option<usize>,
    pub(crate) has_struct_ops: bool,
    /// The object's BTF, completed.
    pub(crate) btf: Option<Arc<Btf>>,
    /// The same as the kernel is given it.
    pub(crate) load_btf: Option<Arc<Btf>>,
    pub(crate) info: ExtInfo,
    pub(crate) exceptions: Exceptions,
    pub(crate) shared: Shared,
    /// The numbers of functions by their names, which do not change.
    pub(crate) numbers: OnceLock<HashMap<String, Vec<usize>>>,
    /// How often something of the object was changed since it was opened.
    pub(crate) changes: u64,
    pub(crate) kernel_btf: Arc<Btf>,
    /// What CO-RE relocations are resolved against.
    pub(crate) core_btf: Arc<Btf>,
    /// What the kernel gives, or why nothing of the object can be loaded.
    pub(crate) resolved: Result<Resolved, Unresolved>,
    /// Whether aya loads the object.
    pub(crate) is_aya: bool,
    /// What else is known of an object that cilium/ebpf loads.
    pub(crate) cilium: Option<Spec>,
}

/// Whose way of opening objects is followed.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    /// That of `veristat`: maps get at least one element, and programs that replace functions of others the type
    /// that their context suggests.
    #[default]
    Veristat,
    /// That of cilium/ebpf.
    Cilium,
    /// That of aya, whose objects keep the conventions of cilium/ebpf. As veristat otherwise, but programs may be
    /// static functions, section names go on behind the known ones (`tc/entry`, `classifier/x`), maps may be
    /// defined by plain structs in `maps` and `maps/x`, and how a map is pinned does not matter.
    Aya,
    /// That of libbpf by itself: `bpf_object__open` and `bpf_object__load`.
    Whole,
    /// That of the kernel's test runner: everything as it stands, and all maps are created, optional ones too.
    Test {
        /// What CO-RE relocations are resolved against, if not the kernel's types.
        core_btf: Option<Arc<Btf>>,
    },
}

/// What an object asks for a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// `BPF_MAP_TYPE_*`.
    pub map_type: u32,
    /// `BPF_F_*`.
    pub flags: u32,
}

impl Manner {
    /// Whether what libbpf does not know of is taken as other loaders mean it.
    pub(crate) fn is_lenient(&self) -> bool {
        matches!(self, Manner::Cilium | Manner::Aya)
    }

    pub(crate) fn core_btf(&self) -> Option<&Arc<Btf>> {
        match self {
            Manner::Veristat | Manner::Cilium | Manner::Aya | Manner::Whole => None,
            Manner::Test { core_btf } => core_btf.as_ref(),
        }
    }
}

impl Object {
    /// Number of programs, subprograms left out.
    pub fn program_count(&self) -> usize {
        self.entries.len()
    }

    /// Name of program `index`, empty if there is none.
    pub fn program_name(&self, index: usize) -> &str {
        self.entry(index).map_or("", |p| p.name.as_str())
    }

    /// The object's BTF as the kernel is given it, if it has one.
    pub fn btf(&self) -> Option<&Arc<Btf>> {
        self.load_btf.as_ref()
    }

    /// The object's BTF as its file has it, completed; if it has one.
    pub fn own_btf(&self) -> Option<&Arc<Btf>> {
        self.btf.as_ref()
    }

    /// What the object asks for the map of this name, and for those within it.
    pub fn map_shapes(&self, name: &str) -> Vec<MapShape> {
        let map = self.maps.iter().find(|map| map.name == name);
        let defs = map
            .into_iter()
            .flat_map(|map| [Some(&map.def), map.inner.as_ref()]);
        let shape = |def: &MapDef| MapShape {
            map_type: def.map_type,
            flags: def.map_flags,
        };
        defs.flatten().map(shape).collect()
    }

    /// How often something of the object was changed since it was opened: what was found out before counts no longer.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes a change.
    pub(crate) fn changed(&mut self) {
        self.changes += 1;
        self.shared = Shared::default();
    }

    /// The maps that hold programs, with their numbers.
    pub(crate) fn program_arrays(&self) -> impl Iterator<Item = (usize, &Map)> {
        let all = self.shared.program_arrays.get_or_init(|| {
            let all = self.maps.iter().enumerate();
            let of_programs = all.filter(|(_, map)| map.def.is(MapType::ProgArray));
            of_programs.map(|(index, _)| index).collect()
        });
        all.iter()
            .filter_map(|index| Some((*index, self.maps.get(*index)?)))
    }

    /// Whether the object is loaded by cilium/ebpf.
    pub fn is_cilium(&self) -> bool {
        self.cilium.is_some()
    }

    /// Whether the section of program `index` says no type.
    pub fn is_untyped(&self, index: usize) -> bool {
        self.entry(index).is_some_and(|prog| prog.prog_type == 0)
    }

    /// The functions that programs share, by their numbers among all.
    pub(crate) fn functions(&self) -> Range<usize> {
        let section = |text: usize| {
            let start = self.programs.partition_point(|prog| prog.section < text);
            start..self.programs.partition_point(|prog| prog.section <= text)
        };
        let all = &self.shared.functions;
        all.get_or_init(|| self.text.map_or(0..0, section)).clone()
    }

    /// The first function of that name, by its number.
    pub(crate) fn function(&self, name: &str) -> Option<usize> {
        let all = self.shared.by_name.get_or_init(|| {
            let mut all = HashMap::new();
            for (index, prog) in self.programs.iter().enumerate() {
                if Some(prog.section) == self.text {
                    all.entry(prog.name.clone()).or_insert(index);
                }
            }
            all
        });
        all.get(name).copied()
    }

    fn entry(&self, index: usize) -> Option<&Program> {
        self.programs.get(*self.entries.get(index)?)
    }

    /// A program's own instructions as they are in the file.
    pub(crate) fn own_insns(&self, prog: &Program) -> &[Insn] {
        prog.insns(&self.code)
    }
}
