//! Values in words.

use std::fmt;

use verdict_domain::Bounds;
use verdict_engine::reg_type_str;
use verdict_engine::state::Reg;
use verdict_kernel::semantics::log::TypeNames;
use verdict_kernel::types::{Flags, RegBase};
use verdict_report::explanation::Range;

/// The signed range of a value.
pub(crate) fn range(bounds: &Bounds) -> Range {
    Range {
        min: bounds.smin(),
        max: bounds.smax(),
    }
}

/// `7`, `0 to 7`, `0 or more`, `any number`.
pub(crate) struct InWords(pub(crate) Range);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { min, max } = self.0;
        match (min, max) {
            (min, max) if min == max => write!(f, "{min}"),
            (i64::MIN, i64::MAX) => f.write_str("any number"),
            (0, 0xffff_ffff) => f.write_str("any 32-bit number"),
            (min, i64::MAX) => write!(f, "{min} or more"),
            (i64::MIN, max) => write!(f, "{max} or less"),
            (min, max) => write!(f, "{min} to {max}"),
        }
    }
}

/// The range of a value in words.
pub(crate) fn bounds(bounds: &Bounds) -> String {
    InWords(range(bounds)).to_string()
}

/// A condition on a variable: `n >= 0 && n <= 255`.
pub(crate) fn condition(name: &str, Range { min, max }: Range) -> String {
    let name = operand(name);
    match (min, max) {
        (min, max) if min == max => format!("{name} == {min}"),
        (i64::MIN, i64::MAX) => format!("{name} is anything"),
        (min, i64::MAX) => format!("{name} >= {min}"),
        (i64::MIN, max) => format!("{name} <= {max}"),
        (min, max) => format!("{name} >= {min} && {name} <= {max}"),
    }
}

/// A range without its lower end where what lies below is excluded anyway.
pub(crate) fn lower_end(range: Range, unsigned: bool) -> Range {
    Range {
        min: if unsigned && range.min <= 0 {
            i64::MIN
        } else {
            range.min
        },
        ..range
    }
}

/// A name or expression as an operand.
pub(crate) fn operand(name: &str) -> String {
    if is_simple(name) {
        name.to_owned()
    } else {
        format!("({name})")
    }
}

/// Whether it is something that may be assigned to, by its looks.
pub(crate) fn is_variable(name: &str) -> bool {
    is_simple(name) && !name.contains(['(', '&'])
}

fn is_simple(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_->.[]()*&".contains(c))
}

/// What a register holds, in words: `a map value that may be NULL`.
pub(crate) fn kind(reg: &Reg) -> String {
    let base = match reg.ty.base() {
        RegBase::NotInit => "nothing",
        RegBase::Scalar if reg.is_null() => "NULL",
        RegBase::Scalar => "a number",
        RegBase::Ctx => "the context",
        RegBase::ConstMapPtr => "a map",
        RegBase::MapValue => "a map value",
        RegBase::MapKey => "a map key",
        RegBase::Stack => "a pointer to the stack",
        RegBase::PacketMeta => "a pointer to the packet's metadata",
        RegBase::Packet => "a pointer into the packet",
        RegBase::PacketEnd => "the packet's end",
        RegBase::Socket | RegBase::SockCommon | RegBase::TcpSock | RegBase::XdpSock => "a socket",
        RegBase::BtfId if reg.ty.has(Flags::ALLOC) => "an object of the program's own",
        RegBase::BtfId if reg.ty.has(Flags::UNTRUSTED) => "a kernel pointer that is not trusted",
        RegBase::BtfId if reg.ty.has(Flags::TRUSTED) || reg.ref_obj_id != 0 => {
            "a kernel object that is known to be valid"
        }
        RegBase::BtfId if reg.ty.has(Flags::RCU) => {
            "a kernel object that is valid within the RCU section only"
        }
        RegBase::BtfId => "a kernel object",
        RegBase::Mem => "memory",
        RegBase::Func => "a function",
        RegBase::ConstDynptr => "a dynptr",
        RegBase::FlowKeys | RegBase::TpBuffer | RegBase::Arena | RegBase::Buf => {
            return reg_type_str(reg.ty, TypeNames::AllFlags);
        }
    };
    if reg.ty.has(Flags::MAYBE_NULL) {
        let and = if base.contains(" that is ") {
            " and"
        } else {
            " that"
        };
        format!("{base}{and} may be NULL")
    } else {
        base.to_owned()
    }
}

/// What a register holds, with all that is known of it: `a pointer into the packet at 14, moved by 0 to 60, of which 0 bytes are proven`.
pub(crate) fn value(reg: &Reg) -> String {
    if reg.is_scalar() {
        return bounds(&reg.b);
    }
    let mut words = kind(reg);
    if reg.is_not_init() {
        return words;
    }
    if reg.off != 0 {
        words.push_str(&format!(" at {}", reg.off));
    }
    if !reg.b.is_const_value(0) {
        words.push_str(&format!(", moved by {}", bounds(&reg.b)));
    }
    if reg.is_pkt() {
        words.push_str(&format!(", {} proven", count(i64::from(reg.range()), "byte")));
    }
    words
}

/// What an instruction has put into a register as a constant.
pub(crate) fn constant(reg: &Reg) -> String {
    if reg.is_scalar() {
        format!("the constant {}", bounds(&reg.b))
    } else {
        kind(reg)
    }
}

/// `1 byte`, `2 bytes`.
pub(crate) fn count(n: i64, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
