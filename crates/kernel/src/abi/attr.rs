//! What user space hands to bpf(2): the boundary between the loader and the kernel's side.
//!
//! File descriptors are replaced by typed indices: a map by its [`MapId`] in the order of creation, a BTF
//! object by being shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use verdict_btf::{Btf, TypeId};
use verdict_isa::Insn;

use super::errno::Errno;

/// A map created for the object being loaded: its index in order of creation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MapId(pub u32);

/// A program that was loaded before: its index in order of loading.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ProgId(pub u32);

/// The attributes of `BPF_MAP_CREATE`.
#[derive(Clone, Debug, Default)]
pub struct MapCreate {
    /// `BPF_MAP_TYPE_*`.
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub map_flags: u32,
    /// The map whose shape the inner maps have.
    pub inner_map: Option<MapId>,
    /// NUMA node, meaningful with `BPF_F_NUMA_NODE`.
    pub numa_node: u32,
    /// Name as sent: at most 15 bytes.
    pub name: String,
    /// The object's BTF, when the map is described by types of it.
    pub btf: Option<Arc<Btf>>,
    /// Type of the key in `btf`.
    pub btf_key_type_id: Option<TypeId>,
    /// Type of the value in `btf`.
    pub btf_value_type_id: Option<TypeId>,
    /// vmlinux type of a struct_ops map's value.
    pub btf_vmlinux_value_type_id: Option<TypeId>,
    /// Extra bits: the arena's user address, the bloom filter's hash count.
    pub map_extra: u64,
}

/// A value written into a map before the program is loaded.
#[derive(Clone, Debug)]
pub enum MapValue {
    /// Plain bytes.
    Bytes(Vec<u8>),
    /// An inner map.
    Map(MapId),
    /// A program of the object (prog-array), which is loaded later.
    Program(String),
    /// The value of a struct_ops map without its head, and programs of the object by their offset in it.
    StructOps(Vec<u8>, BTreeMap<u32, String>),
}

/// A record of `func_info`: where a function starts and what its type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    /// Index of the function's first instruction.
    pub insn_off: u32,
    /// Its `BTF_KIND_FUNC`.
    pub type_id: TypeId,
}

/// A record of `line_info`: from where on an instruction belongs to a source line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// Index of the first instruction.
    pub insn_off: u32,
    /// File name, an offset into the BTF's strings.
    pub file_name_off: u32,
    /// Text of the line, an offset into the BTF's strings.
    pub line_off: u32,
    /// Line number (upper 22 bits) and column (lower 10).
    pub line_col: u32,
}

impl LineInfo {
    /// The line's number.
    pub fn line(self) -> u32 {
        self.line_col >> 10
    }
}

/// The attributes of `BPF_PROG_LOAD`.
///
/// In `insns`, an `ld_imm64` of a map (`BPF_PSEUDO_MAP_FD`, `BPF_PSEUDO_MAP_VALUE`) has the [`MapId`] of
/// `maps` as its `imm` in place of a file descriptor; a call of a kfunc of vmlinux has its BTF id in `imm`
/// and 0 in `off`.
#[derive(Clone, Debug, Default)]
pub struct ProgLoad {
    /// Name as sent: at most 15 bytes.
    pub name: String,
    /// `BPF_PROG_TYPE_*`.
    pub prog_type: u32,
    /// `BPF_*` attach type; 0 when the type has none.
    pub expected_attach_type: u32,
    /// The program and its subprograms.
    pub insns: Vec<Insn>,
    /// Licence string.
    pub license: String,
    /// `LINUX_VERSION_CODE`, from the `version` section or the running kernel.
    pub kern_version: u32,
    /// `BPF_F_*` (sleepable, test flags…).
    pub prog_flags: u32,
    /// Network device of an offloaded program; 0 is none.
    pub prog_ifindex: u32,
    /// What it attaches to: a type of vmlinux (or of the target program's BTF).
    pub attach_btf_id: Option<TypeId>,
    /// The target program (`attach_prog_fd`), as freplace and tracing of programs need it.
    pub attach_prog: Option<ProgId>,
    /// The object's BTF; `None` when it has none.
    pub btf: Option<Arc<Btf>>,
    /// Functions, sorted by `insn_off`.
    pub func_info: Vec<FuncInfo>,
    /// Lines, sorted by `insn_off`.
    pub line_info: Vec<LineInfo>,
    /// Instructions, in order, whose file descriptor of a map stands in the object itself: their `imm` is that
    /// number, and no [`MapId`].
    pub stray_fds: Vec<u32>,
    /// Those of them, in order, that are not refused because the descriptor is closed: it is open, but of something else
    /// (`EINVAL`), or cannot be read (`EFAULT`).
    pub odd_fds: Vec<(u32, Errno)>,
    /// What is wrong with the form of what comes beside the instructions, which no loader's has.
    pub misfit: Option<Misfit>,
}

/// Records of functions or lines that cannot be read, or descriptors that are of no maps. What comes before it is in
/// [`ProgLoad`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misfit {
    /// Of what.
    pub of: MisfitOf,
    /// How many function records there should be.
    pub funcs: usize,
    /// The errno that the program is refused with.
    pub errno: Errno,
    /// The words in its log.
    pub words: String,
}

/// What a [`Misfit`] is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MisfitOf {
    /// Descriptors of maps and BTF that are passed beside the program (`fd_array_cnt`, Linux 6.14).
    Maps,
    /// The BTF that they are by.
    Btf,
    /// A function's record.
    Funcs,
    /// A line's record.
    Lines,
}

/// What bytes of a name that are no UTF-8 stand as.
const BYTES: u32 = 0xf700;

/// The name that these bytes are of a map or program. Those that are no UTF-8 stand as characters of private use.
pub fn object_name(bytes: &[u8]) -> String {
    let is_byte = |c: char| (BYTES..BYTES + 0x100).contains(&u32::from(c));
    match std::str::from_utf8(bytes) {
        Ok(name) if !name.contains(is_byte) => name.to_owned(),
        _ => {
            let chars = bytes.iter().map(|byte| match byte.is_ascii() {
                true => char::from(*byte),
                false => char::from_u32(BYTES + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER),
            });
            chars.collect()
        }
    }
}

/// The bytes of a name of [`object_name`].
pub fn object_name_bytes(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    for c in name.chars() {
        match u32::from(c)
            .checked_sub(BYTES)
            .and_then(|byte| u8::try_from(byte).ok())
        {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bytes() {
        for bytes in [
            &b"plain"[..],
            b"\xff\xff",
            "\u{e9}\u{20ac}".as_bytes(),
            "\u{f7ff}".as_bytes(),
            b"a\xc3",
        ] {
            assert_eq!(object_name_bytes(&object_name(bytes)), bytes);
        }
        assert_eq!(object_name("\u{e9}".as_bytes()), "\u{e9}");
    }
}
