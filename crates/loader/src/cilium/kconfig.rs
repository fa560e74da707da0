//! Values of the kernel's configuration, as cilium/ebpf writes them into their map (`resolveKconfig`).

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::Kernel;

use super::maps::Words;
use super::open::described;
use crate::externs::{ExternKind, Externs, Kconfig};
use crate::probes::Probes;

/// The contents of the map, or what the library says instead.
pub(super) fn values(kernel: &Kernel, btf: &Btf, externs: &Externs) -> Words<Vec<u8>> {
    let mut data = vec![0; externs.kconfig_size as usize];
    for e in &externs.list {
        let ExternKind::Kconfig(place) = e.kind else {
            continue;
        };
        let var = btf.find(&e.name, Kind::Var).and_then(|id| btf.ty(id));
        let Some(ty) = var.and_then(Type::target_type) else {
            continue;
        };
        let room = room(&mut data, place);
        match e.name.as_str() {
            "LINUX_KERNEL_VERSION" if ty.is_int() && ty.size() == 4 => {
                integer(room, ty, u64::from(kernel.version_code()))?;
            }
            name @ "LINUX_KERNEL_VERSION" => {
                let described = described(ty);
                return Err(format!(
                    "variable {name} must be a 32 bits integer, got {described}"
                ));
            }
            name @ "LINUX_HAS_SYSCALL_WRAPPER" if !ty.is_int() => {
                let described = described(ty);
                return Err(format!("variable {name} must be an integer, got {described}"));
            }
            name @ "LINUX_HAS_SYSCALL_WRAPPER" => {
                let has = Probes::of(kernel).syscall_wrapper;
                integer(room, ty, u64::from(has)).map_err(|e| format!("set {name}: {e}"))?;
            }
            name => {
                let value = kernel.config(name).filter(|_| name.starts_with("CONFIG_"));
                let value =
                    value.ok_or_else(|| format!("config option {name:?} does not exist on this kernel"))?;
                put(room, btf, ty.id(), value)
                    .map_err(|e| format!("problem adding value for {name}: {e}"))?;
            }
        }
    }
    Ok(data)
}

fn room(data: &mut [u8], place: Kconfig) -> &mut [u8] {
    let start = (place.offset as usize).min(data.len());
    let end = start.saturating_add(place.size as usize).min(data.len());
    data.get_mut(start..end).unwrap_or_default()
}

/// Writes a value as the configuration has it (`PutValue`).
fn put(data: &mut [u8], btf: &Btf, ty: TypeId, value: &str) -> Words<()> {
    let Some(ty) = btf.skip_mods_and_typedefs(ty) else {
        return Ok(());
    };
    match value {
        "y" | "n" | "m" => tristate(data, ty, value),
        value if value.starts_with('"') => string(data, btf, ty, value),
        value => number(data, ty, value),
    }
}

fn tristate(data: &mut [u8], ty: Type<'_>, value: &str) -> Words<()> {
    let put = |data: &mut [u8], bytes: &[u8]| {
        for (slot, byte) in data.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        Ok(())
    };
    if ty.is_int() {
        let kind = encoding(ty);
        return match (kind, ty.size(), value) {
            ("bool", 1, "y") => put(data, &[1]),
            ("bool", 1, "n") => put(data, &[0]),
            ("bool", 1, value) => Err(format!("cannot use {value:?} for btf.Bool")),
            ("bool", size, _) => Err(format!(
                "cannot add tri value, expected size of 1 byte, got: {size}"
            )),
            (kind, ..) => Err(format!("cannot add tri value, expected btf.Bool, got: {kind}")),
        };
    }
    if !ty.is_any_enum() {
        let kind = described_kind(ty);
        return Err(format!(
            "cannot add number value, expected btf.Int or btf.Enum, got: *btf.{kind}"
        ));
    }
    if ty.name() != "libbpf_tristate" {
        let name = ty.name();
        return Err(format!(
            "cannot use enum {name:?}, only libbpf_tristate is supported"
        ));
    }
    if data.len() != 4 {
        let len = data.len();
        return Err(format!(
            "expected enum value to occupy 4 bytes in datasec, got: {len}"
        ));
    }
    let number: u32 = match value {
        "y" => 1,
        "m" => 2,
        _ => 0,
    };
    put(data, &number.to_le_bytes())
}

fn string(data: &mut [u8], btf: &Btf, ty: Type<'_>, value: &str) -> Words<()> {
    let Some(array) = ty.array() else {
        return Err("cannot add string value, expected btf.Array, got *btf.Array".to_owned());
    };
    let Some(elem) = btf.skip_mods_and_typedefs(array.elem).filter(|t| t.is_int()) else {
        return Err("cannot add string value, expected array of btf.Int, got *btf.Int".to_owned());
    };
    let kind = encoding(elem);
    if elem.size() != 1 || kind == "bool" {
        let size = elem.size();
        return Err(format!(
            "cannot add string value, expected array of non-bool btf.Int of size 1, got array of btf.Int with encoding {kind} and size {size}"
        ));
    }
    if !value.ends_with('"') {
        return Err(format!("value {value:?} must start and finish with '\"'"));
    }
    // Unlike libbpf's, such a string may fill the array to its end.
    let text = value.trim_matches('"').bytes().take(array.nelems as usize);
    for (slot, byte) in data.iter_mut().zip(text) {
        *slot = byte;
    }
    Ok(())
}

fn number(data: &mut [u8], ty: Type<'_>, value: &str) -> Words<()> {
    if !ty.is_int() {
        return Err("cannot add number value, expected *btf.Int, got: *btf.Int".to_owned());
    }
    let bits = ty.size().saturating_mul(8).min(64);
    let signed = encoding(ty) == "signed";
    let how = if signed { "ParseInt" } else { "ParseUint" };
    let failed = |what: &str| format!("cannot parse value: strconv.{how}: parsing {value:?}: {what}");
    let (negative, digits) = match value.strip_prefix('-') {
        Some(digits) if signed => (true, digits),
        _ => (false, value),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => match digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
            Some(digits) => (8, digits),
            None => (10, digits),
        },
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(failed("invalid syntax"));
    }
    let number = i128::from_str_radix(digits, radix).map_err(|_| failed("value out of range"))?;
    let number = if negative { -number } else { number };
    let (low, high) = match signed {
        true => (-(1i128 << (bits.max(1) - 1)), (1i128 << (bits.max(1) - 1)) - 1),
        false => (0, (1i128 << bits) - 1),
    };
    if !(low..=high).contains(&number) {
        return Err(failed("value out of range"));
    }
    integer(data, ty, number as u64)
}

/// Writes an integer (`PutInteger`).
fn integer(data: &mut [u8], ty: Type<'_>, number: u64) -> Words<()> {
    if encoding(ty) == "bool" && number > 1 {
        return Err(format!("invalid boolean value: {number}"));
    }
    let (size, len) = (ty.size(), data.len());
    if len < size as usize {
        return Err(format!(
            "can't fit an integer of size {size} into a byte slice of length {len}"
        ));
    }
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Err(format!("size ({size}) is not valid, expected: 1, 2, 4 or 8"));
    }
    for (slot, byte) in data
        .iter_mut()
        .zip(number.to_le_bytes().into_iter().take(size as usize))
    {
        *slot = byte;
    }
    Ok(())
}

/// The library's word for how an integer is to be read.
fn encoding(ty: Type<'_>) -> &'static str {
    match ty.int().map_or(0, |int| int.encoding.0) {
        1 => "signed",
        2 => "char",
        4 => "bool",
        _ => "unsigned",
    }
}

fn described_kind(ty: Type<'_>) -> String {
    let described = described(ty);
    described.split(':').next().unwrap_or_default().to_owned()
}
