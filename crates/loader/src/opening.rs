//! The object while it is opened: what the steps of opening read, and what they add to it.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_btf::ext::BtfExt;
use verdict_kernel::Kernel;

use crate::elf::{Budget, Elf};
use crate::error::Warnings;
use crate::externs::Externs;
use crate::maps::{Map, OBJ_NAME_LEN};
use crate::program::{Code, Program};

/// What a section is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum SecKind {
    #[default]
    Unused,
    Relocs,
    Bss,
    Data,
    Rodata,
    StructOps,
}

/// The object while it is opened.
pub(crate) struct Opening<'a> {
    pub(crate) elf: Elf<'a>,
    pub(crate) path: &'a str,
    /// What object and data maps are called.
    pub(crate) name: String,
    /// What each section is for.
    pub(crate) kinds: Vec<SecKind>,
    pub(crate) text: Option<usize>,
    pub(crate) maps_section: Option<usize>,
    /// Sections of maps that are defined by plain structs.
    pub(crate) struct_sections: Vec<usize>,
    /// Whether conventions of other loaders are kept.
    pub(crate) lenient: bool,
    /// Whether it is aya whose conventions they are.
    pub(crate) is_aya: bool,
    pub(crate) arena_section: Option<usize>,
    pub(crate) has_struct_ops: bool,
    pub(crate) license: String,
    pub(crate) version: u32,
    pub(crate) programs: Vec<Program>,
    pub(crate) code: Code,
    pub(crate) btf: Option<Arc<Btf>>,
    pub(crate) ext: Option<BtfExt>,
    pub(crate) externs: Externs,
    pub(crate) maps: Vec<Map>,
    pub(crate) kconfig_map: Option<usize>,
    pub(crate) arena_map: Option<usize>,
    pub(crate) budget: Budget,
    pub(crate) w: &'a mut Warnings,
}

impl<'a> Opening<'a> {
    /// An object of `size` bytes of which nothing but ELF has been read.
    pub(crate) fn new(
        path: &'a str,
        elf: Elf<'a>,
        size: usize,
        kernel: &Kernel,
        w: &'a mut Warnings,
    ) -> Opening<'a> {
        Opening {
            kinds: vec![SecKind::Unused; elf.sections.len()],
            elf,
            path,
            name: short_name(path),
            text: None,
            maps_section: None,
            struct_sections: Vec::new(),
            lenient: false,
            is_aya: false,
            arena_section: None,
            has_struct_ops: false,
            license: String::new(),
            version: kernel.version_code(),
            programs: Vec::new(),
            code: Code::default(),
            btf: None,
            ext: None,
            externs: Externs::default(),
            maps: Vec::new(),
            kconfig_map: None,
            arena_map: None,
            budget: Budget::of(size),
            w,
        }
    }
}

/// What libbpf calls an object in the names of its maps: the file's name without directories and up to its first dot, at
/// most 15 bytes.
fn short_name(path: &str) -> String {
    let base = path.rsplit('/').next().unwrap_or(path);
    let end = base.floor_char_boundary(OBJ_NAME_LEN - 1);
    let name = base.get(..end).unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}
