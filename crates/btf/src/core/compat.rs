//! When two types correspond: for a field's access, for type-based relocations, and member by member.

use super::{Context, Failure};
use crate::error::errno;
use crate::names::essential_len;
use crate::{Btf, Kind, Type, TypeId};

/// Steps through pointers, arrays and return types before libbpf gives up.
const MAX_DEPTH: u32 = 32;

/// A type of one side.
pub(super) type Side<'a> = (&'a Btf, TypeId);

/// The types behind modifiers and typedefs.
fn skip<'a>((btf, id): Side<'a>) -> Result<Type<'a>, Failure> {
    btf.skip_mods_and_typedefs(id).ok_or(errno::EINVAL)
}

fn essential(name: &[u8]) -> &[u8] {
    name.get(..essential_len(name)).unwrap_or(name)
}

fn name<'a>(ty: Type<'a>) -> &'a [u8] {
    ty.btf().name_bytes(ty.name_off())
}

/// Whether the names are the same without their flavours; only no name matches no name.
fn names_match(cx: &mut Context<'_>, local: &[u8], target: &[u8]) -> Result<bool, Failure> {
    cx.steps(1 + local.len() / 64)?;
    Ok(essential(local) == essential(target))
}

/// Whether an integer is not of the kind that describes a bitfield.
fn plain_int(ty: Type<'_>) -> bool {
    ty.int().is_some_and(|i| i.offset == 0)
}

fn unexpected(cx: &mut Context<'_>, local: Type<'_>, target: Type<'_>) {
    cx.warn(format!(
        "unexpected kind {} relocated, local [{}], target [{}]",
        local.kind().name(),
        local.id(),
        target.id()
    ));
}

/// Whether a field's type may be read as the target's: structs and unions mix, and so do integers of any
/// size; enumerations and forward declarations go by name, arrays by their elements.
pub(super) fn fields_are_compatible(
    cx: &mut Context<'_>,
    local: Side<'_>,
    target: Side<'_>,
) -> Result<bool, Failure> {
    let (mut local, mut target) = (local, target);
    loop {
        cx.step()?;
        let (l, t) = (skip(local)?, skip(target)?);
        if l.is_composite() && t.is_composite() {
            return Ok(true);
        }
        if !l.kind().core_compatible(t.kind()) {
            return Ok(false);
        }
        return Ok(match l.kind() {
            Kind::Ptr | Kind::Float => true,
            Kind::Fwd | Kind::Enum | Kind::Enum64 => {
                let (l, t) = (essential(name(l)), essential(name(t)));
                l.is_empty() || t.is_empty() || l == t
            }
            Kind::Int => plain_int(l) && plain_int(t),
            Kind::Array => {
                if let (Some(la), Some(ta)) = (l.array(), t.array()) {
                    (local.1, target.1) = (la.elem, ta.elem);
                    continue;
                }
                false
            }
            Kind::Void
            | Kind::Struct
            | Kind::Union
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::FuncProto
            | Kind::Var
            | Kind::DataSec
            | Kind::DeclTag
            | Kind::TypeTag => false,
        });
    }
}

/// Whether a type may stand for the target's in type-based relocations: the kinds agree, through pointers,
/// arrays and prototypes; names and sizes do not count.
pub(super) fn types_are_compatible(
    cx: &mut Context<'_>,
    local: Side<'_>,
    target: Side<'_>,
    level: u32,
) -> Result<bool, Failure> {
    let (mut local, mut target) = (local, target);
    // The outermost types must agree before typedefs are skipped, too.
    let outer = |(btf, id): Side<'_>| btf.ty(id).map(|t| t.kind()).ok_or(errno::EINVAL);
    if !outer(local)?.core_compatible(outer(target)?) {
        return Ok(false);
    }
    for _ in 0..MAX_DEPTH {
        cx.step()?;
        let (l, t) = (skip(local)?, skip(target)?);
        if !l.kind().core_compatible(t.kind()) {
            return Ok(false);
        }
        match l.kind() {
            Kind::Void | Kind::Struct | Kind::Union | Kind::Enum | Kind::Fwd | Kind::Enum64 => {
                return Ok(true);
            }
            Kind::Int => return Ok(plain_int(l) && plain_int(t)),
            Kind::Ptr => (local.1, target.1) = (l.target(), t.target()),
            Kind::Array => match (l.array(), t.array()) {
                (Some(la), Some(ta)) => (local.1, target.1) = (la.elem, ta.elem),
                _ => return Err(errno::EINVAL),
            },
            Kind::FuncProto => {
                if !params_are_compatible(cx, l, t, level)? {
                    return Ok(false);
                }
                (local.1, target.1) = (l.target(), t.target());
            }
            Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::Var
            | Kind::DataSec
            | Kind::Float
            | Kind::DeclTag
            | Kind::TypeTag => {
                unexpected(cx, l, t);
                return Ok(false);
            }
        }
    }
    Err(errno::EINVAL)
}

fn params_are_compatible(
    cx: &mut Context<'_>,
    local: Type<'_>,
    target: Type<'_>,
    level: u32,
) -> Result<bool, Failure> {
    if local.vlen() != target.vlen() {
        return Ok(false);
    }
    for (lp, tp) in local.params().zip(target.params()) {
        let level = level.checked_sub(1).ok_or(errno::EINVAL)?;
        let l = (local.btf(), skip((local.btf(), lp.ty))?.id());
        let t = (target.btf(), skip((target.btf(), tp.ty))?.id());
        if !types_are_compatible(cx, l, t, level)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a type matches the target's: same names and kinds, every local member and enumerator present in
/// the target; behind a pointer only name and kind of a struct count.
pub(super) fn types_match(
    cx: &mut Context<'_>,
    local: Side<'_>,
    target: Side<'_>,
    behind_ptr: bool,
    level: u32,
) -> Result<bool, Failure> {
    if level == 0 {
        return Err(errno::EINVAL);
    }
    let (mut local, mut target, mut behind_ptr) = (local, target, behind_ptr);
    for _ in 0..MAX_DEPTH {
        cx.step()?;
        let (l, t) = (skip(local)?, skip(target)?);
        if !names_match(cx, name(l), name(t))? {
            return Ok(false);
        }
        let same_kind = l.kind() == t.kind();
        match l.kind() {
            Kind::Void => return Ok(same_kind),
            Kind::Fwd => return Ok(fwd_matches(l, t, behind_ptr)),
            Kind::Enum | Kind::Enum64 => return Ok(t.is_any_enum() && enums_match(cx, l, t)?),
            Kind::Struct | Kind::Union if behind_ptr => {
                let declared = t.kind() == Kind::Fwd && (l.kind() == Kind::Union) == t.kflag();
                return Ok(same_kind || declared);
            }
            Kind::Struct | Kind::Union => {
                return Ok(same_kind && composites_match(cx, l, t, level)?);
            }
            Kind::Int => return Ok(same_kind && ints_match(l, t)),
            Kind::Ptr | Kind::Array | Kind::FuncProto if !same_kind => return Ok(false),
            Kind::Ptr => {
                behind_ptr = true;
                (local.1, target.1) = (l.target(), t.target());
            }
            Kind::Array => match (l.array(), t.array()) {
                (Some(la), Some(ta)) if la.nelems == ta.nelems => {
                    (local.1, target.1) = (la.elem, ta.elem);
                }
                _ => return Ok(false),
            },
            Kind::FuncProto => {
                if !params_match(cx, l, t, behind_ptr, level)? {
                    return Ok(false);
                }
                (local.1, target.1) = (l.target(), t.target());
            }
            Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::Var
            | Kind::DataSec
            | Kind::Float
            | Kind::DeclTag
            | Kind::TypeTag => {
                unexpected(cx, l, t);
                return Ok(false);
            }
        }
    }
    Err(errno::EINVAL)
}

/// A forward declaration matches its like, and behind a pointer also the struct or union that it declares.
fn fwd_matches(local: Type<'_>, target: Type<'_>, behind_ptr: bool) -> bool {
    match target.kind() {
        Kind::Fwd => local.kflag() == target.kflag(),
        Kind::Struct => behind_ptr && !local.kflag(),
        Kind::Union => behind_ptr && local.kflag(),
        _ => false,
    }
}

fn ints_match(local: Type<'_>, target: Type<'_>) -> bool {
    let signed = |t: Type<'_>| t.int().is_some_and(|i| i.encoding.is_signed());
    local.size() == target.size() && signed(local) == signed(target)
}

fn params_match(
    cx: &mut Context<'_>,
    local: Type<'_>,
    target: Type<'_>,
    behind_ptr: bool,
    level: u32,
) -> Result<bool, Failure> {
    if local.vlen() != target.vlen() {
        return Ok(false);
    }
    for (lp, tp) in local.params().zip(target.params()) {
        if !types_match(
            cx,
            (local.btf(), lp.ty),
            (target.btf(), tp.ty),
            behind_ptr,
            level - 1,
        )? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Every local enumerator must have one of its name; values may differ.
fn enums_match(cx: &mut Context<'_>, local: Type<'_>, target: Type<'_>) -> Result<bool, Failure> {
    if local.size() != target.size() || local.vlen() > target.vlen() {
        return Ok(false);
    }
    for l in local.enumerators() {
        let wanted = local.btf().name_bytes(l.name_off);
        let mut found = false;
        for t in target.enumerators() {
            if names_match(cx, wanted, target.btf().name_bytes(t.name_off))? {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Every local member must have one of its name whose type matches.
fn composites_match(
    cx: &mut Context<'_>,
    local: Type<'_>,
    target: Type<'_>,
    level: u32,
) -> Result<bool, Failure> {
    if local.vlen() > target.vlen() {
        return Ok(false);
    }
    for l in local.members() {
        let wanted = local.btf().name_bytes(l.name_off);
        let mut found = false;
        for t in target.members() {
            if names_match(cx, wanted, target.btf().name_bytes(t.name_off))?
                && types_match(cx, (local.btf(), l.ty), (target.btf(), t.ty), false, level - 1)?
            {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}
