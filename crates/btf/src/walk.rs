//! Walking into structs: what an access of some bytes at some offset of a struct means to the verifier.
//!
//! The rules are those of `btf_struct_walk` in the kernel, with its arithmetic: offsets are compared as
//! unsigned 32-bit numbers, whatever their sign.

use crate::error::errno;
use crate::{Btf, Kind, Member, Type, TypeId};

/// A walk goes at most this deep; a BTF that the kernel accepts nests less.
const MAX_STEPS: u32 = 1024;

/// What lies where a struct is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walked<'a> {
    /// Bytes without a type of their own: integers, parts of arrays, bitfields…
    Scalar,
    /// A pointer to a struct.
    Ptr {
        /// The struct.
        target: TypeId,
        /// The first type tag of what it points to (`"rcu"`, `"user"`, `"percpu"`), if there is one.
        tag: Option<&'a str>,
        /// Name of the member.
        field: &'a str,
    },
    /// A pointer to something else.
    PlainPtr,
    /// The start of an embedded struct (an array's element may be named by a typedef).
    Struct(TypeId),
}

/// The outcome of one walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walk<'a> {
    /// What was found.
    pub found: Walked<'a>,
    /// Whether a union of more than one member was walked through: pointers found are untrusted then.
    pub through_union: bool,
}

/// An access that no member allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalkError {
    /// Positive errno value.
    pub errno: i32,
    /// The kernel's message, without newline.
    pub message: String,
}

/// Which flexible arrays an access beyond the end of a struct may be in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum FlexArrays {
    /// None.
    #[default]
    None,
    /// Those of structs.
    Structs,
    /// Those of structs and of integers.
    All,
}

/// How to walk.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WalkMode {
    /// What an access beyond the end may be of.
    pub flex_arrays: FlexArrays,
    /// Whether the pointer is known to be untrusted already, which allows to read beyond a member's end.
    pub untrusted: bool,
    /// Whether what lies in a union of more than one member is like anything else.
    pub plain_unions: bool,
}

/// Where a walk is.
struct Position<'a> {
    ty: Type<'a>,
    off: u32,
}

/// What a step found: an answer, or a struct to look into.
enum Step<'a> {
    Found(Walked<'a>),
    Into(Position<'a>),
}

impl Btf {
    /// What an access of `size` bytes at `off` of struct or union `id` means.
    ///
    /// # Errors
    /// Beyond the struct, in no member, or only partly in a pointer.
    pub fn walk(&self, id: TypeId, off: i32, size: u32, mode: WalkMode) -> Result<Walk<'_>, WalkError> {
        let mut through_union = mode.untrusted;
        let start = self.ty(id).ok_or_else(|| no_struct(""))?;
        let mut at = Position {
            ty: start,
            off: off as u32,
        };
        for _ in 0..MAX_STEPS {
            let ty = self
                .skip_mods_and_typedefs(at.ty.id())
                .ok_or_else(|| no_struct(""))?;
            let name = log_name(ty.name());
            if !ty.is_composite() {
                return Err(no_struct(name));
            }
            through_union |= !mode.plain_unions && ty.kind() == Kind::Union && ty.vlen() != 1;
            let step = if at.off.wrapping_add(size) > ty.size() {
                self.beyond(ty, at.off, mode.flex_arrays)
                    .ok_or_else(|| beyond_struct(name, at.off, size))?
            } else {
                self.within(Position { ty, ..at }, size, through_union)?
            };
            match step {
                Step::Found(found) => return Ok(Walk { found, through_union }),
                Step::Into(next) => at = next,
            }
        }
        Err(WalkError {
            errno: errno::E2BIG,
            message: "structs are nested too deeply".into(),
        })
    }

    /// An access beyond the end of `ty`, which may be in its flexible array.
    fn beyond<'a>(&'a self, ty: Type<'a>, off: u32, flex_arrays: FlexArrays) -> Option<Step<'a>> {
        let last = ty
            .members()
            .next_back()
            .filter(|_| flex_arrays != FlexArrays::None)?;
        let array = self.skip_mods_and_typedefs(last.ty)?.array()?;
        let start = last.bit_offset / 8;
        if array.nelems != 0 || off < start {
            return None;
        }
        let elem = self.skip_mods_and_typedefs(array.elem)?;
        if elem.is_int() && flex_arrays == FlexArrays::All {
            return Some(Step::Found(Walked::Scalar));
        }
        if !elem.is_composite() {
            return None;
        }
        let off = (off - start).checked_rem(elem.size())?;
        Some(Step::Into(Position { ty: elem, off }))
    }

    /// The member that an access inside a struct falls on.
    fn within<'a>(&'a self, at: Position<'a>, size: u32, untrusted: bool) -> Result<Step<'a>, WalkError> {
        let Position { ty, off } = at;
        let name = log_name(ty.name());
        let end = off.wrapping_add(size);
        for member in ty.members() {
            let start = member.bit_offset / 8;
            if end <= start {
                break;
            }
            if member.bitfield_size != 0 {
                let end_bit = member.bit_offset.wrapping_add(member.bitfield_size);
                if off <= start && end_bit.div_ceil(8) <= end {
                    return Ok(Step::Found(Walked::Scalar));
                }
                continue;
            }
            if off < start {
                break;
            }
            if let Some(step) = self.in_member(member, name, off, size, untrusted)? {
                return Ok(step);
            }
        }
        Err(WalkError {
            errno: errno::EINVAL,
            message: format!("struct {name} doesn't have field at offset {}", off as i32),
        })
    }

    /// What an access at or after the start of a member means; `None` if it begins after the member's end.
    fn in_member<'a>(
        &'a self,
        member: Member<'a>,
        struct_name: &str,
        off: u32,
        size: u32,
        untrusted: bool,
    ) -> Result<Option<Step<'a>>, WalkError> {
        let name = log_name(member.name());
        let resolved = self.resolve(member.ty).ok_or_else(|| WalkError {
            errno: errno::EFAULT,
            message: format!("field {name} doesn't have size"),
        })?;
        let mut start = member.bit_offset / 8;
        let true_end = start.wrapping_add(resolved.size);
        if off >= true_end {
            return Ok(None);
        }
        // An array counts as a row of members; only where it ends stays that of the whole.
        let (mut ty, mut id, mut len) = (
            resolved.ty,
            resolved.skipped_to.unwrap_or(member.ty),
            resolved.size,
        );
        if ty.is_array() {
            len = len.checked_div(resolved.nelems).unwrap_or(0);
            let index = (off - start).checked_div(len).unwrap_or(0);
            start = start.wrapping_add(index.wrapping_mul(len));
            ty = resolved.elem;
            id = resolved.elem_id;
        }
        if ty.is_composite() {
            let found = Step::Found(Walked::Struct(id));
            let into = Step::Into(Position {
                ty,
                off: off.wrapping_sub(start),
            });
            return Ok(Some(if off == start { found } else { into }));
        }
        if ty.is_ptr() {
            if len != size || off != start {
                return Err(WalkError {
                    errno: errno::EACCES,
                    message: format!(
                        "cannot access ptr member {name} with moff {start} in struct {struct_name} with off {off} size {size}"
                    ),
                });
            }
            let found = self.pointer_to_struct(ty, name).unwrap_or(Walked::PlainPtr);
            return Ok(Some(Step::Found(found)));
        }
        if off.wrapping_add(size) > true_end && !untrusted {
            return Err(WalkError {
                errno: errno::EACCES,
                message: format!(
                    "access beyond the end of member {name} (mend:{true_end}) in struct {struct_name} with off {off} size {size}"
                ),
            });
        }
        Ok(Some(Step::Found(Walked::Scalar)))
    }

    /// A pointer's target, if that is a struct.
    fn pointer_to_struct<'a>(&'a self, ptr: Type<'a>, field: &'a str) -> Option<Walked<'a>> {
        let target = self.skip_mods_and_typedefs(ptr.target())?;
        target.is_composite().then(|| Walked::Ptr {
            target: target.id(),
            tag: self.pointer_tag(ptr),
            field,
        })
    }

    /// What a load or store of `size` bytes at `off` of struct `id` reaches: [`Btf::walk`] into embedded
    /// structs until it is a scalar or a pointer (`btf_struct_access`).
    ///
    /// # Errors
    /// As [`Btf::walk`].
    pub fn struct_access(
        &self,
        id: TypeId,
        off: i32,
        size: u32,
        flex_arrays: FlexArrays,
        unions_are_untrusted: bool,
    ) -> Result<Walk<'_>, WalkError> {
        let (mut id, mut off) = (id, off);
        let mut mode = WalkMode {
            flex_arrays,
            untrusted: false,
            plain_unions: !unions_are_untrusted,
        };
        for _ in 0..MAX_STEPS {
            let walk = self.walk(id, off, size, mode)?;
            mode.untrusted = walk.through_union;
            match walk.found {
                Walked::Struct(inner) => (id, off) = (inner, 0),
                Walked::Scalar | Walked::PlainPtr | Walked::Ptr { .. } => return Ok(walk),
            }
        }
        Err(WalkError {
            errno: errno::E2BIG,
            message: "structs are nested too deeply".into(),
        })
    }

    /// Looks for the struct `need` of `need_btf` at `off` of struct `id`, at any depth of embedding
    /// (`btf_struct_ids_match`). With `strict` only the struct itself counts.
    ///
    /// # Errors
    /// When it is not there; with the refused access that the kernel has words for, if that is the reason.
    pub fn find_embedded(
        &self,
        id: TypeId,
        off: i32,
        (need_btf, need): (&Btf, TypeId),
        strict: bool,
        flex_arrays: FlexArrays,
    ) -> Result<(), Option<WalkError>> {
        if off == 0 && crate::types_are_same(self, id, need_btf, need) {
            return Ok(());
        }
        if strict {
            return Err(None);
        }
        let (mut id, mut off) = (id, off);
        let mut mode = WalkMode {
            flex_arrays,
            ..WalkMode::default()
        };
        for _ in 0..MAX_STEPS {
            let walk = self.walk(id, off, 1, mode)?;
            let Walked::Struct(inner) = walk.found else {
                return Err(None);
            };
            if crate::types_are_same(self, inner, need_btf, need) {
                return Ok(());
            }
            mode.untrusted |= walk.through_union;
            (id, off) = (inner, 0);
        }
        Err(None)
    }
}

/// The name as the kernel's log has it.
fn log_name(name: &str) -> &str {
    if name.is_empty() { "(anon)" } else { name }
}

fn no_struct(name: &str) -> WalkError {
    WalkError {
        errno: errno::EINVAL,
        message: format!("Type '{name}' is not a struct"),
    }
}

fn beyond_struct(name: &str, off: u32, size: u32) -> WalkError {
    WalkError {
        errno: errno::EACCES,
        message: format!("access beyond struct {name} at off {off} size {size}"),
    }
}
