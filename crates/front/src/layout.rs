//! Structs that pass between user space and the kernel, as the played kernel's BTF has them: a field that it lacks is
//! not there.

use std::collections::HashMap;

use verdict_btf::{Btf, Kind, Type};

/// How deep structs are within structs.
const DEPTH: u8 = 6;

/// Where the fields of a struct or union are; those of structs within it by `outer.inner`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Bytes of the whole.
    pub(crate) size: usize,
    fields: HashMap<String, (usize, usize)>,
}

impl Layout {
    /// The layout of a type of this name; empty if there is none.
    pub(crate) fn of(btf: &Btf, kind: Kind, name: &str) -> Layout {
        let Some(ty) = btf.find(name, kind).and_then(|id| btf.ty(id)) else {
            return Layout::default();
        };
        let mut layout = Layout {
            size: ty.size() as usize,
            ..Layout::default()
        };
        layout.add(btf, ty, "", 0, DEPTH);
        layout
    }

    fn add(&mut self, btf: &Btf, ty: Type<'_>, prefix: &str, base: usize, depth: u8) {
        for member in ty.members() {
            let at = base + member.byte_offset() as usize;
            let inner = btf.skip_mods_and_typedefs(member.ty);
            let composite = inner.filter(|ty| matches!(ty.kind(), Kind::Struct | Kind::Union));
            let name = format!("{prefix}{}", member.name());
            let below = if member.name().is_empty() {
                prefix.to_owned()
            } else {
                let size = btf.resolve_size(member.ty).unwrap_or(0) as usize;
                self.fields.entry(name.clone()).or_insert((at, size));
                format!("{name}.")
            };
            if let (Some(inner), Some(left)) = (composite, depth.checked_sub(1)) {
                self.add(btf, inner, &below, at, left);
            }
        }
    }

    /// Offset and size of a field.
    pub(crate) fn field(&self, name: &str) -> Option<(usize, usize)> {
        self.fields.get(name).copied()
    }

    /// Where the first of these fields that there is ends.
    pub(crate) fn end(&self, names: &[&str]) -> Option<usize> {
        let (at, size) = names.iter().find_map(|name| self.field(name))?;
        at.checked_add(size)
    }
}

/// Bytes of a struct.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'l> {
    layout: &'l Layout,
    pub(crate) bytes: Vec<u8>,
}

impl<'l> Fields<'l> {
    /// These bytes, with zeros for what is missing.
    pub(crate) fn new(layout: &'l Layout, mut bytes: Vec<u8>) -> Fields<'l> {
        bytes.resize(layout.size, 0);
        Fields { layout, bytes }
    }

    /// Offset and size of a field.
    pub(crate) fn field(&self, name: &str) -> Option<(usize, usize)> {
        self.layout.field(name)
    }

    /// The field's bytes; none if there is no such field.
    pub(crate) fn raw(&self, name: &str) -> &[u8] {
        let found = self.layout.field(name);
        found
            .and_then(|(at, size)| self.bytes.get(at..at.checked_add(size)?))
            .unwrap_or_default()
    }

    /// A number; 0 if there is no such field.
    pub(crate) fn u64(&self, name: &str) -> u64 {
        let bytes = self.raw(name).iter().take(8);
        bytes.rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The same of 32 bits.
    pub(crate) fn u32(&self, name: &str) -> u32 {
        self.u64(name) as u32
    }

    /// A descriptor.
    pub(crate) fn fd(&self, name: &str) -> i32 {
        self.u32(name) as i32
    }

    /// Sets a number, if there is such a field.
    pub(crate) fn set(&mut self, name: &str, value: u64) {
        self.set_bytes(name, &value.to_le_bytes());
    }

    /// Sets the beginning of a field, or as much of it as there is room.
    pub(crate) fn set_bytes(&mut self, name: &str, value: &[u8]) {
        let Some((at, size)) = self.layout.field(name) else {
            return;
        };
        if let Some(room) = self.bytes.get_mut(at..at.saturating_add(size)) {
            for (to, from) in room.iter_mut().zip(value) {
                *to = *from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verdict_kernel::Kernel;

    #[test]
    fn attributes_are_where_the_header_has_them() {
        let kernel = Kernel::open("6.12").unwrap();
        let layout = Layout::of(&kernel.btf, Kind::Union, "bpf_attr");
        assert_eq!(layout.field("prog_type"), Some((0, 4)));
        assert_eq!(layout.field("insns"), Some((8, 8)));
        assert_eq!(layout.field("map_name"), Some((28, 16)));
        assert_eq!(layout.field("info.info_len"), Some((4, 4)));
        assert_eq!(layout.field("link_create.attach_type"), Some((8, 4)));
        assert_eq!(layout.end(&["no_such", "prog_token_fd"]), Some(148));
        let older = Kernel::open("5.10").unwrap();
        let older = Layout::of(&older.btf, Kind::Union, "bpf_attr");
        assert_eq!(older.field("log_true_size"), None);
    }
}
