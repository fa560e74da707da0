//! Arithmetic, moves, byte order.

use verdict_domain::{AluOp, Bounds, Width};
use verdict_isa::table::alu_symbol;
use verdict_isa::{AddrCast, Alu, ByteOrder, Operand};
use verdict_kernel::rule::Fact;
use verdict_kernel::semantics::bounds::{Negation, SignMask, SwappedBytes};
use verdict_kernel::semantics::control::{ArenaOperand, FlowKeys, ScalarPlusPointer};
use verdict_kernel::semantics::linked::CopyLink;
use verdict_kernel::semantics::log::CallWords;
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::error::{About, Res, register, reject};
use crate::index::RegNo;
use crate::linked::{Sum, link_after_arithmetic, unlink};
use crate::observer::Observer;
use crate::state::{Marks, Reg, unshared};
use crate::verifier::{ArgUse, Verifier};

/// Fixed and variable offsets of pointers must stay below this.
pub(crate) const MAX_VAR_OFF: i64 = 1 << 29;

impl<O: Observer> Verifier<'_, O> {
    /// Executes an instruction of the classes ALU and ALU64 (`check_alu_op`).
    pub(crate) fn check_alu(&mut self, alu: Alu) -> Res<()> {
        let dst = match alu {
            Alu::Neg { width, dst } => {
                let dst = RegNo(dst);
                self.check_reg_arg(dst, ArgUse::Src)?;
                self.negate(width, dst)?;
                dst
            }
            Alu::End { order, bits, dst } => {
                let dst = RegNo(dst);
                self.check_reg_arg(dst, ArgUse::Src)?;
                self.order_bytes(order, bits, dst)?;
                dst
            }
            Alu::Mov { width, dst, src } => self.mov(width, RegNo(dst), src)?,
            Alu::MovSx {
                width,
                dst,
                src,
                bytes,
            } => {
                let (dst, src) = (RegNo(dst), RegNo(src));
                self.check_reg_arg(src, ArgUse::Src)?;
                self.check_reg_arg(dst, ArgUse::DstNoMark)?;
                self.mov_sx(width, dst, src, u32::from(bytes));
                dst
            }
            Alu::AddrSpaceCast { dst, src, cast } => self.addr_space_cast(RegNo(dst), RegNo(src), cast)?,
            Alu::Binary { width, op, dst, src } => self.arithmetic(width, op, RegNo(dst), src)?,
        };
        self.check_reg_bounds(dst, "alu")
    }

    /// The sign changed; the register is read already.
    fn negate(&mut self, width: Width, dst: RegNo) -> Res<()> {
        let known = self.env.kernel.semantics.bounds.negation == Negation::Difference;
        if !known || !self.reg(dst).is_scalar() {
            return self.check_reg_arg(dst, ArgUse::Dst);
        }
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        let rules = self.env.rules;
        let reg = self.walk.cur.reg_mut(dst);
        let negated = reg.b.negated(width, rules);
        reg.set_known(0);
        reg.b = negated;
        Ok(())
    }

    /// The bytes swapped, or those above cut off; the register is read already. A little-endian machine is meant.
    fn order_bytes(&mut self, order: ByteOrder, bits: u8, dst: RegNo) -> Res<()> {
        let known = self.env.kernel.semantics.bounds.swapped_bytes == SwappedBytes::Bits;
        if !known || !self.reg(dst).is_scalar() {
            return self.check_reg_arg(dst, ArgUse::Dst);
        }
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        let (rules, bytes) = (self.env.rules, u32::from(bits / 8));
        let offset = self.env.kernel.semantics.linked.unlinked_offset;
        let reg = self.walk.cur.reg_mut(dst);
        match order {
            ByteOrder::Swap | ByteOrder::ToBe => reg.b = reg.b.swapped(bytes, rules),
            ByteOrder::ToLe if bytes < 8 => {
                reg.b.truncate(bytes, rules);
                reg.b.sync(rules);
            }
            ByteOrder::ToLe => {
                reg.b.sync(rules);
                return Ok(());
            }
        }
        unlink(reg, offset);
        Ok(())
    }

    fn addr_space_cast(&mut self, dst: RegNo, src: RegNo, cast: AddrCast) -> Res<RegNo> {
        if !self.has_arena() {
            reject!(
                ArenaRequired,
                EINVAL,
                "addr_space_cast insn can only be used in a program that has an associated arena\n"
            );
        }
        self.check_reg_arg(src, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        let mut reg = Reg::UNKNOWN;
        if cast == AddrCast::ToKernel {
            reg.ty = RegType::new(RegBase::Arena, Flags::NONE);
        }
        self.set_reg(dst, reg);
        Ok(dst)
    }

    fn mov(&mut self, width: Width, dst: RegNo, src: Operand) -> Res<RegNo> {
        let src = match src {
            Operand::Imm(imm) => {
                self.check_reg_arg(dst, ArgUse::DstNoMark)?;
                let value = if width.is_64() {
                    i64::from(imm) as u64
                } else {
                    u64::from(imm as u32)
                };
                self.set_reg(dst, Reg::constant(value));
                return Ok(dst);
            }
            Operand::Reg(src) => RegNo(src),
        };
        let (rules, offset) = (self.env.rules, self.env.kernel.semantics.linked.unlinked_offset);
        self.check_reg_arg(src, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        if width.is_64() {
            self.assign_scalar_id(src);
            self.copy_reg(dst, src);
            return Ok(dst);
        }
        if !self.reg(src).is_scalar() {
            self.set_unknown(dst);
            self.walk.cur.reg_mut(dst).b.sync_zext_32(rules);
            return Ok(dst);
        }
        let any = self.env.kernel.semantics.linked.copy_link == CopyLink::Any;
        let fits = !any && self.reg(src).b.width() <= 32;
        if fits {
            self.assign_scalar_id(src);
        }
        self.copy_reg(dst, src);
        let reg = self.walk.cur.reg_mut(dst);
        if !fits {
            unlink(reg, offset);
        }
        reg.b.sync_zext_32(rules);
        Ok(dst)
    }

    fn mov_sx(&mut self, width: Width, dst: RegNo, src: RegNo, bytes: u32) {
        if !self.reg(src).is_scalar() {
            self.set_unknown(dst);
            return;
        }
        let unchanged = self.reg(src).b.umax() < 1 << (bytes * 8 - 1);
        if unchanged {
            self.assign_scalar_id(src);
        }
        self.copy_reg(dst, src);
        let (rules, offset) = (self.env.rules, self.env.kernel.semantics.linked.unlinked_offset);
        let reg = self.walk.cur.reg_mut(dst);
        if !unchanged {
            unlink(reg, offset);
        }
        if width.is_64() {
            reg.b.sign_extend(bytes);
        } else {
            reg.b.sign_extend_subreg(bytes);
            reg.b.sync_zext_32(rules);
        }
    }

    /// Copies a register's content; the destination keeps its marks (`copy_register_state`).
    #[inline]
    pub(crate) fn copy_reg(&mut self, dst: RegNo, src: RegNo) {
        let top = self.walk.cur.frames.top_mut();
        let precise = top.marks.precise >> src.0 & 1;
        top.marks.precise = top.marks.precise & !dst.bit() | precise << dst.0;
        let regs = &mut unshared(&mut top.body).regs;
        regs[dst] = regs[src];
    }

    fn arithmetic(&mut self, width: Width, op: AluOp, dst: RegNo, src: Operand) -> Res<RegNo> {
        if let Operand::Reg(src) = src {
            self.check_reg_arg(RegNo(src), ArgUse::Src)?;
        }
        self.check_reg_arg(dst, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        self.adjust(width, op, dst, src)?;
        Ok(dst)
    }

    /// The result of arithmetic (`adjust_reg_min_max_vals`).
    #[inline]
    fn adjust(&mut self, width: Width, op: AluOp, dst: RegNo, src: Operand) -> Res<()> {
        let dst_is_ptr = !self.reg(dst).is_scalar();
        if dst_is_ptr && self.reg(dst).is(RegBase::Arena) {
            return Ok(());
        }
        let Some(src) = src.reg().map(RegNo) else {
            let imm = i64::from(src.imm().unwrap_or(0)) as u64;
            if dst_is_ptr {
                return self
                    .adjust_ptr(width, op, dst, dst, &Reg::constant(imm))
                    .about(|| register(dst));
            }
            return self.adjust_scalar(width, op, dst, &Bounds::constant(imm), false);
        };
        let operand = self.reg(src);
        if !operand.is_scalar() {
            let takes_arena = self.env.kernel.semantics.control.arena_operand == ArenaOperand::Arena;
            if takes_arena && operand.is(RegBase::Arena) {
                self.copy_struct(dst, src);
                return Ok(());
            }
            if dst_is_ptr {
                if op == AluOp::Sub {
                    self.set_unknown(dst);
                    return Ok(());
                }
                reject!(
                    PointerOperator,
                    EACCES,
                    "R{} pointer {} pointer prohibited\n",
                    dst,
                    alu_symbol(op)
                );
            }
            self.mark_chain_precision(dst)?;
            // It becomes a pointer.
            self.walk.cur.marks_mut().traced &= !dst.bit();
            let offset = *self.reg(dst);
            return self
                .adjust_ptr(width, op, dst, src, &offset)
                .about(|| register(src));
        }
        if dst_is_ptr {
            let operand = *operand;
            self.mark_chain_precision(src)?;
            return self
                .adjust_ptr(width, op, dst, dst, &operand)
                .about(|| register(dst));
        }
        let operand = operand.b;
        if dst.is_in(self.walk.cur.marks_mut().precise) {
            self.mark_chain_precision(src)?;
        }
        self.adjust_scalar(width, op, dst, &operand, src == dst)
    }

    /// A plain copy of a register, marks and link included.
    fn copy_struct(&mut self, dst: RegNo, src: RegNo) {
        let value = *self.reg(src);
        let marks = self.walk.cur.marks_mut();
        let from: Marks = *marks;
        marks.copy_struct(dst, &from, src);
        self.walk.cur.frame_mut().regs[dst] = value;
    }

    /// What a number takes over from the pointer that it is added to.
    fn take_over_pointer(&mut self, result: &mut Reg, dst: RegNo, ptr: RegNo) {
        match self.env.kernel.semantics.control.scalar_plus_pointer {
            ScalarPlusPointer::Whole => self.copy_struct(dst, ptr),
            ScalarPlusPointer::TypeAndId => {
                let number = self.reg(dst);
                (result.frameno, result.ref_obj_id) = (number.frameno, number.ref_obj_id);
            }
        }
    }

    /// Scalar and scalar (`adjust_scalar_min_max_vals`), then what is still known of the id.
    #[inline]
    fn adjust_scalar(&mut self, width: Width, op: AluOp, dst: RegNo, src: &Bounds, same: bool) -> Res<()> {
        if matches!(op, AluOp::And | AluOp::Or) && src.is_const() {
            self.fork_sign_mask(dst)?;
        }
        self.adjust_bounds(width, op, dst, src, same);
        Ok(())
    }

    /// The part of it that follows when there is nothing to fork for.
    #[inline]
    pub(super) fn adjust_bounds(&mut self, width: Width, op: AluOp, dst: RegNo, src: &Bounds, same: bool) {
        // With `rX op= rX` the kernel reads a copy of the operand taken before.
        let top = self.walk.cur.frames.top_mut();
        let reg = &mut unshared(&mut top.body).regs[dst];
        let umax = reg.b.umax();
        if !reg.b.apply(op, width, src, self.env.rules) {
            *reg = Reg {
                b: reg.b,
                ..Reg::UNKNOWN
            };
            top.marks.precise &= !dst.bit();
            return;
        }
        if reg.id != 0 || reg.off != 0 {
            let switches = &self.env.kernel.semantics.linked;
            let sum = Sum {
                width,
                op,
                same,
                umax,
            };
            let added = sum.added(&reg.b, src, switches);
            link_after_arithmetic(reg, added, switches.unlinked_offset);
        }
    }

    /// `&=` and `|=` of a mask that is all zeros or all ones: both are explored (`maybe_fork_scalars`).
    fn fork_sign_mask(&mut self, dst: RegNo) -> Res<()> {
        let Some(halves) = self.reg(dst).b.fork_sign_mask() else {
            return Ok(());
        };
        if self.env.kernel.semantics.bounds.sign_mask != SignMask::Fork {
            return Ok(());
        }
        let wide = halves.width.is_64();
        let set = |reg: &mut Reg, b: Bounds| {
            if wide {
                reg.set_known(0);
            }
            reg.b = b;
        };
        let fork = self.fork(self.walk.insn_idx)?;
        if let Some(other) = self.other(fork) {
            set(other.reg_mut(dst), halves.zero);
        }
        set(self.walk.cur.reg_mut(dst), halves.minus_one);
        Ok(())
    }

    /// A pointer in `ptr` and an offset, the result in `dst` (`adjust_ptr_min_max_vals`).
    fn adjust_ptr(&mut self, width: Width, op: AluOp, dst: RegNo, ptr: RegNo, offset: &Reg) -> Res<()> {
        if offset.b.is_contradictory_offset() {
            self.set_unknown(dst);
            return Ok(());
        }
        let pointer = *self.reg(ptr);
        if !width.is_64() {
            if op == AluOp::Sub {
                self.set_unknown(dst);
                return Ok(());
            }
            reject!(
                PointerOperator,
                EACCES,
                "R{} 32-bit pointer arithmetic prohibited\n",
                dst
            );
        }
        if pointer.is(RegBase::Mem) && pointer.ty.has(Flags::UNTRUSTED) && !pointer.ty.has(Flags::MAYBE_NULL)
        {
            // Whatever it points to, reading it cannot fault.
            return Ok(());
        }
        self.check_ptr_kind(op, dst, &pointer, offset)?;
        let mut result = pointer;
        if dst != ptr {
            self.take_over_pointer(&mut result, dst, ptr);
        }
        self.check_sane_offset(offset, pointer.ty)
            .about(|| self.offset_fact(dst, ptr, offset))?;
        self.check_sane_offset(&pointer, pointer.ty)?;
        match op {
            AluOp::Add => self.add_to_ptr(&mut result, &pointer, offset),
            AluOp::Sub => {
                if dst != ptr {
                    reject!(
                        PointerOperator,
                        EACCES,
                        "R{} tried to subtract pointer from scalar\n",
                        dst
                    );
                }
                if pointer.ty.is(RegBase::Stack) {
                    reject!(
                        PointerOperator,
                        EACCES,
                        "R{} subtraction from stack pointer prohibited\n",
                        dst
                    );
                }
                self.sub_from_ptr(&mut result, &pointer, offset);
            }
            AluOp::And | AluOp::Or | AluOp::Xor => {
                reject!(
                    PointerOperator,
                    EACCES,
                    "R{} bitwise operator {} on pointer prohibited\n",
                    dst,
                    alu_symbol(op)
                )
            }
            AluOp::Mul
            | AluOp::Div
            | AluOp::SDiv
            | AluOp::Lsh
            | AluOp::Rsh
            | AluOp::Mod
            | AluOp::SMod
            | AluOp::Arsh => {
                reject!(
                    PointerOperator,
                    EACCES,
                    "R{} pointer arithmetic with {} operator prohibited\n",
                    dst,
                    alu_symbol(op)
                )
            }
        }
        self.check_sane_offset(&result, pointer.ty)?;
        result.b.sync(self.env.rules);
        if dst != ptr && self.env.kernel.semantics.control.scalar_plus_pointer == ScalarPlusPointer::TypeAndId
        {
            let number = self.reg(dst);
            (result.ref_obj_id, result.frameno) = (number.ref_obj_id, number.frameno);
        }
        self.walk.cur.frame_mut().regs[dst] = result;
        Ok(())
    }

    /// Which pointers arithmetic is allowed on.
    fn check_ptr_kind(&self, op: AluOp, dst: RegNo, pointer: &Reg, offset: &Reg) -> Res<()> {
        if pointer.ty.has(Flags::MAYBE_NULL) {
            let advises = match self.env.kernel.semantics.log.call_words {
                CallWords::Old => pointer.ty.base() == RegBase::MapValue,
                CallWords::First | CallWords::Later => true,
            };
            reject!(
                NullArithmetic,
                EACCES,
                "R{} pointer arithmetic on {} prohibited{}\n",
                dst,
                self.type_str(pointer.ty),
                if advises { ", null-check it first" } else { "" }
            );
        }
        let known = offset.is_const();
        let adds_zero = known && offset.b.smin() == 0 && op == AluOp::Add;
        let allowed = match pointer.ty.base() {
            RegBase::Ctx
            | RegBase::MapValue
            | RegBase::MapKey
            | RegBase::Stack
            | RegBase::PacketMeta
            | RegBase::Packet
            | RegBase::TpBuffer
            | RegBase::BtfId
            | RegBase::Mem
            | RegBase::Buf
            | RegBase::Func
            | RegBase::ConstDynptr => true,
            RegBase::FlowKeys => known || self.env.kernel.semantics.control.flow_keys == FlowKeys::Any,
            RegBase::ConstMapPtr => adds_zero,
            RegBase::NotInit
            | RegBase::Scalar
            | RegBase::PacketEnd
            | RegBase::Socket
            | RegBase::SockCommon
            | RegBase::TcpSock
            | RegBase::XdpSock
            | RegBase::Arena => false,
        };
        if !allowed {
            reject!(
                FixedPointer,
                EACCES,
                "R{} pointer arithmetic on {} prohibited\n",
                dst,
                self.type_str(pointer.ty)
            );
        }
        Ok(())
    }

    /// What is known of the number that a pointer is moved by.
    fn offset_fact(&self, dst: RegNo, ptr: RegNo, offset: &Reg) -> Fact {
        let insn = self.insn();
        let reg = match dst == ptr {
            true if insn.is_src_reg() => insn.src,
            true => return register(dst),
            false => dst.0,
        };
        Fact::Number {
            reg,
            is: (offset.b.smin(), offset.b.smax()),
            allowed: (1 - MAX_VAR_OFF, MAX_VAR_OFF - 1),
        }
    }

    fn add_to_ptr(&mut self, result: &mut Reg, pointer: &Reg, offset: &Reg) {
        let sum = i64::from(pointer.off).checked_add(offset.b.smin());
        if let (true, Some(Ok(off))) = (offset.is_const(), sum.map(i32::try_from)) {
            result.b.set_unbounded_32();
            result.off = off;
            return;
        }
        result.b = pointer.b.add_to_pointer(&offset.b);
        if pointer.is_pkt() {
            result.id = self.next_id();
            result.raw = [0; 2];
        }
    }

    fn sub_from_ptr(&mut self, result: &mut Reg, pointer: &Reg, offset: &Reg) {
        let diff = i64::from(pointer.off).checked_sub(offset.b.smin());
        if let (true, Some(Ok(off))) = (offset.is_const(), diff.map(i32::try_from)) {
            result.b.set_unbounded_32();
            result.off = off;
            return;
        }
        result.b = pointer.b.sub_from_pointer(&offset.b);
        if pointer.is_pkt() {
            result.id = self.next_id();
            // What was subtracted may have been negative: then something was added.
            if offset.b.smin() < 0 {
                result.raw = [0; 2];
            }
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Whether an offset keeps a pointer in a range where nothing overflows (`check_reg_sane_offset`).
    fn check_sane_offset(&self, reg: &Reg, ty: RegType) -> Res<()> {
        let value = reg.b.var_off().value as i64;
        let smin = reg.b.smin();
        let name = || self.type_str(ty);
        if reg.is_const() && (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) {
            reject!(
                PointerOffsetLimit,
                EINVAL,
                "math between {} pointer and {} is not allowed\n",
                name(),
                value
            );
        }
        let off = i64::from(reg.off);
        if off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF {
            reject!(
                PointerOffsetLimit,
                EINVAL,
                "{} pointer offset {} is not allowed\n",
                name(),
                off
            );
        }
        if smin == i64::MIN {
            reject!(
                PointerOffsetLimit,
                EINVAL,
                "math between {} pointer and register with unbounded min value is not allowed\n",
                name()
            );
        }
        if smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF {
            reject!(
                PointerOffsetLimit,
                EINVAL,
                "value {} makes {} pointer be out of bounds\n",
                smin,
                name()
            );
        }
        Ok(())
    }
}
