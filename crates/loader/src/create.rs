//! Creating the maps of an object, and filling them.

use std::sync::Arc;

use verdict_btf::{Btf, TypeId};
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, By, Rule};

use crate::bpf::Bpf;
use crate::error::{Warnings, limit_words, strerror, warning};
use crate::maps::{BPF_F_MMAPABLE, Internal, Map, MapDef, OBJ_NAME_LEN};
use crate::object::Object;
use crate::resolve::Resolved;

/// A name as the kernel is given it.
pub(crate) fn kernel_name(name: &str) -> String {
    name.get(..name.floor_char_boundary(OBJ_NAME_LEN - 1))
        .unwrap_or_default()
        .to_owned()
}

/// Creates the maps; returns those that exist, by their index in the object.
pub(crate) fn create_maps(
    object: &Object,
    resolved: &Resolved,
    btf: Option<&Arc<Btf>>,
    bpf: &mut dyn Bpf,
    w: &mut Warnings,
) -> Result<Arc<[Option<MapId>]>, Broken> {
    let mut creator = Creator {
        object,
        resolved,
        btf,
        bpf,
        w,
        ids: vec![None; object.maps.len()],
    };
    for (index, map) in object.maps.iter().enumerate() {
        if !map.autocreate {
            continue;
        }
        if let Err(e) = creator.map(index, map) {
            let text = strerror(e.errno);
            warning!(
                creator.w,
                "map '{}': failed to create: {text}(-{})",
                map.name,
                e.errno.0
            );
            warn_of_limit(creator.w, object, e.errno);
            return Err(e);
        }
    }
    Ok(creator.ids.into())
}

/// Says which limit may have stopped it (`pr_perm_msg`, for root).
fn warn_of_limit(w: &mut Warnings, object: &Object, errno: Errno) {
    if let (Some(limit), Errno::EPERM) = (object.memlock, errno) {
        warning!(w, "{}", limit_words(limit));
    }
}

struct Creator<'a> {
    object: &'a Object,
    resolved: &'a Resolved,
    btf: Option<&'a Arc<Btf>>,
    bpf: &'a mut dyn Bpf,
    w: &'a mut Warnings,
    ids: Vec<Option<MapId>>,
}

impl Creator<'_> {
    fn map(&mut self, index: usize, map: &Map) -> Result<(), Broken> {
        let mut inner_map = None;
        if let (Some(inner), true) = (&map.inner, map.def.is_map_in_map()) {
            let name = format!("{}.inner", map.name);
            let attr = self.attributes(&name, inner, None);
            inner_map = Some(self.create(&name, attr).inspect_err(|e| {
                warning!(
                    self.w,
                    "map '{}': failed to create inner map: -{}",
                    map.name,
                    e.errno.0
                );
            })?);
        }
        let mut attr = self.attributes(&map.name, &map.def, inner_map);
        if map.internal.is_some() && !self.object.probes.array_mmap {
            attr.map_flags &= !BPF_F_MMAPABLE;
        }
        if let Some((size, id)) = self.resolved.struct_ops.values.get(&index) {
            attr.value_size = *size;
            attr.btf_vmlinux_value_type_id = Some(*id);
        }
        let id = self.create(&map.name, attr)?;
        if let Some(inner) = inner_map {
            self.bpf.map_close(inner);
        }
        if let Some(slot) = self.ids.get_mut(index) {
            *slot = Some(id);
        }
        if let Some(kind) = map.internal {
            self.populate(id, map, kind).by(Rule::MapContents)?;
        }
        if !map.def.is(MapType::ProgArray) {
            self.fill_outer(id, map).by(Rule::MapContents)?;
        }
        Ok(())
    }

    /// The attributes of a map.
    fn attributes(&self, name: &str, def: &MapDef, inner_map: Option<MapId>) -> MapCreate {
        let map_type = MapType::from_raw(def.map_type);
        let mut max_entries = def.max_entries;
        if map_type == Some(MapType::PerfEventArray) && max_entries == 0 {
            max_entries = self.object.nr_cpus;
        }
        let untyped = matches!(
            map_type,
            Some(
                MapType::PerfEventArray
                    | MapType::CgroupArray
                    | MapType::StackTrace
                    | MapType::ArrayOfMaps
                    | MapType::HashOfMaps
                    | MapType::Devmap
                    | MapType::DevmapHash
                    | MapType::Cpumap
                    | MapType::Xskmap
                    | MapType::Sockmap
                    | MapType::Sockhash
                    | MapType::Queue
                    | MapType::Stack
                    | MapType::Arena
            )
        );
        let btf = self.btf.filter(|_| !untyped);
        let typed = |id: Option<TypeId>| id.filter(|_| btf.is_some());
        // The kernel has its own type of a struct_ops map's value.
        let value_type = def.value_type.filter(|_| map_type != Some(MapType::StructOps));
        MapCreate {
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries,
            map_flags: def.map_flags,
            inner_map,
            numa_node: def.numa_node,
            name: kernel_name(name),
            btf: btf.cloned(),
            btf_key_type_id: typed(def.key_type),
            btf_value_type_id: typed(value_type),
            btf_vmlinux_value_type_id: None,
            map_extra: def.map_extra,
        }
    }

    /// Creates a map, a second time without types if need be.
    fn create(&mut self, name: &str, mut attr: MapCreate) -> Result<MapId, Broken> {
        let error = match self.bpf.map_create(&attr) {
            Ok(id) => return Ok(id),
            Err(e) => e,
        };
        if attr.btf_key_type_id.is_none() && attr.btf_value_type_id.is_none() {
            return Err(error);
        }
        let (text, n) = (strerror(error.errno), error.errno.0);
        warning!(
            self.w,
            "Error in bpf_create_map_xattr({name}):{text}(-{n}). Retrying without BTF."
        );
        attr.btf = None;
        attr.btf_key_type_id = None;
        attr.btf_value_type_id = None;
        // Why it did not work with types tells more.
        self.bpf
            .map_create(&attr)
            .map_err(|again| error.rule.with(again.errno))
    }

    /// Gives global data its initial value.
    fn populate(&mut self, id: MapId, map: &Map, kind: Internal) -> Result<(), Errno> {
        let bytes = match kind {
            Internal::Kconfig => self.resolved.kconfig.clone(),
            // A new map is all zeroes already.
            Internal::Bss if map.presets.is_empty() => return Ok(()),
            Internal::Bss | Internal::Data | Internal::Rodata => map.contents(),
        };
        let name = &map.name;
        self.bpf
            .map_update(id, &0u32.to_le_bytes(), MapValue::Bytes(bytes))
            .inspect_err(|e| {
                warning!(
                    self.w,
                    "map '{name}': failed to set initial contents: {}",
                    strerror(*e)
                );
            })?;
        if !kind.is_readonly() {
            return Ok(());
        }
        self.bpf.map_freeze(id).inspect_err(|e| {
            warning!(
                self.w,
                "map '{name}': failed to freeze as read-only: {}",
                strerror(*e)
            );
        })
    }

    /// Fills an outer map.
    fn fill_outer(&mut self, id: MapId, map: &Map) -> Result<(), Errno> {
        for (slot, target) in &map.slots {
            let inner = self.ids.get(*target).copied().flatten();
            // What stands for a map that is created later is no map yet.
            let updated = match inner {
                Some(inner) => self.bpf.map_update(id, &slot.to_le_bytes(), MapValue::Map(inner)),
                None => Err(Errno::EINVAL),
            };
            updated.inspect_err(|e| {
                let target = self.object.maps.get(*target).map_or("", |m| m.name.as_str());
                let (name, fd, n) = (&map.name, inner.map_or(-1, |i| i.0 as i32), e.0);
                warning!(
                    self.w,
                    "map '{name}': failed to initialize slot [{slot}] to map '{target}' fd={fd}: -{n}"
                );
            })?;
        }
        Ok(())
    }
}
