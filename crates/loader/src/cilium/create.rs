//! Creating the maps of a collection, as cilium/ebpf does.

use std::sync::{Arc, PoisonError};

use verdict_btf::build::Parts;
use verdict_btf::{Btf, IntEncoding, TypeId};
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, Rule};

use super::{MapNotes, Refused, Spec, ops, strerror};
use crate::bpf::Bpf;
use crate::create::kernel_name;
use crate::maps::{BPF_F_MMAPABLE, Internal, Map, MapDef, PAGE_SIZE, StructOps};
use crate::object::Object;
use crate::spec::MapBtf;

const BPF_F_NO_PREALLOC: u32 = 1;
const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const NO_TYPE: &str = "cannot use type UnspecifiedMap";
/// The kernel's ENOTSUPP.
const ENOTSUPP: Errno = Errno(524);

/// What maps are made with.
pub(super) struct Creator<'a> {
    pub(super) object: &'a Object,
    pub(super) spec: &'a Spec,
    pub(super) bpf: &'a mut dyn Bpf,
    /// What the last map was created with.
    made: MapCreate,
}

/// The BTF of a map, with the types of its key and value.
type Typed = (Arc<Btf>, Option<TypeId>, Option<TypeId>);

/// Why a map cannot be had: words, and the kernel's refusal if it is one.
struct Unmade {
    broken: Broken,
    words: String,
}

impl Unmade {
    fn by(rule: Rule, words: impl Into<String>) -> Unmade {
        let broken = rule.with(Errno(0));
        let words = words.into();
        Unmade { broken, words }
    }

    fn within(self, what: &str) -> Unmade {
        let words = format!("{what}: {}", self.words);
        Unmade { words, ..self }
    }
}

impl<'a> Creator<'a> {
    pub(super) fn new(object: &'a Object, spec: &'a Spec, bpf: &'a mut dyn Bpf) -> Creator<'a> {
        Creator {
            object,
            spec,
            bpf,
            made: MapCreate::default(),
        }
    }

    /// Creates all maps; returns them by their index in the object.
    pub(super) fn all(&mut self) -> Result<Vec<Option<MapId>>, Refused> {
        let mut ids = Vec::with_capacity(self.object.maps.len());
        let none = MapNotes::default();
        for (index, map) in self.object.maps.iter().enumerate() {
            let notes = self.spec.maps.get(index).unwrap_or(&none);
            let name = &map.name;
            let id = self
                .map(map, notes)
                .map_err(|e| refused(format!("map {name}"), e))?;
            if let Some(kind) = map.internal {
                let filled = self.fill(id, map.contents(), kind);
                filled.map_err(|e| refused(format!("finalizing map {name}"), e))?;
            }
            ids.push(Some(id));
        }
        Ok(ids)
    }

    /// Fills maps with other maps, and unless `programs` are none, with programs (`populateDeferredMaps`).
    pub(super) fn populate(&mut self, ids: &[Option<MapId>], programs: bool) -> Result<(), Refused> {
        let object = self.object;
        for (map, id) in object.maps.iter().zip(ids) {
            let Some(id) = *id else { continue };
            let within = |e| refused(format!("populating map {}", map.name), e);
            if map.def.is_map_in_map() {
                self.fill_outer(id, map, ids).map_err(within)?;
            } else if programs && map.def.is(MapType::ProgArray) {
                self.fill_programs(id, map).map_err(within)?;
            } else if programs && let Some(ops) = &map.struct_ops {
                self.fill_struct_ops(id, ops)
                    .map_err(|Unmade { broken, words }| Refused { broken, words })?;
            }
        }
        Ok(())
    }

    /// Creates each map by itself, without contents; says of each what it was created with, or why it cannot be.
    pub(super) fn each(&mut self) -> Vec<Result<MapCreate, Refused>> {
        let none = MapNotes::default();
        let maps = self.object.maps.iter().enumerate();
        maps.map(|(index, map)| {
            let notes = self.spec.maps.get(index).unwrap_or(&none);
            let made = self
                .map(map, notes)
                .map_err(|e| refused("creating map".to_owned(), e));
            made.map(|_| self.made.clone())
        })
        .collect()
    }

    fn map(&mut self, map: &Map, notes: &MapNotes) -> Result<MapId, Unmade> {
        if notes.pinning > 1 {
            let words = format!("pin type {}: not supported", notes.pinning);
            return Err(Unmade::by(Rule::MapDefinition, words));
        }
        let mut inner_map = None;
        if map.def.is_map_in_map() {
            let Some(inner) = &map.inner else {
                let words = format!("{} requires InnerMap", type_name(map.def.map_type));
                return Err(Unmade::by(Rule::MapDefinition, words));
            };
            let name = format!("{}_inner", map.name);
            let made = self.create(&name, inner, false, None);
            inner_map = Some(made.map_err(|e| e.within("inner map"))?);
        }
        let mut def = map.def.clone();
        if map.internal.is_some() && self.object.probes.array_mmap {
            def.map_flags |= BPF_F_MMAPABLE;
        }
        self.create(&map.name, &def, notes.surplus, inner_map)
    }

    /// The map of the kernel's configuration.
    pub(super) fn configuration(&mut self, values: &[u8]) -> Result<MapId, Refused> {
        let attr = MapCreate {
            map_type: MapType::Array.raw(),
            key_size: 4,
            value_size: values.len() as u32,
            max_entries: 1,
            map_flags: BPF_F_RDONLY_PROG,
            name: ".kconfig".to_owned(),
            ..MapCreate::default()
        };
        let failed = |e| refused("resolve .kconfig".to_owned(), e);
        let id = self.bpf.map_create(&attr).map_err(|broken| {
            let words = format!("creating map: map create: {}", strerror(broken.errno));
            failed(Unmade { broken, words })
        })?;
        self.fill(id, values.to_vec(), Internal::Kconfig)
            .map_err(failed)?;
        Ok(id)
    }

    fn create(
        &mut self,
        name: &str,
        def: &MapDef,
        surplus: bool,
        inner_map: Option<MapId>,
    ) -> Result<MapId, Unmade> {
        if surplus {
            let words = "extra contains unhandled non-zero bytes, drain before creating map";
            return Err(Unmade::by(Rule::MapDefinition, words));
        }
        let def = completed(def, self.object.nr_cpus)?;
        let types = self.types(&def)?;
        let ops = self.struct_ops(&def, types.is_some())?;
        let (btf, key_type, value_type) = match &types {
            // The kernel has a type of its own of such a map's value.
            Some((btf, ..)) if ops.is_some() => (Some(btf), None, None),
            Some((btf, key, value)) => (Some(btf), *key, *value),
            None => (None, None, None),
        };
        let mut attr = MapCreate {
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: ops.map_or(def.value_size, |(size, _)| size),
            max_entries: def.max_entries,
            map_flags: def.map_flags,
            inner_map,
            numa_node: def.numa_node,
            name: kernel_name(name),
            btf: btf.cloned(),
            btf_key_type_id: key_type,
            btf_value_type_id: value_type,
            btf_vmlinux_value_type_id: ops.map(|(_, id)| id),
            map_extra: def.map_extra,
        };
        let mut made = self.bpf.map_create(&attr);
        if let Err(first) = &made
            && (first.errno == ENOTSUPP || first.errno == Errno::EINVAL)
            && attr.btf.take().is_some()
        {
            let rule = first.rule;
            (attr.btf_key_type_id, attr.btf_value_type_id) = (None, None);
            // Why it did not work with types tells more.
            made = self.bpf.map_create(&attr).map_err(|again| rule.with(again.errno));
        }
        self.made = attr;
        made.map_err(|broken| {
            let words = failure(&def, broken.errno);
            // Of a missing type the library does not say what the kernel said.
            let own = words.ends_with(NO_TYPE);
            let broken = if own { broken.rule.with(Errno(0)) } else { broken };
            Unmade { broken, words }
        })
    }

    /// What the kernel calls the value of a struct_ops map: its size and type.
    fn struct_ops(&self, def: &MapDef, typed: bool) -> Result<Option<(u32, TypeId)>, Unmade> {
        let is_ops = def.is(MapType::StructOps) && def.value_type.is_some();
        let (Some(ty), Some(btf), true) = (def.value_type, &self.object.btf, is_ops && typed) else {
            return Ok(None);
        };
        let target = ops::target(btf, ty, &self.object.kernel_btf);
        target.map(Some).map_err(|e| Unmade::by(Rule::StructOpsMap, e))
    }

    /// The BTF of a map: its types of key and value alone, by their new numbers.
    fn types(&mut self, def: &MapDef) -> Result<Option<Typed>, Unmade> {
        let typed = def.key_type.is_some() || def.value_type.is_some();
        let Some(parts) = self.spec.parts.as_ref().filter(|_| typed) else {
            return Ok(None);
        };
        let roots: Vec<_> = def.key_type.into_iter().chain(def.value_type).collect();
        let Some((part, numbers)) = self.of_types(parts, roots, def.is(MapType::StructOps)) else {
            return Ok(None);
        };
        self.bpf.btf_load(&part).map_err(|(broken, _)| Unmade {
            broken,
            words: format!("load BTF: load btf: {}", strerror(broken.errno)),
        })?;
        let mut numbers = numbers.into_iter();
        let mut next = |id: Option<TypeId>| id.and_then(|_| numbers.next());
        let (key, value) = (next(def.key_type), next(def.value_type));
        Ok(Some((part, key, value)))
    }

    /// The BTF of these types alone, and their numbers in it; made once for all programs.
    fn of_types(&self, parts: &Parts, roots: Vec<TypeId>, is_ops: bool) -> Option<MapBtf> {
        let mut made = self.spec.of_maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&roots) {
            return Some(known.clone());
        }
        let (mut part, numbers) = parts.part(&roots);
        if is_ops {
            // Its key, which the object has no type of.
            part.add_int("", 4, IntEncoding(0));
        }
        let part = part.build().map(Arc::new).ok()?;
        let new = |id: &TypeId| numbers.get(id).copied().unwrap_or(TypeId::VOID);
        let found = (part, roots.iter().map(new).collect());
        made.insert(roots, MapBtf::clone(&found));
        Some(found)
    }

    fn fill(&mut self, id: MapId, bytes: Vec<u8>, kind: Internal) -> Result<(), Unmade> {
        let failed = |what: &str, errno: Errno| Unmade {
            broken: Rule::MapContents.with(errno),
            words: format!("{what}: {}", strerror(errno)),
        };
        // A new map is all zeroes already.
        if !bytes.is_empty() {
            let put = self
                .bpf
                .map_update(id, &0u32.to_le_bytes(), MapValue::Bytes(bytes));
            put.map_err(|errno| Unmade {
                broken: Rule::MapContents.with(errno),
                words: format!("putting value: key 0: {}", updating(errno)),
            })?;
        }
        if !kind.is_readonly() {
            return Ok(());
        }
        self.bpf.map_freeze(id).map_err(|e| failed("freezing map", e))
    }

    fn fill_programs(&mut self, id: MapId, map: &Map) -> Result<(), Unmade> {
        for (slot, target) in &map.slots {
            let name = self.object.programs.get(*target).map_or("", |p| p.name.as_str());
            let value = MapValue::Program(name.to_owned());
            let put = self.bpf.map_update(id, &slot.to_le_bytes(), value);
            put.map_err(|errno| Unmade {
                broken: Rule::MapContents.with(errno),
                words: format!("putting value: key {slot}: {}", updating(errno)),
            })?;
        }
        Ok(())
    }

    fn fill_struct_ops(&mut self, id: MapId, filled: &StructOps) -> Result<(), Unmade> {
        let Some(btf) = &self.object.btf else {
            return Ok(());
        };
        let value = ops::value(btf, filled, &self.spec.implements, &self.object.kernel_btf);
        let value = value.map_err(|e| Unmade::by(Rule::StructOpsMap, e))?;
        let name = |at: &usize| self.object.programs.get(*at).map_or("", |p| p.name.as_str());
        let programs = value
            .programs
            .iter()
            .map(|(offset, at)| (*offset, name(at).to_owned()));
        let value = MapValue::StructOps(value.bytes, programs.collect());
        let put = self.bpf.map_update(id, &0u32.to_le_bytes(), value);
        put.map_err(|errno| Unmade {
            broken: Rule::StructOpsMap.with(errno),
            words: updating(errno),
        })
    }

    fn fill_outer(&mut self, id: MapId, map: &Map, ids: &[Option<MapId>]) -> Result<(), Unmade> {
        for (slot, target) in &map.slots {
            let Some(inner) = ids.get(*target).copied().flatten() else {
                continue;
            };
            let put = self.bpf.map_update(id, &slot.to_le_bytes(), MapValue::Map(inner));
            put.map_err(|errno| Unmade {
                broken: Rule::MapContents.with(errno),
                words: format!("putting value: key {slot}: {}", updating(errno)),
            })?;
        }
        Ok(())
    }
}

fn refused(what: String, unmade: Unmade) -> Refused {
    let Unmade { broken, words } = unmade.within(&what);
    Refused { broken, words }
}

/// A definition with what is left empty in objects or depends on the machine (`fixupMagicFields`).
fn completed(def: &MapDef, cpus: u32) -> Result<MapDef, Unmade> {
    let mut def = def.clone();
    let unfit = |size: u32, what: &str, of: &str| {
        let words = || format!("{what} must be zero or four for {of}");
        if matches!(size, 0 | 4) {
            Ok(4)
        } else {
            Err(Unmade::by(Rule::MapAttributes, words()))
        }
    };
    if def.is_map_in_map() {
        def.value_size = unfit(def.value_size, "ValueSize", "map of map")?;
    } else if def.is(MapType::PerfEventArray) {
        def.key_size = unfit(def.key_size, "KeySize", "perf event array")?;
        def.value_size = unfit(def.value_size, "ValueSize", "perf event array")?;
    }
    let per_cpu = def.is(MapType::PerfEventArray) || def.is(MapType::Cpumap);
    if per_cpu && (def.max_entries == 0 || def.max_entries > cpus) {
        def.max_entries = cpus;
    }
    Ok(def)
}

/// What the library says of a refused update.
fn updating(errno: Errno) -> String {
    let said = match errno {
        Errno::ENOENT => "key does not exist".to_owned(),
        Errno::EEXIST => "key already exists".to_owned(),
        ENOTSUPP => "operation not supported".to_owned(),
        Errno::E2BIG => format!("key too big for map: {}", strerror(errno)),
        errno => strerror(errno),
    };
    format!("update: {said}")
}

/// What the library says of the kernel's refusal.
fn failure(def: &MapDef, errno: Errno) -> String {
    let said = strerror(errno);
    let with = |hint: String| format!("map create: {said} ({hint})");
    if errno == Errno::EPERM {
        return with("MEMLOCK may be too low, consider rlimit.RemoveMemlock".to_owned());
    }
    if errno != Errno::EINVAL {
        return format!("map create: {said}");
    }
    let is_one_of = |types: &[MapType]| types.iter().any(|ty| def.is(*ty));
    let storage = [
        MapType::CgroupStorage,
        MapType::PercpuCgroupStorage,
        MapType::CgrpStorage,
        MapType::InodeStorage,
        MapType::TaskStorage,
        MapType::SkStorage,
    ];
    let late = [
        MapType::CgrpStorage,
        MapType::InodeStorage,
        MapType::TaskStorage,
        MapType::SkStorage,
        MapType::LpmTrie,
    ];
    let name = type_name(def.map_type);
    let is_late = def.map_flags & BPF_F_NO_PREALLOC != 0;
    if def.max_entries == 0 && !is_one_of(&storage) {
        return with("MaxEntries may be incorrectly set to zero".to_owned());
    }
    if def.map_type == 0 {
        return format!("map create: {NO_TYPE}");
    }
    if is_late && !is_one_of(&late) {
        return with(format!(
            "BPF_F_NO_PREALLOC flag may be incompatible with map type {name}"
        ));
    }
    if !is_late && is_one_of(&late) {
        return with(format!(
            "BPF_F_NO_PREALLOC flag may need to be set for map type {name}"
        ));
    }
    let odd = !def.max_entries.is_multiple_of(PAGE_SIZE) || !def.max_entries.is_power_of_two();
    if is_one_of(&[MapType::Ringbuf, MapType::UserRingbuf]) && odd {
        let size = def.max_entries;
        return with(format!(
            "ring map size {size} not a multiple of page size {PAGE_SIZE}"
        ));
    }
    format!("map create: {said}")
}

/// The library's name of a map type.
fn type_name(raw: u32) -> String {
    NAMES
        .get(raw as usize)
        .map_or_else(|| format!("MapType({raw})"), |name| (*name).to_owned())
}

const NAMES: [&str; 35] = [
    "UnspecifiedMap",
    "Hash",
    "Array",
    "ProgramArray",
    "PerfEventArray",
    "PerCPUHash",
    "PerCPUArray",
    "StackTrace",
    "CGroupArray",
    "LRUHash",
    "LRUCPUHash",
    "LPMTrie",
    "ArrayOfMaps",
    "HashOfMaps",
    "DevMap",
    "SockMap",
    "CPUMap",
    "XSKMap",
    "SockHash",
    "CGroupStorage",
    "ReusePortSockArray",
    "PerCPUCGroupStorage",
    "Queue",
    "Stack",
    "SkStorage",
    "DevMapHash",
    "StructOpsMap",
    "RingBuf",
    "InodeStorage",
    "TaskStorage",
    "BloomFilter",
    "UserRingbuf",
    "CgroupStorage",
    "Arena",
    "InsnArray",
];
