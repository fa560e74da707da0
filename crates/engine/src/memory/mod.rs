//! Loads and stores: which memory a pointer may touch, and what a load gives.
//!
//! One file per kind of target. [`Verifier::check_mem_access`] picks the file by the pointer's type; the rest
//! of the engine also asks for whole regions on behalf of helpers ([`Verifier::check_helper_mem_access`]).

mod align;
mod btf_object;
mod btf_write;
mod buffer;
mod ctx;
mod dynptr_plain;
mod dynptr_slot;
mod helper;
mod iter_slot;
mod kptr;
mod map;
pub(crate) mod names;
mod packet;
mod region;
mod sock;
mod stack_bounds;
mod stack_read;
mod stack_write;
mod trust;

pub(crate) use btf_object::UNTRUSTED_MEMORY;
pub(crate) use dynptr_slot::{NoSlot, dynptr_flag_of, dynptr_kind_of, is_refcounted};
pub(crate) use helper::RawMode;
pub(crate) use iter_slot::{IterArg, NotIter};
pub(crate) use trust::{
    TRUSTED_MODIFIERS, is_rcu, is_trusted, type_is_non_owning_ref, type_is_ptr_alloc_obj,
};

use std::sync::Arc;

use verdict_domain::Tnum;
use verdict_kernel::ctx::Access;
use verdict_kernel::rule::Rule;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::Map;

use crate::error::{About, Failure, Res, register, reject};
use crate::index::RegNo;
use crate::observer::{Event, Observer};
use crate::state::Reg;
use crate::transfer::MAX_VAR_OFF;
use crate::verifier::Verifier;

/// Who touches the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The instruction itself.
    Direct,
    /// A helper or kfunc that got the pointer.
    Helper,
}

/// A load or store of up to eight bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemAccess {
    /// Register with the pointer.
    pub(crate) regno: RegNo,
    /// Offset that the instruction adds; the pointer's own fixed offset is not in it.
    pub(crate) off: i32,
    /// Bytes: 1, 2, 4 or 8.
    pub(crate) size: i32,
    /// Load or store.
    pub(crate) access: Access,
    /// Register that is loaded or stored; `None` is a value that nobody knows or wants.
    pub(crate) value: Option<RegNo>,
    /// Alignment matters whatever the program's flags (atomics).
    pub(crate) aligned: bool,
    /// The load extends the sign.
    pub(crate) sign: bool,
}

impl MemAccess {
    /// A load into `value`.
    pub(crate) fn read(regno: RegNo, off: i32, size: i32, value: Option<RegNo>) -> MemAccess {
        MemAccess {
            regno,
            off,
            size,
            access: Access::Read,
            value,
            aligned: false,
            sign: false,
        }
    }
    /// A store of `value`.
    pub(crate) fn write(regno: RegNo, off: i32, size: i32, value: Option<RegNo>) -> MemAccess {
        MemAccess {
            access: Access::Write,
            ..MemAccess::read(regno, off, size, value)
        }
    }
    /// The register that a load fills.
    fn loaded(&self) -> Option<RegNo> {
        if self.access == Access::Read {
            self.value
        } else {
            None
        }
    }
}

/// `"%s the register…"`-style words that follow those of an inner check.
pub(crate) trait Words {
    /// Appends to a refusal's words.
    fn then(self, more: impl FnOnce() -> String) -> Self;
}

impl<T> Words for Res<T> {
    fn then(self, more: impl FnOnce() -> String) -> Self {
        self.map_err(|mut failure| {
            if let Failure::Rejected(refusal) = &mut *failure {
                refusal.text.push_str(&more());
            }
            failure
        })
    }
}

/// The same refusal with another errno.
pub(crate) fn as_errno(mut failure: Box<Failure>, errno: verdict_kernel::errno::Errno) -> Box<Failure> {
    if let Failure::Rejected(refusal) = &mut *failure {
        refusal.errno = errno;
    }
    failure
}

impl<O: Observer> Verifier<'_, O> {
    /// Checks a load or store through a pointer and gives the loaded register what it will hold
    /// (`check_mem_access`).
    pub(crate) fn check_mem_access(&mut self, m: MemAccess) -> Res<()> {
        let reg = *self.reg(m.regno);
        let through = || register(m.regno);
        let bits = |bits| self.bits_str(bits);
        align::check(self.env.strict_alignment || m.aligned, &reg, m.off, m.size, bits).about(through)?;
        let m = MemAccess {
            off: m.off.wrapping_add(reg.off),
            ..m
        };
        self.check_target(&reg, &m).about(through)?;
        if m.size < 8
            && let Some(value) = m.loaded()
            && self.reg(value).is_scalar()
        {
            let rules = self.env.rules;
            let b = &mut self.walk.cur.reg_mut(value).b;
            if m.sign {
                b.sign_extend(m.size.unsigned_abs());
            } else {
                b.truncate(m.size.unsigned_abs(), rules);
            }
        }
        Ok(())
    }

    /// The part of [`Verifier::check_mem_access`] that depends on what is pointed at. `m.off` includes the
    /// pointer's fixed offset.
    fn check_target(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let plain = reg.ty.flags() == Flags::NONE;
        let maybe_null = reg.ty.has(Flags::MAYBE_NULL);
        match reg.ty.base() {
            RegBase::MapKey if plain => self.access_map_key(reg, m),
            RegBase::MapValue if plain => self.access_map_value(reg, m),
            RegBase::Mem => self.access_mem(reg, m),
            RegBase::Ctx if plain => self.access_ctx(reg, m),
            RegBase::Stack if plain => self.access_stack(reg, m),
            RegBase::Packet | RegBase::PacketMeta => self.access_packet(reg, m),
            RegBase::FlowKeys if plain => self.access_flow_keys(m),
            RegBase::Socket | RegBase::SockCommon | RegBase::TcpSock | RegBase::XdpSock if plain => {
                self.access_sock(reg, m)
            }
            RegBase::TpBuffer if plain => self.access_tp_buffer(reg, m),
            RegBase::BtfId if !maybe_null => self.access_btf_object(reg, m),
            RegBase::ConstMapPtr if plain => self.access_map_object(reg, m),
            RegBase::Buf if !maybe_null || self.reads_nullable_buffers() => self.access_buf(reg, m),
            RegBase::Arena if plain => {
                self.forget_loaded(m);
                Ok(())
            }
            RegBase::NotInit
            | RegBase::Scalar
            | RegBase::Ctx
            | RegBase::ConstMapPtr
            | RegBase::MapValue
            | RegBase::MapKey
            | RegBase::Stack
            | RegBase::PacketEnd
            | RegBase::FlowKeys
            | RegBase::Socket
            | RegBase::SockCommon
            | RegBase::TcpSock
            | RegBase::TpBuffer
            | RegBase::XdpSock
            | RegBase::BtfId
            | RegBase::Arena
            | RegBase::Buf
            | RegBase::Func
            | RegBase::ConstDynptr => {
                reject!(
                    (unreadable_rule(reg.ty)),
                    EACCES,
                    "R{} invalid mem access '{}'\n",
                    m.regno,
                    self.type_str(reg.ty)
                )
            }
        }
    }

    /// Makes the loaded register an unknown number.
    fn forget_loaded(&mut self, m: &MemAccess) {
        if let Some(value) = m.loaded() {
            self.set_unknown(value);
        }
    }

    /// Plain memory of known size.
    fn access_mem(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let read_only = reg.ty.has(Flags::RDONLY);
        if reg.ty.has(Flags::MAYBE_NULL) {
            reject!(
                UncheckedNull,
                EACCES,
                "R{} invalid mem access '{}'\n",
                m.regno,
                self.type_str(reg.ty)
            );
        }
        if m.access == Access::Write && read_only {
            reject!(
                ReadOnlyMemory,
                EACCES,
                "R{} cannot write into {}\n",
                m.regno,
                self.type_str(reg.ty)
            );
        }
        // Reads of untrusted memory survive any address.
        if !(read_only && reg.ty.has(Flags::UNTRUSTED)) {
            self.check_mem_region_access(m.regno, m.off, m.size, reg.mem_size(), false)?;
        }
        self.forget_loaded(m);
        Ok(())
    }

    /// The key that a map callback gets.
    fn access_map_key(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        if m.access == Access::Write {
            reject!(
                ReadOnlyMemory,
                EACCES,
                "write to change key R{} not allowed\n",
                m.regno
            );
        }
        let key_size = self.map_of(reg)?.key_size;
        self.check_mem_region_access(m.regno, m.off, m.size, key_size, false)?;
        self.forget_loaded(m);
        Ok(())
    }

    /// Makes a register point to the start of something: offset, payload and ids cleared, marks kept.
    pub(crate) fn set_known_zero(&mut self, reg: RegNo, ty: RegType) {
        let reg = self.walk.cur.reg_mut(reg);
        reg.set_known(0);
        reg.ty = ty;
    }

    /// Makes a register the scalar 0, imprecise.
    pub(crate) fn set_const_zero(&mut self, reg: RegNo) {
        self.set_reg(reg, Reg::constant(0));
    }

    /// The map behind a map pointer, value or key.
    pub(crate) fn map_of(&self, reg: &Reg) -> Res<&Arc<Map>> {
        self.program
            .maps
            .get(reg.map())
            .ok_or_else(|| Failure::bug("a map pointer without a map"))
    }

    /// Writes the source line of the current instruction if it was not shown yet (`verbose_linfo`).
    pub(crate) fn show_source_line(&mut self) {
        if O::LISTENING {
            self.env.obs.event(Event::SourceLine {
                idx: self.walk.insn_idx.0,
                prefix: "; ",
            });
        }
    }
}

/// The rule against access through a register that does not point to memory.
fn unreadable_rule(ty: RegType) -> Rule {
    if ty.has(Flags::MAYBE_NULL) {
        Rule::UncheckedNull
    } else {
        Rule::NotAPointer
    }
}

/// Memory of `size` bytes that must be aligned (`check_ptr_alignment` with strict alignment).
pub(crate) fn check_aligned(reg: &Reg, size: i32, bits: impl FnOnce(Tnum) -> String) -> Res<()> {
    align::check(true, reg, 0, size, bits)
}
