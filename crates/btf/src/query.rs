//! Following references: what a type is once modifiers and typedefs are seen through, and its size.

use crate::error::errno;
use crate::{Btf, Kind, Type, TypeId};

/// How many references libbpf and the kernel follow to find a size.
pub(crate) const MAX_RESOLVE_DEPTH: usize = 32;
/// How many modifiers and typedefs are skipped in a row. libbpf has no such limit and would never come back
/// from a loop; the kernel accepts much shorter chains only.
const MAX_CHAIN: u32 = 1024;
/// Size of a pointer: all BPF objects and the kernels they run on here have 64-bit ones.
pub(crate) const POINTER_SIZE: u32 = 8;

/// A size and what it is of, from [`Btf::resolve`].
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The type once modifiers and typedefs are skipped: the outermost array if it is one.
    pub ty: Type<'a>,
    /// Bytes in all.
    pub size: u32,
    /// The innermost element, or `ty` itself.
    pub elem: Type<'a>,
    /// The element as the innermost array names it, modifiers and typedefs included; `void` if no array.
    pub elem_id: TypeId,
    /// Number of elements in all dimensions; 1 if no array.
    pub nelems: u32,
    /// The last type that a skipped modifier or typedef referred to; `None` if nothing was skipped.
    pub skipped_to: Option<TypeId>,
}

impl Btf {
    /// Follows references while `skip` holds of the kind; a loop of them ends in `None`.
    fn follow(&self, id: TypeId, skip: impl Fn(Kind) -> bool) -> Option<Type<'_>> {
        let mut ty = self.ty(id)?;
        let mut left = MAX_CHAIN;
        while skip(ty.kind()) {
            left = left.checked_sub(1)?;
            ty = self.ty(ty.target())?;
        }
        Some(ty)
    }

    /// The type behind `const`, `volatile`, `restrict` and type tags.
    pub fn skip_mods(&self, id: TypeId) -> Option<Type<'_>> {
        self.follow(id, Kind::is_modifier)
    }

    /// The type behind modifiers and typedefs (what the kernel calls `btf_type_skip_modifiers`). Its number
    /// is [`Type::id`].
    pub fn skip_mods_and_typedefs(&self, id: TypeId) -> Option<Type<'_>> {
        self.follow(id, |k| k.is_modifier() || k == Kind::Typedef)
    }

    /// What a pointer points to, modifiers and typedefs skipped on both sides; `None` if it is no pointer.
    pub fn resolve_ptr(&self, id: TypeId) -> Option<Type<'_>> {
        let ptr = self.skip_mods_and_typedefs(id).filter(|t| t.is_ptr())?;
        self.skip_mods_and_typedefs(ptr.target())
    }

    /// The prototype that a pointer to a function points to.
    pub fn resolve_func_ptr(&self, id: TypeId) -> Option<Type<'_>> {
        self.resolve_ptr(id).filter(|t| t.is_func_proto())
    }

    /// The prototype of a function (`BTF_KIND_FUNC`).
    pub fn func_proto(&self, func: TypeId) -> Option<Type<'_>> {
        self.ty(func).filter(|t| t.is_func())?.proto()
    }

    /// Size of a value of the type in bytes, as `btf__resolve_size` of libbpf; `None` for what has none.
    pub fn resolve_size(&self, id: TypeId) -> Option<u32> {
        self.size_of(id).ok()
    }

    /// As [`Btf::resolve_size`], with libbpf's errno.
    pub(crate) fn size_of(&self, id: TypeId) -> Result<u32, i32> {
        let mut ty = self.ty(id);
        let mut nelems = 1u32;
        for _ in 0..MAX_RESOLVE_DEPTH {
            let t = ty.ok_or(errno::EINVAL)?;
            let next = match t.kind() {
                Kind::Int
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Enum64
                | Kind::DataSec
                | Kind::Float => return nelems.checked_mul(t.size()).ok_or(errno::E2BIG),
                Kind::Ptr => return nelems.checked_mul(POINTER_SIZE).ok_or(errno::E2BIG),
                Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::Var
                | Kind::DeclTag
                | Kind::TypeTag => t.target(),
                Kind::Array => {
                    let array = t.array().ok_or(errno::EINVAL)?;
                    nelems = nelems.checked_mul(array.nelems).ok_or(errno::E2BIG)?;
                    array.elem
                }
                Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto => return Err(errno::EINVAL),
            };
            ty = self.ty(next);
        }
        Err(errno::EINVAL)
    }

    /// Size and element type, as `__btf_resolve_size` of the kernel: arrays of arrays are one array.
    pub fn resolve(&self, id: TypeId) -> Option<Resolved<'_>> {
        let mut ty = self.ty(id)?;
        let mut outer = None;
        let mut elem_id = TypeId::VOID;
        let mut skipped_to = None;
        let mut nelems = 1u32;
        for _ in 0..MAX_RESOLVE_DEPTH {
            let elem_size = match ty.kind() {
                Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Float | Kind::Enum64 => ty.size(),
                Kind::Ptr => POINTER_SIZE,
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                    skipped_to = Some(ty.target());
                    ty = self.ty(ty.target())?;
                    continue;
                }
                Kind::Array => {
                    let array = ty.array()?;
                    outer = outer.or(Some(ty));
                    elem_id = array.elem;
                    nelems = nelems.checked_mul(array.nelems)?;
                    ty = self.ty(array.elem)?;
                    continue;
                }
                Kind::Void
                | Kind::Fwd
                | Kind::Func
                | Kind::FuncProto
                | Kind::Var
                | Kind::DataSec
                | Kind::DeclTag => return None,
            };
            let size = nelems.checked_mul(elem_size)?;
            return Some(Resolved {
                ty: outer.unwrap_or(ty),
                size,
                elem: ty,
                elem_id,
                nelems,
                skipped_to,
            });
        }
        None
    }

    /// The type that a variable, typedef or modifier stands for (`btf__resolve_type`).
    pub fn resolve_type(&self, id: TypeId) -> Option<Type<'_>> {
        let ty = self.follow(id, |k| k.is_modifier() || matches!(k, Kind::Typedef | Kind::Var))?;
        (!matches!(ty.kind(), Kind::Void | Kind::Fwd)).then_some(ty)
    }
}
