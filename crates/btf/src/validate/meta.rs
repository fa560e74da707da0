//! What each type says of itself, without looking at other types.

use super::Check;
use super::env::{Env, MAX_TYPE};
use super::raw::Raw;
use crate::Kind;
use crate::error::errno;
use crate::parse::COMMON;
use crate::shape::Shape;
use crate::ty::word;

/// The bits of the info word that mean something.
const INFO_MASK: u32 = 0x9f00_ffff;
/// The bits of an integer's word that mean something.
const INT_MASK: u32 = 0x0fff_ffff;
/// Largest integer in bits.
const MAX_INT_BITS: u32 = 128;

/// Checks and numbers all types.
pub(super) fn check_all(env: &mut Env<'_>) -> Check {
    let section = env.type_section()?;
    let mut at = 0;
    env.current = 1;
    while let Some(left) = section.get(at..).filter(|l| !l.is_empty()) {
        let len = check(env, left)?;
        env.add_type(at);
        at += len;
        env.current += 1;
    }
    Ok(())
}

/// Checks the type that `bytes` begin with; answers with its length.
fn check(env: &mut Env<'_>, bytes: &[u8]) -> Check<usize> {
    let current = env.current;
    let Some(ty) = Raw::read(bytes) else {
        env.say(format_args!(
            "[{current}] meta_left:{} meta_needed:{COMMON}",
            bytes.len()
        ));
        return Err(errno::EINVAL);
    };
    if ty.info & !INFO_MASK != 0 {
        env.say(format_args!("[{current}] Invalid btf_info:{:x}", ty.info));
        return Err(errno::EINVAL);
    }
    let Some(shape) = Shape::of(ty.raw_kind()).filter(|_| env.knows(ty.raw_kind())) else {
        env.say(format_args!("[{current}] Invalid kind:{}", ty.raw_kind()));
        return Err(errno::EINVAL);
    };
    if !env.name_off_valid(ty.name_off) {
        env.say(format_args!("[{current}] Invalid name_offset:{}", ty.name_off));
        return Err(errno::EINVAL);
    }
    let needed = shape.extra_len(ty.vlen());
    if ty.rest.len() < needed {
        env.say_basic(ty, &format!("meta_left:{} meta_needed:{needed}", ty.rest.len()));
        return Err(errno::EINVAL);
    }
    match ty.kind() {
        Kind::Int => int(env, ty)?,
        Kind::Ptr | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
            reference(env, ty)?;
        }
        Kind::Array => array(env, ty)?,
        Kind::Struct | Kind::Union => composite(env, ty)?,
        Kind::Enum | Kind::Enum64 => enumeration(env, ty)?,
        Kind::Fwd => fwd(env, ty)?,
        Kind::Func => func(env, ty)?,
        Kind::FuncProto => func_proto(env, ty)?,
        Kind::Var => var(env, ty)?,
        Kind::DataSec => datasec(env, ty)?,
        Kind::Float => float(env, ty)?,
        Kind::DeclTag => decl_tag(env, ty)?,
        Kind::Void => {}
    }
    Ok(COMMON + needed)
}

fn no_vlen(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.vlen() == 0 {
        Ok(())
    } else {
        env.bad_type(ty, "vlen != 0")
    }
}

fn no_kflag(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.kflag() {
        env.bad_type(ty, "Invalid btf_info kind_flag")
    } else {
        Ok(())
    }
}

fn no_name(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.name_off == 0 {
        Ok(())
    } else {
        env.bad_type(ty, "Invalid name")
    }
}

fn identifier(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.name_off != 0 && env.is_identifier(ty.name_off) {
        Ok(())
    } else {
        env.bad_type(ty, "Invalid name")
    }
}

fn identifier_or_none(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.name_off == 0 {
        Ok(())
    } else {
        identifier(env, ty)
    }
}

fn id_valid(id: u32) -> bool {
    id <= MAX_TYPE
}

fn int(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    let data = ty.data();
    if data & !INT_MASK != 0 {
        env.say_basic(ty, &format!("Invalid int_data:{data:x}"));
        return Err(errno::EINVAL);
    }
    let bits = ty.int_bits() + ty.int_offset();
    if bits > MAX_INT_BITS {
        return env.bad_type(ty, "nr_bits exceeds 128");
    }
    if bits.div_ceil(8) > ty.aux {
        return env.bad_type(ty, "nr_bits exceeds type_size");
    }
    if !matches!(ty.int_encoding(), 0 | 1 | 2 | 4) {
        env.say_type(ty, "Unsupported encoding");
        return Err(errno::ENOTSUPP);
    }
    env.say_type(ty, "");
    Ok(())
}

fn reference(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    if !id_valid(ty.aux) {
        return env.bad_type(ty, "Invalid type_id");
    }
    match ty.kind() {
        Kind::Typedef => identifier(env, ty)?,
        Kind::TypeTag => {
            if !env.has_text(ty.name_off) {
                return env.bad_type(ty, "Invalid name");
            }
        }
        _ => no_name(env, ty)?,
    }
    env.say_type(ty, "");
    Ok(())
}

fn fwd(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_vlen(env, ty)?;
    if ty.aux != 0 {
        return env.bad_type(ty, "type != 0");
    }
    identifier(env, ty)?;
    env.say_type(ty, "");
    Ok(())
}

fn array(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_name(env, ty)?;
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    if ty.aux != 0 {
        return env.bad_type(ty, "size != 0");
    }
    let (elem, index, _) = ty.array();
    if elem == 0 || !id_valid(elem) {
        return env.bad_type(ty, "Invalid elem");
    }
    if index == 0 || !id_valid(index) {
        return env.bad_type(ty, "Invalid index");
    }
    env.say_type(ty, "");
    Ok(())
}

fn composite(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    identifier_or_none(env, ty)?;
    env.say_type(ty, "");
    let mut last_offset = 0;
    for index in 0..ty.vlen() {
        let member = ty.member(index);
        if !env.name_off_valid(member.name_off) {
            return env.bad_member(
                ty,
                member,
                &format!("Invalid member name_offset:{}", member.name_off),
            );
        }
        if member.name_off != 0 && !env.is_identifier(member.name_off) {
            return env.bad_member(ty, member, "Invalid name");
        }
        if member.ty == 0 || !id_valid(member.ty) {
            return env.bad_member(ty, member, "Invalid type_id");
        }
        let offset = if ty.kflag() {
            member.bit_offset()
        } else {
            member.offset
        };
        if (ty.kind() == Kind::Union && offset != 0) || last_offset > offset {
            return env.bad_member(ty, member, "Invalid member bits_offset");
        }
        if offset.div_ceil(8) > ty.aux {
            return env.bad_member(ty, member, "Member bits_offset exceeds its struct size");
        }
        env.say_member(ty, member, "");
        last_offset = offset;
    }
    Ok(())
}

fn enumeration(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if !env.rules().flagged_enums {
        no_kflag(env, ty)?;
    }
    if ty.aux > 8 || !ty.aux.is_power_of_two() {
        return env.bad_type(ty, "Unexpected size");
    }
    identifier_or_none(env, ty)?;
    env.say_type(ty, "");
    let wide = ty.kind() == Kind::Enum64;
    let stride = if wide { 12 } else { 8 };
    for index in 0..ty.vlen() as usize {
        let at = index * stride;
        let name_off = word(ty.rest, at);
        if !env.name_off_valid(name_off) {
            env.say(format_args!("\tInvalid name_offset:{name_off}"));
            return Err(errno::EINVAL);
        }
        if name_off == 0 || !env.is_identifier(name_off) {
            return env.bad_type(ty, "Invalid name");
        }
        if env.logging() {
            let low = word(ty.rest, at + 4);
            let high = if wide { word(ty.rest, at + 8) } else { 0 };
            let value = match (ty.kflag(), wide) {
                (true, false) => (low as i32).to_string(),
                (false, false) => low.to_string(),
                (true, true) => ((u64::from(high) << 32 | u64::from(low)) as i64).to_string(),
                (false, true) => (u64::from(high) << 32 | u64::from(low)).to_string(),
            };
            env.say_enumerator(name_off, &value);
        }
    }
    Ok(())
}

fn func_proto(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_name(env, ty)?;
    no_kflag(env, ty)?;
    env.say_type(ty, "");
    Ok(())
}

fn func(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    identifier(env, ty)?;
    // Extern functions are for user space to resolve.
    if ty.vlen() > 1 {
        return env.bad_type(ty, "Invalid func linkage");
    }
    no_kflag(env, ty)?;
    env.say_type(ty, "");
    Ok(())
}

fn var(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    identifier(env, ty)?;
    if ty.aux == 0 || !id_valid(ty.aux) {
        return env.bad_type(ty, "Invalid type_id");
    }
    if ty.data() > 1 {
        return env.bad_type(ty, "Linkage not supported");
    }
    env.say_type(ty, "");
    Ok(())
}

fn datasec(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if ty.vlen() == 0 && !env.rules().empty_sections {
        return env.bad_type(ty, "vlen == 0");
    }
    if ty.aux == 0 {
        return env.bad_type(ty, "size == 0");
    }
    no_kflag(env, ty)?;
    if ty.name_off == 0 || !env.is_section_name(ty.name_off) {
        return env.bad_type(ty, "Invalid name");
    }
    env.say_type(ty, "");
    let (mut last_end, mut sum) = (0u32, 0u64);
    for index in 0..ty.vlen() {
        let var = ty.var(index);
        if var.ty == 0 || !id_valid(var.ty) {
            return env.bad_var(ty, var, "Invalid type_id");
        }
        if var.offset < last_end || var.offset >= ty.aux {
            return env.bad_var(ty, var, "Invalid offset");
        }
        if var.size == 0 || var.size > ty.aux {
            return env.bad_var(ty, var, "Invalid size");
        }
        // The kernel adds these as 32-bit numbers.
        last_end = var.offset.wrapping_add(var.size);
        if last_end > ty.aux {
            return env.bad_var(ty, var, "Invalid offset+size");
        }
        env.say_var(ty, var, "");
        sum += u64::from(var.size);
    }
    if u64::from(ty.aux) < sum {
        return env.bad_type(ty, "Invalid btf_info size");
    }
    Ok(())
}

fn float(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    if !matches!(ty.aux, 2 | 4 | 8 | 12 | 16) {
        return env.bad_type(ty, "Invalid type_size");
    }
    env.say_type(ty, "");
    Ok(())
}

fn decl_tag(env: &mut Env<'_>, ty: Raw<'_>) -> Check {
    if !env.has_text(ty.name_off) {
        return env.bad_type(ty, "Invalid value");
    }
    no_vlen(env, ty)?;
    no_kflag(env, ty)?;
    if (ty.data() as i32) < -1 {
        return env.bad_type(ty, "Invalid component_idx");
    }
    env.say_type(ty, "");
    Ok(())
}
