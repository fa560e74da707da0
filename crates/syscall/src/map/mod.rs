//! Maps: what `BPF_MAP_CREATE` admits, and what a program's verification may ask of one.

mod alloc;
mod create;
pub mod flags;
mod meta;
pub(crate) mod owner;

use std::sync::Arc;

use verdict_btf::TypeId;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::btf::ProgBtf;
use crate::record::{FieldMask, Record};

pub(crate) use alloc::hash_entries;
pub(crate) use create::create_by;
pub(crate) use create::is_object_name;
pub use create::{inner_map_meta, map_create};

/// A map of the kernel (`struct bpf_map`).
#[derive(Clone, Debug)]
pub struct Map {
    /// Its type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*`, without those that belong to the file descriptor only; see [`flags`].
    pub flags: u32,
    /// Bits with a meaning of the type's own: hash count of a bloom filter, user address of an arena.
    pub extra: u64,
    /// Name.
    pub name: String,
    /// BTF that describes it, if any.
    pub btf: Option<Arc<ProgBtf>>,
    /// The value's type there.
    pub value_type: Option<TypeId>,
    /// The type of the kernel that the value of a struct_ops map is of.
    pub ops_type: Option<TypeId>,
    /// Special fields of the value; `None` when it has none.
    pub record: Option<Arc<Record>>,
    /// Kinds of special fields that were looked for by themselves and not without a failure, and that.
    pub unfit_fields: Vec<(FieldMask, Errno)>,
    /// What the maps inside this one look like.
    pub inner: Option<Arc<Map>>,
    /// Whether user space has given up writing.
    pub frozen: bool,
    /// The first element's bytes as user space wrote them; what is missing is zero.
    contents: Vec<u8>,
}

impl Map {
    /// Whether the value has a special field of these kinds.
    pub fn has_field(&self, kinds: FieldMask) -> bool {
        self.record.as_ref().is_some_and(|record| record.has(kinds))
    }

    /// Whether neither side can change the contents any more (`bpf_map_is_rdonly`).
    pub fn is_rdonly(&self) -> bool {
        self.flags & flags::RDONLY_PROG != 0 && self.frozen
    }

    /// Whether programs may read values (`BPF_MAP_CAN_READ`).
    pub fn prog_can_read(&self) -> bool {
        !matches!(self.prog_access(), flags::WRONLY_PROG)
    }

    /// Whether programs may write values (`BPF_MAP_CAN_WRITE`).
    pub fn prog_can_write(&self) -> bool {
        !matches!(self.prog_access(), flags::RDONLY_PROG)
    }

    fn prog_access(&self) -> u32 {
        self.flags & (flags::RDONLY_PROG | flags::WRONLY_PROG)
    }

    /// Whether values of this type have an address that a program can load as a constant.
    pub fn has_direct_value(&self) -> bool {
        matches!(self.map_type, MapType::Array | MapType::Arena)
    }

    /// Whether byte `off` of the map's value can be had as a constant address (`map_direct_value_addr`).
    ///
    /// # Errors
    /// `ENOTSUPP` for an array of several elements, `EINVAL` beyond the value, `ERANGE` beyond the arena. For
    /// types that lack the operation, see [`Map::has_direct_value`], it is `EINVAL`.
    pub fn direct_value_addr(&self, off: u32) -> Result<(), Errno> {
        match self.map_type {
            MapType::Array if self.max_entries != 1 => Err(Errno::ENOTSUPP),
            MapType::Array if off >= self.value_size => Err(Errno::EINVAL),
            MapType::Array => Ok(()),
            MapType::Arena if u64::from(off) > self.arena_user_bytes() => Err(Errno::ERANGE),
            MapType::Arena => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Bytes that user space has mapped of an arena: the loader maps all of it, be its address asked for in
    /// [`Map::extra`] or left to the kernel.
    fn arena_user_bytes(&self) -> u64 {
        u64::from(self.max_entries) * u64::from(flags::PAGE_SIZE)
    }

    /// Reads `size` bytes at `off` of a constant map's value (`bpf_map_direct_read`): 1, 2, 4 or 8 bytes,
    /// sign-extended to 64 bits for `signed` loads.
    ///
    /// # Errors
    /// Those of [`Map::direct_value_addr`], and `EINVAL` for other sizes. Bytes past the value, which the
    /// kernel would find in the padding of the element, are zero.
    pub fn read_constant(&self, off: u32, size: u32, signed: bool) -> Result<u64, Errno> {
        self.direct_value_addr(off)?;
        if !matches!(size, 1 | 2 | 4 | 8) {
            return Err(Errno::EINVAL);
        }
        let at = |i: u32| -> u8 {
            let index = off.checked_add(i).map(|i| i as usize);
            index.and_then(|i| self.contents.get(i)).copied().unwrap_or(0)
        };
        let raw = (0..size).fold(0u64, |value, i| value | u64::from(at(i)) << (8 * i));
        let unused = 64 - 8 * size;
        Ok(if signed {
            ((raw << unused) as i64 >> unused) as u64
        } else {
            raw
        })
    }

    /// The NUL-terminated string at `off` of a constant map's value, without its NUL; `None` when no NUL
    /// follows within the value.
    pub fn read_c_string(&self, off: u32) -> Option<Vec<u8>> {
        let left = self.value_size.checked_sub(off)? as usize;
        let stored = self.contents.get(off as usize..).unwrap_or(&[]);
        let stored = stored.get(..left).unwrap_or(stored);
        match stored.iter().position(|&byte| byte == 0) {
            Some(end) => stored.get(..end).map(<[u8]>::to_vec),
            None if stored.len() < left => Some(stored.to_vec()),
            None => None,
        }
    }

    /// `BPF_MAP_FREEZE`.
    ///
    /// # Errors
    /// `ENOTSUPP` when the value has special fields or the map is a struct_ops one, `EBUSY` when it is frozen.
    pub fn freeze(&mut self) -> Result<(), Errno> {
        if self.map_type == MapType::StructOps || self.record.is_some() {
            return Err(Errno::ENOTSUPP);
        }
        if self.frozen {
            return Err(Errno::EBUSY);
        }
        self.frozen = true;
        Ok(())
    }

    /// `BPF_MAP_UPDATE_ELEM` with plain bytes. Only what programs can see as a constant is kept: the element of
    /// an array of one.
    ///
    /// # Errors
    /// `EPERM` when frozen, `E2BIG` for an index that an array lacks, `EFAULT` for too short a key or value.
    pub fn update(&mut self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        if self.frozen {
            return Err(Errno::EPERM);
        }
        if key.len() < self.key_size as usize {
            return Err(Errno::EFAULT);
        }
        if self.map_type != MapType::Array {
            return Ok(());
        }
        let index = key
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let value = value.get(..self.value_size as usize).ok_or(Errno::EFAULT)?;
        if index >= self.max_entries {
            return Err(Errno::E2BIG);
        }
        if index == 0 && self.max_entries == 1 {
            self.contents = value.to_vec();
        }
        Ok(())
    }

    /// `BPF_MAP_UPDATE_ELEM` with another map as the value.
    ///
    /// # Errors
    /// `EPERM` when frozen, `EINVAL` when the map does not have the shape that the inner maps must have or this
    /// holds no maps, `E2BIG` for an index that an array lacks.
    pub fn update_map(&mut self, key: &[u8], value: &Map) -> Result<(), Errno> {
        if self.frozen {
            return Err(Errno::EPERM);
        }
        let index = key
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if self.map_type == MapType::ArrayOfMaps && index >= self.max_entries {
            return Err(Errno::E2BIG);
        }
        match &self.inner {
            Some(inner) if meta::equal(inner, value) => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }
}
