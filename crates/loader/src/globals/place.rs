//! Where in a section a variable's part lies, and how a value is stored there.

use verdict_btf::{Btf, Kind, Type, TypeId};

use super::{GlobalError, Preset, Scalar, Step, refuse};

/// Anonymous members inside one another.
const MAX_DEPTH: u32 = 16;
/// Enumerators that an error lists.
const SHOWN: usize = 16;

/// A scalar inside a section of global data.
pub(super) struct Place {
    /// Bytes from the section's start.
    pub(super) offset: u32,
    ty: TypeId,
}

/// Follows the preset's path from its variable.
pub(super) fn find(btf: &Btf, preset: &Preset, offset: u32, ty: TypeId) -> Result<Place, GlobalError> {
    let written = &preset.written;
    let mut place = Place { offset, ty };
    let mut so_far = preset.variable.clone();
    for step in &preset.path {
        let Some(ty) = btf.skip_mods_and_typedefs(place.ty) else {
            refuse!("global '{written}': the type of {so_far} is damaged");
        };
        place = match step {
            Step::Member(name) => {
                let next = member(btf, preset, ty, &so_far, name, place.offset)?;
                so_far = format!("{so_far}.{name}");
                next
            }
            Step::Index(index) => {
                let (next, index) = element(btf, preset, ty, &so_far, index, place.offset)?;
                so_far = format!("{so_far}[{index}]");
                next
            }
        };
    }
    Ok(place)
}

fn member(
    btf: &Btf,
    preset: &Preset,
    ty: Type<'_>,
    so_far: &str,
    name: &str,
    offset: u32,
) -> Result<Place, GlobalError> {
    let written = &preset.written;
    if !ty.is_composite() {
        refuse!(
            "global '{written}': {so_far} is {}: expected a struct or union",
            described(btf, ty)
        );
    }
    let Some((bits, bitfield, target)) = find_member(btf, ty, name, MAX_DEPTH) else {
        let names: Vec<_> = ty
            .members()
            .map(|m| m.name())
            .filter(|n| !n.is_empty())
            .take(SHOWN)
            .collect();
        refuse!(
            "global '{written}': {so_far} has no member '{name}': expected one of {}",
            names.join(", ")
        );
    };
    if bitfield {
        refuse!("global '{written}': {so_far}.{name} is a bitfield: only whole members can be set");
    }
    let Some(offset) = offset.checked_add(bits / 8) else {
        refuse!("global '{written}': {so_far}.{name} lies beyond its section");
    };
    Ok(Place { offset, ty: target })
}

/// A member's offset in bits, whether it is a bitfield, and its type; anonymous members are looked into.
fn find_member(btf: &Btf, ty: Type<'_>, name: &str, depth: u32) -> Option<(u32, bool, TypeId)> {
    for member in ty.members() {
        if member.name() == name {
            return Some((member.bit_offset, member.bitfield_size != 0, member.ty));
        }
        if !member.name().is_empty() || depth == 0 {
            continue;
        }
        let inner = btf.skip_mods_and_typedefs(member.ty).filter(|t| t.is_composite());
        let found = inner.and_then(|inner| find_member(btf, inner, name, depth - 1));
        if let Some((bits, bitfield, ty)) = found {
            return Some((member.bit_offset.checked_add(bits)?, bitfield, ty));
        }
    }
    None
}

fn element(
    btf: &Btf,
    preset: &Preset,
    ty: Type<'_>,
    so_far: &str,
    index: &Scalar,
    offset: u32,
) -> Result<(Place, u32), GlobalError> {
    let written = &preset.written;
    let Some(array) = ty.array() else {
        refuse!(
            "global '{written}': {so_far} is {}: expected an array",
            described(btf, ty)
        );
    };
    let number = match index {
        Scalar::Number(number) => *number,
        Scalar::Name(name) => match find_enumerator(btf, name) {
            Some(value) => value,
            None => {
                refuse!("global '{written}': no enumeration has '{name}': expected a number or an enumerator")
            }
        },
    };
    let index = u32::try_from(number).ok().filter(|index| *index < array.nelems);
    let Some(index) = index else {
        refuse!(
            "global '{written}': index {number} of {so_far}: expected 0 to {}",
            i64::from(array.nelems) - 1
        );
    };
    let start = btf
        .resolve_size(array.elem)
        .and_then(|size| size.checked_mul(index)?.checked_add(offset));
    let Some(offset) = start else {
        refuse!("global '{written}': {so_far}[{index}] lies beyond its section");
    };
    Ok((
        Place {
            offset,
            ty: array.elem,
        },
        index,
    ))
}

/// The value of an enumerator of any enumeration.
fn find_enumerator(btf: &Btf, name: &str) -> Option<i128> {
    btf.types()
        .filter(|ty| ty.is_any_enum())
        .find_map(|ty| enumerator(ty, name))
}

fn enumerator(ty: Type<'_>, name: &str) -> Option<i128> {
    let found = ty.enumerators().find(|e| e.name() == name)?;
    Some(if ty.kflag() {
        i128::from(found.value)
    } else {
        i128::from(found.raw)
    })
}

impl Place {
    /// The bytes of the preset's value at this place.
    pub(super) fn encode(&self, btf: &Btf, preset: &Preset) -> Result<Vec<u8>, GlobalError> {
        let written = &preset.written;
        let Some(ty) = btf.skip_mods_and_typedefs(self.ty) else {
            refuse!("global '{written}': its type is damaged");
        };
        let (value, signed) = match ty.kind() {
            Kind::Int => {
                let encoding = ty.int().map(|int| int.encoding);
                let is_bool = encoding.is_some_and(|e| e.is_bool());
                (
                    integer(btf, preset, ty, is_bool)?,
                    encoding.is_some_and(|e| e.is_signed()),
                )
            }
            Kind::Enum | Kind::Enum64 => (of_enumeration(preset, ty)?, ty.kflag()),
            Kind::Float => refuse!(
                "global '{written}': is a floating-point variable, which cannot be set: \
                 expected an integer or an enumeration"
            ),
            Kind::Array => refuse!(
                "global '{written}': is {}: expected an element, such as {written}[0]",
                described(btf, ty)
            ),
            Kind::Struct | Kind::Union => {
                let first = ty.members().map(|m| m.name()).find(|name| !name.is_empty());
                let first = first.unwrap_or("MEMBER");
                refuse!(
                    "global '{written}': is {}: expected a member, such as {written}.{first}",
                    described(btf, ty)
                )
            }
            _ => refuse!(
                "global '{written}': is {}: expected an integer or an enumeration",
                described(btf, ty)
            ),
        };
        let size = ty.size();
        let (low, high) = range(size, signed);
        // As veristat does, a negative number is taken for its bits in an unsigned variable.
        let lowest = if low == 0 { -high - 1 } else { low };
        if value < lowest || value > high {
            refuse!(
                "global '{written}': {value} does not fit into {}: expected {low} to {high}",
                described(btf, ty)
            );
        }
        let bytes = value.to_le_bytes();
        Ok(bytes.get(..size as usize).unwrap_or(&bytes).to_vec())
    }
}

/// Lowest and highest value of a type. What is 64 bits wide takes signed and unsigned numbers alike.
fn range(size: u32, signed: bool) -> (i128, i128) {
    let bits = size.min(8) * 8;
    match (size, signed) {
        (8.., _) => (i128::from(i64::MIN), i128::from(u64::MAX)),
        (_, true) => (-(1 << bits.saturating_sub(1)), (1 << bits.saturating_sub(1)) - 1),
        (_, false) => (0, (1 << bits) - 1),
    }
}

fn integer(btf: &Btf, preset: &Preset, ty: Type<'_>, is_bool: bool) -> Result<i128, GlobalError> {
    match &preset.value {
        Scalar::Number(number) => Ok(*number),
        Scalar::Name(name) if is_bool && name == "true" => Ok(1),
        Scalar::Name(name) if is_bool && name == "false" => Ok(0),
        Scalar::Name(name) => refuse!(
            "global '{}': is {}, and '{name}' is no number",
            preset.written,
            described(btf, ty)
        ),
    }
}

fn of_enumeration(preset: &Preset, ty: Type<'_>) -> Result<i128, GlobalError> {
    let name = match &preset.value {
        Scalar::Number(number) => return Ok(*number),
        Scalar::Name(name) => name,
    };
    if let Some(value) = enumerator(ty, name) {
        return Ok(value);
    }
    let known: Vec<_> = ty.enumerators().map(|e| e.name()).take(SHOWN).collect();
    let (written, shown) = (&preset.written, ty.name());
    refuse!(
        "global '{written}': '{name}' is no enumerator of enum {shown}: expected one of {}",
        known.join(", ")
    )
}

/// A type in the words of an error.
fn described(btf: &Btf, ty: Type<'_>) -> String {
    match ty.kind() {
        Kind::Int => ty.name().to_owned(),
        Kind::Ptr => "a pointer".to_owned(),
        Kind::Array => {
            let array = ty.array();
            let elem = array.and_then(|a| btf.skip_mods_and_typedefs(a.elem));
            let elem = elem.map_or("?".to_owned(), |elem| match elem.kind() {
                Kind::Array => "arrays".to_owned(),
                _ => described(btf, elem),
            });
            format!("an array of {} {elem}", array.map_or(0, |a| a.nelems))
        }
        kind => format!("{} {}", kind.name(), ty.name()).trim_end().to_owned(),
    }
}
