//! The values that a relocation comes to: what the instruction must hold now, and what it shall hold.

use super::spec::{Accessor, Spec};
use super::{Context, CoreRelo, Failure, Library, RelocKind, Subject};
use crate::error::errno;
use crate::{Btf, Type, TypeId};

/// What is to be done to an instruction.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Outcome {
    /// What the instruction holds if the compiler agrees.
    pub(super) orig_val: u64,
    /// What it is to hold.
    pub(super) new_val: u64,
    /// There is no such thing in the target.
    pub(super) poison: bool,
    /// Whether `orig_val` is to be checked.
    pub(super) validate: bool,
    /// The access would change its size in a way that changes its meaning.
    pub(super) bad_size: bool,
    /// Size of the field in bytes, 0 if it does not matter.
    pub(super) orig_sz: u32,
    /// The same in the target.
    pub(super) new_sz: u32,
}

/// A value of one side.
struct Value {
    value: u64,
    /// Size of the field for loads and stores, 0 if it does not matter.
    size: u32,
    ty: TypeId,
    /// Whether the compiler cannot but agree on the value.
    validate: bool,
}

impl Value {
    fn plain(value: u64, validate: bool) -> Value {
        Value {
            value,
            size: 0,
            ty: TypeId::VOID,
            validate,
        }
    }
}

/// Why there is no value.
enum Trouble {
    /// There is nothing of the kind in the target.
    Missing,
    /// libbpf gives up.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(errno: Failure) -> Self {
        Trouble::Failed(errno)
    }
}

/// Calculates both values; `target` is `None` if no candidate matched.
pub(super) fn calculate(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    local: &Spec<'_>,
    target: Option<&Spec<'_>>,
) -> Result<Outcome, Failure> {
    let mut out = Outcome {
        validate: true,
        ..Outcome::default()
    };
    match both(cx, relo, local, target, &mut out) {
        Ok(()) => Ok(out),
        Err(Trouble::Missing) => {
            out.poison = true;
            Ok(out)
        }
        Err(Trouble::Failed(e)) => {
            if e == errno::EOPNOTSUPP {
                cx.warn_relo(&format!(
                    "unrecognized CO-RE relocation {} ({}) at insn #{}",
                    local.kind.name(),
                    relo.kind,
                    relo.insn_off / 8
                ));
            }
            Err(e)
        }
    }
}

fn both(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    local: &Spec<'_>,
    target: Option<&Spec<'_>>,
    out: &mut Outcome,
) -> Result<(), Trouble> {
    let old = value(cx, relo, local.kind, Some(local))?;
    (out.orig_val, out.orig_sz, out.validate) = (old.value, old.size, old.validate);
    let new = value(cx, relo, local.kind, target)?;
    (out.new_val, out.new_sz) = (new.value, new.size);
    if let Some(target) = target {
        let safe = resizable((local.btf, old.ty), (target.btf, new.ty));
        out.bad_size = old.size != new.size && !safe;
    }
    Ok(())
}

/// Whether a load or store may change its size: both are pointers, or both unsigned integers, which are
/// extended with zeros either way.
fn resizable(old: (&Btf, TypeId), new: (&Btf, TypeId)) -> bool {
    let (Some(old), Some(new)) = (old.0.ty(old.1), new.0.ty(new.1)) else {
        return false;
    };
    let unsigned = |t: Type<'_>| t.int().is_some_and(|i| i.encoding != crate::IntEncoding::SIGNED);
    (old.is_ptr() && new.is_ptr()) || (unsigned(old) && unsigned(new))
}

fn value(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    kind: RelocKind,
    spec: Option<&Spec<'_>>,
) -> Result<Value, Trouble> {
    match kind.subject() {
        Subject::Field => field_value(cx, relo, kind, spec),
        Subject::Type => type_value(cx.library, kind, spec),
        Subject::Enumerator => enumerator_value(kind, spec),
        Subject::Unknown => Err(errno::EOPNOTSUPP.into()),
    }
}

fn type_value(library: Library, kind: RelocKind, spec: Option<&Spec<'_>>) -> Result<Value, Trouble> {
    let Some(spec) = spec else {
        if library == Library::Cilium && matches!(kind, RelocKind::TypeIdTarget | RelocKind::TypeSize) {
            return Err(Trouble::Missing);
        }
        return Ok(Value::plain(0, true));
    };
    match kind {
        RelocKind::TypeIdTarget => Ok(Value::plain(u64::from(spec.root.0), false)),
        RelocKind::TypeExists | RelocKind::TypeMatches => Ok(Value::plain(1, true)),
        RelocKind::TypeSize => {
            let size = spec.btf.size_of(spec.root).map_err(|_| errno::EINVAL)?;
            Ok(Value::plain(u64::from(size), true))
        }
        _ => Err(errno::EOPNOTSUPP.into()),
    }
}

fn enumerator_value(kind: RelocKind, spec: Option<&Spec<'_>>) -> Result<Value, Trouble> {
    match kind {
        RelocKind::EnumvalExists => Ok(Value::plain(u64::from(spec.is_some()), true)),
        RelocKind::EnumvalValue => {
            let spec = spec.ok_or(Trouble::Missing)?;
            let step = spec.steps.first().ok_or(errno::EINVAL)?;
            let ty = spec.btf.ty(step.ty).ok_or(errno::EINVAL)?;
            let value = ty.enumerators().get(step.index as usize).ok_or(errno::EINVAL)?;
            // The 32-bit value is a signed number to libbpf, whatever the enumeration says.
            let wide = ty.kind() == crate::Kind::Enum64;
            let bits = if wide {
                value.raw
            } else {
                value.raw as u32 as i32 as i64 as u64
            };
            Ok(Value::plain(bits, true))
        }
        _ => Err(errno::EOPNOTSUPP.into()),
    }
}

fn field_value(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    kind: RelocKind,
    spec: Option<&Spec<'_>>,
) -> Result<Value, Trouble> {
    if kind == RelocKind::FieldExists {
        return Ok(Value::plain(u64::from(spec.is_some()), true));
    }
    let spec = spec.ok_or(Trouble::Missing)?;
    let step = spec.steps.last().ok_or(errno::EINVAL)?;
    if step.name.is_none() {
        return element_value(cx, relo, kind, spec, step);
    }
    let owner = spec.btf.ty(step.ty).ok_or(errno::EINVAL)?;
    let member = owner.member(step.index as usize).ok_or(errno::EINVAL)?;
    let ty = spec.btf.skip_mods_and_typedefs(member.ty).ok_or(errno::EINVAL)?;
    let bitfield = member.bitfield_size != 0;
    let place = if bitfield {
        Place::of_bitfield(spec.bit_offset, member.bitfield_size, ty.size_or_type()).inspect_err(|&e| {
            if e == errno::E2BIG {
                warn_insn(cx, relo, "can't be satisfied for bitfield");
            }
        })?
    } else {
        let size = spec.btf.size_of(ty.id()).map_err(|_| errno::EINVAL)?;
        Place::of_field(spec.bit_offset, size)
    };
    // Compilers may load a bitfield otherwise than calculated here, so its values prove nothing, but for
    // the signedness and the right shift.
    match kind {
        RelocKind::FieldByteOffset => {
            let (size, ty) = if bitfield {
                (0, TypeId::VOID)
            } else {
                (place.byte_sz, ty.id())
            };
            Ok(Value {
                value: u64::from(place.byte_off),
                size,
                ty,
                validate: !bitfield,
            })
        }
        RelocKind::FieldByteSize => Ok(Value::plain(u64::from(place.byte_sz), !bitfield)),
        RelocKind::FieldSigned => Ok(Value::plain(u64::from(is_signed(ty)), true)),
        RelocKind::FieldLshiftU64 => Ok(Value::plain(u64::from(place.left_shift()), !bitfield)),
        RelocKind::FieldRshiftU64 => Ok(Value::plain(u64::from(64u32.wrapping_sub(place.bit_sz)), true)),
        _ => Err(errno::EOPNOTSUPP.into()),
    }
}

/// The value of an access that ends in an array's element.
fn element_value(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    kind: RelocKind,
    spec: &Spec<'_>,
    step: &Accessor<'_>,
) -> Result<Value, Trouble> {
    let size = || spec.btf.size_of(step.ty).map_err(|_| errno::EINVAL);
    match kind {
        RelocKind::FieldByteOffset => {
            let value = u64::from(spec.bit_offset / 8);
            Ok(Value {
                value,
                size: size()?,
                ty: step.ty,
                validate: true,
            })
        }
        RelocKind::FieldByteSize => Ok(Value::plain(u64::from(size()?), true)),
        _ => {
            warn_insn(cx, relo, "can't be applied to array access");
            Err(errno::EINVAL.into())
        }
    }
}

fn warn_insn(cx: &mut Context<'_>, relo: &CoreRelo, text: &str) {
    let line = format!(
        "prog '{}': relo {} at insn #{} {text}",
        cx.prog,
        relo.kind,
        relo.insn_off / 8
    );
    cx.warn(line);
}

fn is_signed(ty: Type<'_>) -> bool {
    (ty.is_any_enum() && ty.kflag()) || ty.int().is_some_and(|i| i.encoding.is_signed())
}

/// Where a field lies, in 32-bit wrapping arithmetic.
struct Place {
    bit_off: u32,
    bit_sz: u32,
    byte_off: u32,
    byte_sz: u32,
}

impl Place {
    fn of_field(bit_off: u32, size: u32) -> Place {
        Place {
            bit_off,
            bit_sz: size.wrapping_mul(8),
            byte_off: bit_off / 8,
            byte_sz: size,
        }
    }

    /// The smallest aligned load, from the declared type's size up to 8 bytes, that has the whole bitfield.
    fn of_bitfield(bit_off: u32, bit_sz: u32, type_size: u32) -> Result<Place, Failure> {
        let mut byte_sz = type_size;
        loop {
            let byte_off = (bit_off / 8)
                .checked_div(byte_sz)
                .ok_or(errno::EINVAL)?
                .wrapping_mul(byte_sz);
            let place = Place {
                bit_off,
                bit_sz,
                byte_off,
                byte_sz,
            };
            if place.end_bit() <= byte_sz.wrapping_mul(8) {
                return Ok(place);
            }
            if byte_sz >= 8 {
                return Err(errno::E2BIG);
            }
            byte_sz *= 2;
        }
    }

    /// Bits from the start of the load to the end of the field.
    fn end_bit(&self) -> u32 {
        self.bit_off
            .wrapping_add(self.bit_sz)
            .wrapping_sub(self.byte_off.wrapping_mul(8))
    }

    fn left_shift(&self) -> u32 {
        64u32.wrapping_sub(self.end_bit())
    }
}
