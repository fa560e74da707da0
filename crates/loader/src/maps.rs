//! Maps of an object: how they are described, and those that libbpf makes up for global data.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use verdict_btf::{Btf, Kind, TypeId, VarLinkage};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::error::{Warnings, owned_name, warning};

pub(crate) const PAGE_SIZE: u32 = 4096;
/// Bytes of a name that the kernel takes, the NUL included.
pub(crate) const OBJ_NAME_LEN: usize = 16;

const BPF_F_RDONLY_PROG: u32 = 1 << 7;
pub(crate) const BPF_F_MMAPABLE: u32 = 1 << 10;
pub(crate) const BPF_F_LINK: u32 = 1 << 13;

/// A map that stands for a section of global data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Internal {
    Data,
    Bss,
    Rodata,
    Kconfig,
}

impl Internal {
    /// Whether neither programs nor, once loaded, user space may write to it.
    pub(crate) fn is_readonly(self) -> bool {
        matches!(self, Internal::Rodata | Internal::Kconfig)
    }
}

/// The attributes of a map that its definition gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapDef {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) numa_node: u32,
    pub(crate) map_extra: u64,
    pub(crate) key_type: Option<TypeId>,
    pub(crate) value_type: Option<TypeId>,
}

impl MapDef {
    pub(crate) fn is(&self, map_type: MapType) -> bool {
        self.map_type == map_type.raw()
    }

    pub(crate) fn is_map_in_map(&self) -> bool {
        self.is(MapType::ArrayOfMaps) || self.is(MapType::HashOfMaps)
    }

    /// Rounds a ring buffer's size as the kernel wants it.
    pub(crate) fn adjust_ringbuf(&mut self) {
        if self.is(MapType::Ringbuf) || self.is(MapType::UserRingbuf) {
            self.max_entries = ringbuf_size(self.max_entries);
        }
    }
}

/// A map.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) name: String,
    /// Section it is defined in.
    pub(crate) section: usize,
    pub(crate) section_offset: u64,
    pub(crate) internal: Option<Internal>,
    pub(crate) def: MapDef,
    /// Number of elements that is assumed where the definition gives none.
    pub(crate) assumed: Option<u32>,
    /// Its variable in the data section of its definition.
    pub(crate) var_index: usize,
    /// Shape of the inner maps.
    pub(crate) inner: Option<MapDef>,
    /// Initial elements: maps or programs by their index in the object.
    pub(crate) slots: BTreeMap<u32, usize>,
    /// Initial value of global data; empty where it is all zeroes.
    pub(crate) data: Arc<[u8]>,
    /// What replaces parts of `data`: offset and bytes, inside the value's size, the last one on top.
    pub(crate) presets: Vec<(usize, Vec<u8>)>,
    pub(crate) autocreate: bool,
    pub(crate) struct_ops: Option<StructOps>,
}

impl Map {
    pub(crate) fn new(name: &str, section: usize, section_offset: u64) -> Map {
        Map {
            name: owned_name(name),
            section,
            section_offset,
            internal: None,
            def: MapDef::default(),
            assumed: None,
            var_index: 0,
            inner: None,
            slots: BTreeMap::new(),
            data: Arc::from([]),
            presets: Vec::new(),
            autocreate: true,
            struct_ops: None,
        }
    }

    /// The initial value of a created map of global data.
    pub(crate) fn contents(&self) -> Vec<u8> {
        let mut bytes = self.data.to_vec();
        if !self.presets.is_empty() {
            bytes.resize(self.def.value_size as usize, 0);
        }
        for (offset, preset) in &self.presets {
            for (slot, byte) in bytes.iter_mut().skip(*offset).zip(preset) {
                *slot = *byte;
            }
        }
        bytes
    }

    /// The map of a section of global data, or of the kernel's configuration.
    pub(crate) fn for_data(
        object: &str,
        kind: Internal,
        section_name: &str,
        section: usize,
        size: u64,
        data: &[u8],
        ty: Option<DataType>,
        warnings: &mut Warnings,
    ) -> Result<Map, Errno> {
        let mut map = Map::new(&internal_name(object, section_name), section, 0);
        map.internal = Some(kind);
        map.data = Arc::from(data);
        map.def = MapDef {
            map_type: MapType::Array.raw(),
            key_size: 4,
            // As in libbpf, only the lower half of a size counts.
            value_size: size as u32,
            max_entries: 1,
            map_flags: if kind.is_readonly() { BPF_F_RDONLY_PROG } else { 0 },
            ..MapDef::default()
        };
        if let Some(ty) = ty {
            map.def.value_type = Some(ty.id);
            if ty.is_mmapable {
                map.def.map_flags |= BPF_F_MMAPABLE;
            }
        }
        if map.def.value_size == 0 {
            warning!(
                warnings,
                "failed to alloc map '{}' content buffer: -{}",
                map.name,
                Errno::EINVAL.0
            );
            return Err(Errno::EINVAL);
        }
        Ok(map)
    }
}

/// What a struct_ops map is filled with.
#[derive(Clone, Debug)]
pub(crate) struct StructOps {
    /// The struct in the object's BTF.
    pub(crate) type_id: TypeId,
    /// The section that has its initial value, without the programs.
    pub(crate) section: Arc<[u8]>,
    /// Where the value begins there.
    pub(crate) start: usize,
    /// Programs by the byte offset of the member that points to them.
    pub(crate) programs: BTreeMap<u32, usize>,
}

impl StructOps {
    /// Whether the bytes are zero.
    pub(crate) fn is_zero_bytes(&self, offset: u32, size: u32) -> bool {
        let value = self.section.get(self.start..).unwrap_or_default();
        let bytes = value.iter().skip(offset as usize).take(size as usize);
        bytes.into_iter().all(|b| *b == 0)
    }

    /// Whether the bytes are zero and no program is among them.
    pub(crate) fn is_zero(&self, offset: u32, size: u32) -> bool {
        let Some(end) = offset.checked_add(size) else {
            return false;
        };
        let value = self.section.get(self.start..).unwrap_or_default();
        let bytes = value.get(offset as usize..end as usize).unwrap_or_default();
        bytes.iter().all(|b| *b == 0) && self.programs.range(offset..end).next().is_none()
    }
}

/// What BTF knows of a section of global data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataType {
    id: TypeId,
    is_mmapable: bool,
}

impl DataType {
    /// The types of sections by name, each looked for once: many sections may have one name, and many types of other names
    /// lie where one is looked for.
    pub(crate) fn of<'n>(btf: &Btf, sections: impl Iterator<Item = &'n str>) -> HashMap<&'n str, DataType> {
        let sections: HashSet<&str> = sections.collect();
        let mut found = HashMap::new();
        let mut add = |name: &'n str, id: TypeId| {
            found.entry(name).or_insert_with(|| DataType {
                id,
                is_mmapable: is_mmapable(btf, id),
            });
        };
        if sections.len() <= FEW {
            for name in sections {
                btf.find_any(name).into_iter().for_each(|id| add(name, id));
            }
        } else {
            let types = btf.types().map(|ty| (ty.name(), ty.id()));
            for (name, id) in types.filter(|(name, _)| !name.is_empty()) {
                sections.get(name).into_iter().for_each(|name| add(name, id));
            }
        }
        found
    }
}

/// As many sections as are looked up one by one.
const FEW: usize = 16;

/// Global data is mapped into user space when a variable of it is visible there.
fn is_mmapable(btf: &Btf, id: TypeId) -> bool {
    let Some(sec) = btf.ty(id).filter(|t| t.kind() == Kind::DataSec) else {
        return false;
    };
    sec.vars()
        .filter_map(|v| v.type_())
        .any(|v| v.kind() == Kind::Var && v.var_linkage() != Some(VarLinkage::Static))
}

/// The name of the map of a data section: what is left of 15 bytes goes to the object's name, unless the
/// section is one of the programmer's own (`.data.x`).
fn internal_name(object: &str, section: &str) -> String {
    let room = OBJ_NAME_LEN - 1;
    let suffix = section.len().max(7).min(room);
    let custom = section.get(1..).is_some_and(|s| s.contains('.'));
    let prefix = if custom {
        0
    } else {
        (room - suffix).min(object.len())
    };
    let bytes = object.bytes().take(prefix).chain(section.bytes().take(suffix));
    let keep = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    bytes.map(|b| if keep(b) { char::from(b) } else { '_' }).collect()
}

/// The nearest size not below `size` that a ring buffer may have: a power of two of pages.
fn ringbuf_size(size: u32) -> u32 {
    if size == 0 || (size.is_multiple_of(PAGE_SIZE) && (size / PAGE_SIZE).is_power_of_two()) {
        return size;
    }
    let mut bytes = PAGE_SIZE;
    loop {
        if bytes > size {
            return bytes;
        }
        match bytes.checked_mul(2) {
            Some(next) => bytes = next,
            // Let the kernel refuse it.
            None => return size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_maps() {
        assert_eq!(internal_name("my_object_name", ".rodata"), "my_objec.rodata");
        assert_eq!(internal_name("my_object_name", ".bss"), "my_objec.bss");
        assert_eq!(internal_name("my_object_name", ".kconfig"), "my_obje.kconfig");
        assert_eq!(
            internal_name("my_object_name", ".rodata.abracadabra"),
            ".rodata.abracad"
        );
        assert_eq!(internal_name("x-y", ".bss"), "x_y.bss");
    }

    #[test]
    fn ringbuf_sizes() {
        assert_eq!(ringbuf_size(0), 0);
        assert_eq!(ringbuf_size(1), 4096);
        assert_eq!(ringbuf_size(4096), 4096);
        assert_eq!(ringbuf_size(4097), 8192);
        assert_eq!(ringbuf_size(12288), 16384);
        assert_eq!(ringbuf_size(u32::MAX), u32::MAX);
    }
}
