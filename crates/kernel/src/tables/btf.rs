//! What a kernel knows of the BTF that programs bring along.
//!
//! Source: `kernel/bpf/btf.c` and `include/uapi/linux/btf.h`.

use crate::Kernel;

/// How a release reads the BTF of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BtfRules {
    /// Kinds from this number on are unknown (`NR_BTF_KINDS`).
    pub kinds: u32,
    /// Whether a data section may be called by any printable characters, rather than like a variable.
    pub printable_sections: bool,
    /// Whether a data section may have no variables.
    pub empty_sections: bool,
    /// Whether an enumeration's flag may be set, which says that its values are signed.
    pub flagged_enums: bool,
    /// Whether special fields are looked for in structs when BTF is loaded, and in structs and arrays within others.
    pub struct_fields: bool,
    /// Whether variables of a data section may be special fields.
    pub section_fields: bool,
    /// Whether each kind of special fields of a map's value is looked for by itself.
    pub fields_apart: bool,
    /// Special fields that a type may have.
    pub max_fields: usize,
    /// Whether pointers that maps keep may be to objects of program types.
    pub local_kptrs: bool,
    /// The tags of pointers to kernel objects that maps keep.
    pub kptr_tags: KptrTags,
}

/// The type tags by which pointers to kernel objects are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KptrTags {
    /// One that holds no reference.
    pub unreferenced: &'static str,
    /// One that holds a reference.
    pub referenced: &'static str,
    /// One to an object with a copy for each CPU, where there are such.
    pub percpu: Option<&'static str>,
}

impl BtfRules {
    pub(in crate::tables) const BASE: BtfRules = BtfRules {
        kinds: 20,
        printable_sections: true,
        empty_sections: true,
        flagged_enums: true,
        struct_fields: true,
        section_fields: true,
        fields_apart: false,
        max_fields: 11,
        local_kptrs: true,
        kptr_tags: KptrTags {
            unreferenced: "kptr_untrusted",
            referenced: "kptr",
            percpu: Some("percpu_kptr"),
        },
    };
}

impl Kernel {
    /// How this kernel reads the BTF of programs.
    pub fn btf_rules(&self) -> BtfRules {
        self.tables.changes.btf
    }
}
