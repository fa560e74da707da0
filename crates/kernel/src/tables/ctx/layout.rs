//! Rows that describe a structure, and the one function that applies them.

use super::{CtxAccess, CtxAnswer, CtxQuery};
use crate::prog::AttachType;
use crate::semantics::control::NarrowPointer;
use crate::types::{Flags, RegBase, RegType};

/// The direction of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
}

/// An access that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Offset from the structure's start.
    pub off: i32,
    /// Bytes.
    pub size: u32,
    /// The direction.
    pub access: Access,
    /// Whether it is a load that extends the sign.
    pub sign_extending: bool,
}

/// Which accesses a field takes. All of them must be aligned to their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// None.
    Never,
    /// Of exactly this many bytes.
    Exact(u8),
    /// Of exactly this many bytes, and not by a sign-extending load.
    ZeroExtended(u8),
    /// Of this many bytes or fewer.
    Narrow(u8),
    /// Of this many bytes or fewer; a narrower one only at the field's first byte.
    NarrowAtStart(u8),
    /// Of at least `min` bytes and at most `full`.
    NarrowFrom {
        /// Fewest bytes.
        min: u8,
        /// All bytes.
        full: u8,
    },
    /// Of `own` bytes or fewer, or of exactly `padded`, which covers the padding behind the field.
    NarrowOrPadded {
        /// Bytes of the field itself.
        own: u8,
        /// Bytes with padding.
        padded: u8,
    },
    /// Of `part` bytes or fewer, or of 8 bytes inside the field.
    NarrowOrWide(u8),
    /// Of exactly this many bytes, or of 8 bytes inside the field.
    ExactOrWide(u8),
    /// Of any size, inside the field.
    Inside,
    /// Of any size, starting inside the field.
    Starting,
}

impl Sizes {
    /// Whether an aligned access of `size` bytes at `at`, counted from the field's start, is taken; and the
    /// size of the field when narrower accesses to it are allowed.
    fn take(self, field: &Field, off: u32, size: u32, sign_extending: bool) -> Option<u32> {
        let within = |n: u8| (size <= u32::from(n) && size.is_power_of_two()).then_some(u32::from(n));
        let exactly = |n: u8| (size == u32::from(n)).then_some(0);
        let end = field.off + field.size;
        let inside = off.checked_add(size).is_some_and(|to| to <= end);
        let wide = (size == 8 && inside).then_some(());
        match self {
            Sizes::Never => None,
            Sizes::Exact(n) => exactly(n),
            Sizes::ZeroExtended(n) => exactly(n).filter(|_| !sign_extending),
            Sizes::Narrow(n) => within(n),
            Sizes::NarrowAtStart(n) => within(n).filter(|_| off == field.off),
            Sizes::NarrowFrom { min, full } => within(full).filter(|_| size >= u32::from(min)),
            Sizes::NarrowOrPadded { own, padded } => within(own).or(exactly(padded)),
            Sizes::NarrowOrWide(n) => wide.map(|()| u32::from(n)).or(within(n)),
            Sizes::ExactOrWide(n) => wide.map(|()| 0).or(exactly(n)),
            Sizes::Inside => inside.then_some(0),
            Sizes::Starting => Some(0),
        }
    }
}

/// What comes of reads that start behind a field's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// As at the first byte.
    Field,
    /// The field's rule looks at its first byte only. Reads of these sizes pass behind it, and then nothing converts
    /// them (`convert_ctx_accesses`).
    Unconvertible(Sizes),
    /// The same where the field is a pointer and [`NarrowPointer::Unconvertible`] holds; else as
    /// [`Rest::Field`].
    UnconvertiblePointer(Sizes),
}

/// The upper half of a field of eight bytes in structures whose other fields are of four.
pub(super) const HALF: Rest = Rest::UnconvertiblePointer(Sizes::Exact(4));

/// A field of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Offset of its first byte.
    pub off: u32,
    /// Bytes.
    pub size: u32,
    /// The reads it takes.
    pub read: Sizes,
    /// The writes it takes.
    pub write: Sizes,
    /// What comes of reads that start behind its first byte.
    pub rest: Rest,
    /// What a read gives.
    pub reg: RegType,
    /// Name of the kernel structure pointed at, when `reg` is a BTF object.
    pub btf: Option<&'static str>,
    /// Attach types that may read the field; all when empty.
    pub readers: &'static [AttachType],
    /// Attach types that may write the field; all when empty.
    pub writers: &'static [AttachType],
    /// Whether the kernel converts accesses to it: not to bytes that no field has, where it lets them pass.
    pub converts: bool,
    /// Reading needs `CAP_BPF`.
    pub read_needs_cap: bool,
    /// Writing needs `CAP_BPF`.
    pub write_needs_cap: bool,
}

impl Field {
    /// A field that is read as a number and not written.
    pub(in crate::tables) const fn new(name: &'static str, off: u32, size: u32, read: Sizes) -> Field {
        Field {
            name,
            off,
            size,
            read,
            write: Sizes::Never,
            rest: Rest::Field,
            reg: RegType::new(RegBase::Scalar, Flags::NONE),
            btf: None,
            readers: &[],
            writers: &[],
            converts: true,
            read_needs_cap: false,
            write_needs_cap: false,
        }
    }
    /// A field of four bytes that is read whole or in parts.
    pub(in crate::tables) const fn narrow(name: &'static str, off: u32) -> Field {
        Field::new(name, off, 4, Sizes::Narrow(4))
    }
    /// A field of four bytes that is only read whole.
    pub(in crate::tables) const fn whole(name: &'static str, off: u32) -> Field {
        Field::new(name, off, 4, Sizes::Exact(4))
    }
    /// A field of eight bytes that is only read whole and gives a pointer.
    pub(in crate::tables) const fn pointer(name: &'static str, off: u32, base: RegBase) -> Field {
        Field::new(name, off, 8, Sizes::Exact(8)).gives(base, Flags::NONE)
    }
    /// The field gives this type of register.
    pub(in crate::tables) const fn gives(self, base: RegBase, flags: Flags) -> Field {
        Field {
            reg: RegType::new(base, flags),
            ..self
        }
    }
    /// The kernel converts no access to it.
    pub(in crate::tables) const fn unconvertible(self) -> Field {
        Field {
            converts: false,
            ..self
        }
    }
    /// What comes of reads that start behind the field's first byte.
    pub(in crate::tables) const fn rest(self, rest: Rest) -> Field {
        Field { rest, ..self }
    }
    /// The field may be NULL.
    pub(in crate::tables) const fn or_null(self) -> Field {
        Field {
            reg: self.reg.with(Flags::MAYBE_NULL),
            ..self
        }
    }
    /// The field gives a trusted pointer to this kernel structure.
    pub(in crate::tables) const fn trusted(self, btf: &'static str) -> Field {
        Field {
            btf: Some(btf),
            ..self.gives(RegBase::BtfId, Flags::TRUSTED)
        }
    }
    /// The field is written like this.
    pub(in crate::tables) const fn writes(self, write: Sizes) -> Field {
        Field { write, ..self }
    }
    /// Only these attach types have the field.
    pub(in crate::tables) const fn only(self, attach: &'static [AttachType]) -> Field {
        Field {
            readers: attach,
            writers: attach,
            ..self
        }
    }
    /// Only these attach types may write the field.
    pub(in crate::tables) const fn written_by(self, attach: &'static [AttachType]) -> Field {
        Field {
            writers: attach,
            ..self
        }
    }

    fn covers(&self, off: u32) -> bool {
        off >= self.off && off - self.off < self.size
    }

    fn permits(&self, q: &CtxQuery, access: Access) -> bool {
        let (attach, needs_cap) = match access {
            Access::Read => (self.readers, self.read_needs_cap),
            Access::Write => (self.writers, self.write_needs_cap),
        };
        (attach.is_empty() || attach.contains(&q.attach_type)) && (q.cap_bpf || !needs_cap)
    }
}

/// A structure: its fields in order of their offsets. What no field covers is out of bounds.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Name of the structure as programs declare it.
    pub name: &'static str,
    /// The fields.
    pub fields: std::borrow::Cow<'static, [Field]>,
}

impl Layout {
    pub(in crate::tables) const fn new(name: &'static str, fields: &'static [Field]) -> Layout {
        Layout {
            name,
            fields: std::borrow::Cow::Borrowed(fields),
        }
    }

    /// Judges an access by the rows.
    pub(super) fn access(&self, q: &CtxQuery, asked: &Asked, narrow: NarrowPointer) -> CtxAnswer {
        self.allowed(q, asked, narrow)
            .map_or(CtxAnswer::Denied, CtxAnswer::Allowed)
    }

    fn allowed(&self, q: &CtxQuery, asked: &Asked, narrow: NarrowPointer) -> Option<CtxAccess> {
        let Asked {
            size,
            access,
            sign_extending,
            ..
        } = *asked;
        let off = u32::try_from(asked.off).ok()?;
        if size == 0 || !off.is_multiple_of(size) {
            return None;
        }
        let after = self.fields.partition_point(|f| f.off <= off);
        let field = self.fields.get(after.checked_sub(1)?)?;
        if !field.covers(off) || !field.permits(q, access) {
            return None;
        }
        let unconvertible = match field.rest {
            Rest::Unconvertible(sizes) => Some(sizes),
            Rest::UnconvertiblePointer(sizes) => (narrow == NarrowPointer::Unconvertible).then_some(sizes),
            Rest::Field => None,
        };
        if let (Some(sizes), Access::Read) = (unconvertible.filter(|_| off != field.off), access) {
            return Some(CtxAccess {
                name: field.name,
                reg_type: RegType::new(RegBase::Scalar, Flags::NONE),
                field_size: sizes.take(field, off, size, sign_extending)?,
                btf: None,
                converts: false,
            });
        }
        let sizes = match access {
            Access::Read => field.read,
            Access::Write => field.write,
        };
        let field_size = sizes.take(field, off, size, sign_extending)?;
        Some(CtxAccess {
            name: field.name,
            reg_type: field.reg,
            field_size,
            btf: field.btf,
            converts: field.converts,
        })
    }
}
