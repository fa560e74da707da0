//! Whether a member fits into its struct.

use super::Check;
use super::env::Env;
use super::raw::{Raw, RawMember};
use super::resolve::Resolver;
use crate::Kind;
use crate::error::errno;

/// Largest bitfield with the bits before it in its first byte.
const MAX_COPY_BITS: u32 = 128;
/// Bits of the `int` that an enumeration's bitfield is of.
const INT_BITS: u32 = 32;

/// Checks a member of `of` whose type is resolved.
pub(super) fn check(env: &mut Env<'_>, resolver: &Resolver, of: Raw<'_>, member: RawMember) -> Check {
    let ty = env.ty(member.ty).ok_or(errno::EINVAL)?;
    if !ty.is_modifier() {
        return concrete(env, resolver, of, member, ty);
    }
    let Some((id, _)) = resolver.id_size(env, member.ty) else {
        return env.bad_member(of, member, "Invalid member");
    };
    let ty = env.ty(id).ok_or(errno::EINVAL)?;
    concrete(env, resolver, of, RawMember { ty: id, ..member }, ty)
}

fn concrete(env: &mut Env<'_>, resolver: &Resolver, of: Raw<'_>, member: RawMember, ty: Raw<'_>) -> Check {
    let flagged = of.kflag();
    match ty.kind() {
        Kind::Int if flagged => flagged_int(env, of, member, ty),
        Kind::Int => int(env, of, member, ty),
        Kind::Enum | Kind::Enum64 if flagged => flagged_enum(env, of, member),
        Kind::Enum | Kind::Enum64 => sized(env, of, member, ty.aux),
        Kind::Ptr | Kind::Array | Kind::Struct | Kind::Union | Kind::Float => {
            if flagged && member.bitfield_size() != 0 {
                return env.bad_member(of, member, "Invalid member bitfield_size");
            }
            match ty.kind() {
                Kind::Ptr => sized(env, of, member, crate::query::POINTER_SIZE),
                Kind::Array => {
                    let size = resolver.id_size(env, member.ty).map_or(0, |(_, size)| size);
                    sized(env, of, member, size)
                }
                Kind::Float => float(env, of, member, ty),
                _ => sized(env, of, member, ty.aux),
            }
        }
        _ => {
            let what = if flagged {
                "Unsupported check_kflag_member"
            } else {
                "Unsupported check_member"
            };
            env.say_basic(of, what);
            Err(errno::EINVAL)
        }
    }
}

/// A member of `size` bytes that begins with a byte.
fn sized(env: &mut Env<'_>, of: Raw<'_>, member: RawMember, size: u32) -> Check {
    if member.offset & 7 != 0 {
        return env.bad_member(of, member, "Member is not byte aligned");
    }
    if of.aux.wrapping_sub(member.offset >> 3) < size {
        return env.bad_member(of, member, "Member exceeds struct_size");
    }
    Ok(())
}

/// Whether `bits` that begin at bit `start` lie within a struct.
fn bits_fit(env: &mut Env<'_>, of: Raw<'_>, member: RawMember, start: u32, bits: u32) -> Check {
    let copied = bits + (start & 7);
    if copied > MAX_COPY_BITS {
        return env.bad_member(of, member, "nr_copy_bits exceeds 128");
    }
    let left = of.aux.checked_sub(start >> 3);
    if left.is_none_or(|left| left < copied.div_ceil(8)) {
        return env.bad_member(of, member, "Member exceeds struct_size");
    }
    Ok(())
}

fn int(env: &mut Env<'_>, of: Raw<'_>, member: RawMember, ty: Raw<'_>) -> Check {
    let Some(start) = member.offset.checked_add(ty.int_offset()) else {
        return env.bad_member(of, member, "bits_offset exceeds U32_MAX");
    };
    bits_fit(env, of, member, start, ty.int_bits())
}

fn flagged_int(env: &mut Env<'_>, of: Raw<'_>, member: RawMember, ty: Raw<'_>) -> Check {
    if !ty.is_regular_int() {
        return env.bad_member(of, member, "Invalid member base type");
    }
    let (start, mut bits) = (member.bit_offset(), member.bitfield_size());
    if bits == 0 {
        if start & 7 != 0 {
            return env.bad_member(of, member, "Invalid member offset");
        }
        bits = ty.int_bits();
    } else if bits > ty.int_bits() {
        return env.bad_member(of, member, "Invalid member bitfield_size");
    }
    bits_fit(env, of, member, start, bits)
}

fn flagged_enum(env: &mut Env<'_>, of: Raw<'_>, member: RawMember) -> Check {
    let (start, mut bits) = (member.bit_offset(), member.bitfield_size());
    if bits == 0 {
        if start & 7 != 0 {
            return env.bad_member(of, member, "Member is not byte aligned");
        }
        bits = INT_BITS;
    } else if bits > INT_BITS {
        return env.bad_member(of, member, "Invalid member bitfield_size");
    }
    if of.aux < (start + bits).div_ceil(8) {
        return env.bad_member(of, member, "Member exceeds struct_size");
    }
    Ok(())
}

fn float(env: &mut Env<'_>, of: Raw<'_>, member: RawMember, ty: Raw<'_>) -> Check {
    let align = ty.aux.min(crate::query::POINTER_SIZE).saturating_mul(8);
    if align == 0 || !member.offset.is_multiple_of(align) {
        return env.bad_member(of, member, "Member is not properly aligned");
    }
    if u64::from(member.offset / 8) + u64::from(ty.aux) > u64::from(of.aux) {
        return env.bad_member(of, member, "Member exceeds struct_size");
    }
    Ok(())
}
