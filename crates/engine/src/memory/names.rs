//! What the log calls a register's type.

use verdict_domain::Tnum;
use verdict_kernel::semantics::log::{StateForm, TypeNames};
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::observer::Observer;
use crate::verifier::Verifier;

/// The name of a register type in messages and states (`reg_type_str`), such as `map_value_or_null`,
/// `trusted_ptr_` (to which the struct's name is appended), `rdonly_mem`.
pub fn reg_type_str(ty: RegType, names: TypeNames) -> String {
    let mut name = String::new();
    match names {
        TypeNames::Kinds if ty.base() == RegBase::Buf && !ty.has(Flags::RDONLY) => name.push_str("rdwr_"),
        TypeNames::Kinds if ty.has(Flags::RINGBUF) => {}
        TypeNames::Kinds => name.push_str(last_prefix(ty)),
        TypeNames::OneFlag => name.push_str(last_prefix(ty)),
        TypeNames::AllFlags => {
            for (flag, prefix) in PREFIXES {
                if ty.has(flag) {
                    name.push_str(prefix);
                }
            }
        }
    }
    name.push_str(match (names, ty.base()) {
        (TypeNames::Kinds, RegBase::Scalar) => "inv",
        (_, base) => base_str(base),
    });
    if ty.has(Flags::MAYBE_NULL) {
        name.push_str(if ty.base() == RegBase::BtfId {
            "or_null_"
        } else {
            "_or_null"
        });
    }
    name
}

/// The prefix of a type that has but one: that of its last flag.
fn last_prefix(ty: RegType) -> &'static str {
    const NAMED: [(Flags, &str); 5] = [
        (Flags::UNTRUSTED, "untrusted_"),
        (Flags::PERCPU, "percpu_"),
        (Flags::USER, "user_"),
        (Flags::RINGBUF, "alloc_"),
        (Flags::RDONLY, "rdonly_"),
    ];
    let last = NAMED.iter().find(|(flag, _)| ty.has(*flag));
    last.map_or("", |(_, prefix)| prefix)
}

impl<O: Observer> Verifier<'_, O> {
    /// The name of a register type in this kernel's messages.
    pub(crate) fn type_str(&self, ty: impl Into<RegType>) -> String {
        reg_type_str(ty.into(), self.env.kernel.semantics.log.type_names)
    }

    /// Known bits in this kernel's messages: where states are written plainly, always as value and mask.
    pub(crate) fn bits_str(&self, bits: Tnum) -> String {
        match self.env.kernel.semantics.log.state_form {
            StateForm::Whole | StateForm::Plain => format!("({:#x}; {:#x})", bits.value, bits.mask),
            StateForm::Folded => bits.to_string(),
        }
    }
}

const PREFIXES: [(Flags, &str); 7] = [
    (Flags::RDONLY, "rdonly_"),
    (Flags::RINGBUF, "ringbuf_"),
    (Flags::USER, "user_"),
    (Flags::PERCPU, "percpu_"),
    (Flags::RCU, "rcu_"),
    (Flags::UNTRUSTED, "untrusted_"),
    (Flags::TRUSTED, "trusted_"),
];

const fn base_str(base: RegBase) -> &'static str {
    match base {
        RegBase::NotInit => "?",
        RegBase::Scalar => "scalar",
        RegBase::Ctx => "ctx",
        RegBase::ConstMapPtr => "map_ptr",
        RegBase::MapValue => "map_value",
        RegBase::MapKey => "map_key",
        RegBase::Stack => "fp",
        RegBase::PacketMeta => "pkt_meta",
        RegBase::Packet => "pkt",
        RegBase::PacketEnd => "pkt_end",
        RegBase::FlowKeys => "flow_keys",
        RegBase::Socket => "sock",
        RegBase::SockCommon => "sock_common",
        RegBase::TcpSock => "tcp_sock",
        RegBase::TpBuffer => "tp_buffer",
        RegBase::XdpSock => "xdp_sock",
        RegBase::BtfId => "ptr_",
        RegBase::Mem => "mem",
        RegBase::Arena => "arena",
        RegBase::Buf => "buf",
        RegBase::Func => "func",
        RegBase::ConstDynptr => "dynptr_ptr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let ty = |base, flags| reg_type_str(RegType::new(base, flags), TypeNames::AllFlags);
        assert_eq!(ty(RegBase::MapValue, Flags::MAYBE_NULL), "map_value_or_null");
        assert_eq!(
            ty(RegBase::BtfId, Flags::MAYBE_NULL | Flags::TRUSTED),
            "trusted_ptr_or_null_"
        );
        assert_eq!(
            ty(RegBase::Mem, Flags::RDONLY | Flags::UNTRUSTED),
            "rdonly_untrusted_mem"
        );
    }
}
