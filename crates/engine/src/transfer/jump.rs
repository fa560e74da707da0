//! Jumps: conditions, what either outcome teaches, `goto`, `may_goto`.

use verdict_domain::{
    Bounds, JmpOp, Learned, Rules, Width, branch_taken, branch_taken_by_itself, refine, refine_by_constants,
    refine_same,
};
use verdict_isa::{Branch, Jump, Operand};
use verdict_kernel::semantics::bounds::{EqualPointer, NeverNull, NullTestWidth, SameRegister};
use verdict_kernel::semantics::control::OperandOrder;
use verdict_kernel::semantics::log::ShownStates;
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::error::Res;
use crate::explore::Fork;
use crate::index::{FrameNo, InsnIdx, RegNo, SubprogIdx};
use crate::memory::is_trusted;
use crate::observer::{Event, Observer};
use crate::state::{Reg, State, hist};
use crate::verifier::{ArgUse, Flow, Verifier};

use super::alu::MAX_VAR_OFF;

/// Range of a packet pointer that is beyond the packet's end.
pub(crate) const BEYOND_PKT_END: i32 = -2;
/// Range of a packet pointer that is at the packet's end or beyond.
pub(crate) const AT_PKT_END: i32 = -1;
/// Packets are shorter than this.
const MAX_PACKET_OFF: u64 = 0xffff;

/// A conditional jump's operands.
#[derive(Clone, Copy)]
struct Cond {
    op: JmpOp,
    width: Width,
    dst: RegNo,
    src: Operand,
}

impl Cond {
    fn src_reg(&self) -> Option<RegNo> {
        self.src.reg().map(RegNo)
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Executes a jump other than a call or an exit.
    pub(crate) fn check_jump(&mut self, jump: Jump) -> Res<Flow> {
        self.walk.jmps_processed += 1;
        let idx = self.walk.insn_idx;
        match jump {
            Jump::Always { off } => Ok(Flow::Goto(idx.jump(off))),
            Jump::MayGoto { off } => self.may_goto(idx, idx.jump(off.into())),
            Jump::Branch(Branch {
                op,
                width,
                dst,
                src,
                off,
            }) => {
                let cond = Cond {
                    op,
                    width,
                    dst: RegNo(dst),
                    src,
                };
                self.branch(cond, idx.jump(off.into()))
            }
        }
    }

    /// The loop's exit goes on; the next iteration waits.
    fn may_goto(&mut self, idx: InsnIdx, target: InsnIdx) -> Res<Flow> {
        let prev = self
            .walk
            .cur
            .parent
            .and_then(|parent| self.find_prev_entry(Some(parent), idx));
        let fork = self.fork(idx.next())?;
        if let Some(other) = self.other(fork) {
            other.may_goto_depth += 1;
        }
        if let Some(prev) = prev {
            self.widen_fork(fork, prev);
        }
        Ok(Flow::Goto(target))
    }

    fn branch(&mut self, cond: Cond, target: InsnIdx) -> Res<Flow> {
        let idx = self.walk.insn_idx;
        self.check_operands(&cond)?;
        let both = cond.dst.bit() | cond.src_reg().map_or(0, RegNo::bit);
        self.trace_together(both);
        if let Some(taken) = self.is_number_branch_taken(&cond) {
            self.mark_chain_precision(cond.dst)?;
            if let Some(reg) = cond.src_reg() {
                self.mark_chain_precision(reg)?;
                self.trace_together(both);
            }
            if self.env.kernel.semantics.log.shown_states == ShownStates::Touched {
                self.show_branch(idx);
            }
            return Ok(if taken { Flow::Goto(target) } else { Flow::Next });
        }
        let src = match cond.src {
            Operand::Reg(src) => *self.reg(RegNo(src)),
            Operand::Imm(imm) => Reg::constant(i64::from(imm) as u64),
        };
        let dst = *self.reg(cond.dst);
        let numbers = dst.is_scalar() && src.is_scalar();
        let taken = match numbers {
            true => None,
            false => self.is_branch_taken(&cond, &dst, &src),
        };
        if let Some(taken) = taken {
            if dst.is_scalar() {
                self.mark_chain_precision(cond.dst)?;
            }
            if let (Some(reg), true) = (cond.src_reg(), src.is_scalar()) {
                self.mark_chain_precision(reg)?;
            }
            self.trace_together(both);
            if self.env.kernel.semantics.log.shown_states == ShownStates::Touched {
                self.show_branch(idx);
            }
            return Ok(if taken { Flow::Goto(target) } else { Flow::Next });
        }
        let linked = self.collect_linked(cond.dst, cond.src_reg());
        let fork = self.fork(target)?;
        if numbers {
            self.learn(&cond, fork)?;
        }
        self.tell_linked(cond.dst, cond.src_reg(), &linked, fork);
        self.learn_pointers(&cond, fork);
        self.show_branch(idx);
        Ok(Flow::Next)
    }

    fn show_branch(&mut self, idx: InsnIdx) {
        if O::LISTENING {
            self.env.obs.event(Event::BranchState {
                state: &self.walk.cur,
                idx: idx.0,
            });
        }
    }

    /// Which operand of a comparison is looked at first.
    pub(super) fn looks_at_source_first(&self) -> bool {
        self.env.kernel.semantics.control.operand_order == OperandOrder::SourceFirst
    }

    fn check_operands(&mut self, cond: &Cond) -> Res<()> {
        if let Some(src) = cond.src_reg().filter(|_| self.looks_at_source_first()) {
            self.check_reg_arg(src, ArgUse::Src)?;
        }
        self.check_reg_arg(cond.dst, ArgUse::Src)?;
        let mut flags = 0;
        if let Some(src) = cond.src_reg() {
            self.check_reg_arg(src, ArgUse::Src)?;
            if self.reg(src).ty.is(RegBase::Stack) {
                flags |= hist::SRC_STACK;
            }
        }
        if self.reg(cond.dst).ty.is(RegBase::Stack) {
            flags |= hist::DST_STACK;
        }
        if flags != 0 {
            self.push_history(flags, 0);
        }
        Ok(())
    }

    /// Whether the outcome is certain, where both are numbers.
    #[inline]
    fn is_number_branch_taken(&mut self, cond: &Cond) -> Option<bool> {
        let (dst, rules) = (self.reg(cond.dst), self.env.rules);
        if !dst.is_scalar() {
            return None;
        }
        let dst = &dst.b;
        let taken = match cond.src {
            Operand::Imm(imm) => {
                let number = Bounds::constant(i64::from(imm) as u64);
                branch_taken(cond.op, cond.width, dst, &number, rules)
            }
            Operand::Reg(src) if RegNo(src) == cond.dst && self.knows_same_register() => {
                return branch_taken_by_itself(cond.op, cond.width, dst);
            }
            Operand::Reg(src) => {
                let src = self.reg(RegNo(src));
                if !src.is_scalar() {
                    return None;
                }
                branch_taken(cond.op, cond.width, dst, &src.b, rules)
            }
        };
        match taken {
            None if rules.keeps_contradiction => self.is_other_branch_dead(cond),
            _ => taken,
        }
    }

    /// Whether the outcome is certain because the other one contradicts what is known (`simulate_both_branches_taken`).
    fn is_other_branch_dead(&mut self, cond: &Cond) -> Option<bool> {
        let [taken, falls_through] = self.learned(cond);
        let dead = |(dst, src): &Learned| dst.has_empty_range() || src.has_empty_range();
        if dead(&falls_through) {
            Some(true)
        } else if dead(&taken) {
            Some(false)
        } else {
            None
        }
    }

    /// Whether a register is known to be equal to itself.
    fn knows_same_register(&self) -> bool {
        self.env.kernel.semantics.bounds.same_register == SameRegister::Decided
    }

    /// Whether the outcome is certain, where not both are numbers.
    fn is_branch_taken(&self, cond: &Cond, dst: &Reg, src: &Reg) -> Option<bool> {
        let wide = cond.width.is_64();
        let in_pkt = |r: &Reg| r.is_pkt() || r.ty.is(RegBase::PacketEnd);
        if in_pkt(dst) && in_pkt(src) && wide {
            return packet_branch_taken(cond.op, dst, src);
        }
        if !wide && self.env.kernel.semantics.bounds.null_test_width == NullTestWidth::Whole {
            return None;
        }
        let value = |r: &Reg| match (r.is_scalar(), wide) {
            (false, _) => None,
            (true, true) => r.b.const_value(),
            (true, false) => r.b.subreg_const_value().map(u64::from),
        };
        let by_constants = self.env.rules.by_constants;
        let (ptr, number) = if value(src).is_some() || by_constants {
            (dst, src)
        } else {
            (src, dst)
        };
        if value(number) != Some(0) || !self.reg_not_null(ptr) {
            return None;
        }
        match cond.op {
            JmpOp::Eq => Some(false),
            JmpOp::Ne => Some(true),
            _ => None,
        }
    }

    /// Whether a pointer is certainly not NULL (`reg_not_null`).
    fn reg_not_null(&self, reg: &Reg) -> bool {
        if reg.ty.has(Flags::MAYBE_NULL) {
            return false;
        }
        let never_null = self.env.kernel.semantics.bounds.never_null;
        let (few, within) = (
            never_null == NeverNull::FewKinds,
            never_null == NeverNull::KindsWithin,
        );
        if within && (reg.b.smin() <= -MAX_VAR_OFF || reg.b.smax() >= MAX_VAR_OFF) {
            return false;
        }
        match reg.ty.base() {
            RegBase::Socket
            | RegBase::TcpSock
            | RegBase::MapValue
            | RegBase::MapKey
            | RegBase::SockCommon => true,
            _ if few => false,
            RegBase::ConstMapPtr => true,
            RegBase::XdpSock | RegBase::Buf => within,
            RegBase::Mem => !reg.ty.has(Flags::UNTRUSTED),
            RegBase::BtfId => is_trusted(reg),
            _ => false,
        }
    }

    /// Narrows both operands in both paths (`reg_set_min_max`).
    fn learn(&mut self, cond: &Cond, fork: Fork) -> Res<()> {
        let same = cond.src_reg() == Some(cond.dst);
        if same && self.knows_same_register() {
            return Ok(());
        }
        let [(mut true_dst, mut true_src), (mut false_dst, mut false_src)] = self.learned(cond);
        for (dst, src, contexts) in [
            (&mut true_dst, &mut true_src, ["true_reg1", "true_reg2"]),
            (&mut false_dst, &mut false_src, ["false_reg1", "false_reg2"]),
        ] {
            self.check_bounds(dst, contexts[0])?;
            // A register compared with itself is checked again, as the first check has left it.
            if same && !self.env.rules.keeps_contradiction {
                *src = *dst;
            }
            self.check_bounds(src, contexts[1])?;
        }
        let src_reg = cond.src_reg();
        store(&mut self.walk.cur, cond.dst, src_reg, false_dst, false_src);
        if let Some(other) = self.other(fork) {
            store(other, cond.dst, src_reg, true_dst, true_src);
        }
        Ok(())
    }

    /// What is known of two numbers in the branch that is taken, and in the one that falls through.
    fn learned(&mut self, cond: &Cond) -> [Learned; 2] {
        let dst = self.reg(cond.dst).b;
        let (src, same) = match cond.src {
            Operand::Reg(src) => (self.reg(RegNo(src)).b, RegNo(src) == cond.dst),
            Operand::Imm(imm) => (Bounds::constant(i64::from(imm) as u64), false),
        };
        let (rules, idx) = (self.env.rules, self.walk.insn_idx);
        let learn = || learned(cond, &dst, &src, same, rules);
        self.walk.compared.learned(idx, &dst, &src, learn)
    }

    /// What a comparison teaches about pointers: that they are NULL or not, and how far a packet goes.
    fn learn_pointers(&mut self, cond: &Cond, fork: Fork) {
        let wide = cond.width.is_64();
        let dst = *self.reg(cond.dst);
        if let Some(src_no) = cond.src_reg() {
            let src = *self.reg(src_no);
            if wide && !src.is_scalar() && !dst.is_scalar() {
                self.learn_from_equality(cond, src_no, &src, &dst, fork);
            }
            // The other path's operands may have changed; the kernel looks at those of this path.
            if wide {
                let dst = *self.reg(cond.dst);
                let src = *self.reg(src_no);
                self.match_pkt_pointers(cond.op, [cond.dst, src_no], &dst, &src, fork);
            }
            return;
        }
        let is_zero = cond.src.imm() == Some(0);
        if wide && is_zero && matches!(cond.op, JmpOp::Eq | JmpOp::Ne) && dst.ty.has(Flags::MAYBE_NULL) {
            let null_here = cond.op == JmpOp::Ne;
            self.split_null(cond.dst, null_here, fork);
        }
    }

    /// A pointer equal to one that is not NULL is not NULL.
    fn learn_from_equality(&mut self, cond: &Cond, src_no: RegNo, src: &Reg, dst: &Reg, fork: Fork) {
        if src.is(RegBase::BtfId) || dst.is(RegBase::BtfId) {
            return;
        }
        let in_other = match cond.op {
            JmpOp::Eq => true,
            JmpOp::Ne => false,
            _ => return,
        };
        let rule = self.env.kernel.semantics.bounds.equal_pointer;
        for (proof, reg, no) in [(dst, src, src_no), (src, dst, cond.dst)] {
            let proves = match rule {
                EqualPointer::None => false,
                EqualPointer::Unflagged => !proof.ty.has(Flags::MAYBE_NULL),
                EqualPointer::Proven => self.reg_not_null(proof),
            };
            if !proves || !reg.ty.has(Flags::MAYBE_NULL) {
                continue;
            }
            let changed = self.as_not_null(reg);
            if !in_other {
                *self.walk.cur.reg_mut(no) = changed;
            } else if let Some(other) = self.other(fork) {
                *other.reg_mut(no) = changed;
            }
        }
    }

    /// All registers with the pointer's id are NULL in one path and not NULL in the other
    /// (`mark_ptr_or_null_regs`).
    fn split_null(&mut self, reg: RegNo, null_here: bool, fork: Fork) {
        let pointer = *self.reg(reg);
        self.both(fork, |this, other| {
            // What is marked must be apart from the rest: the two take turns.
            std::mem::swap(&mut this.walk.cur, other);
            this.mark_null(other, &pointer, null_here);
            std::mem::swap(&mut this.walk.cur, other);
            this.mark_null(other, &pointer, !null_here);
        });
    }

    /// All registers with the pointer's id are NULL in this path, or are not.
    fn mark_null_here(&mut self, pointer: &Reg, is_null: bool) {
        let mut this = std::mem::replace(
            &mut self.walk.cur,
            State::new(crate::state::Frame::new(
                None,
                FrameNo::OUTERMOST,
                SubprogIdx::MAIN,
            )),
        );
        self.mark_null(&mut this, pointer, is_null);
        self.walk.cur = this;
    }

    /// As on the path on which a check for NULL has found that the pointer is none.
    pub(crate) fn mark_not_null(&mut self, reg: RegNo) {
        let pointer = *self.reg(reg);
        self.mark_null_here(&pointer, false);
    }

    /// As behind a comparison of this many bytes behind the pointer with the packet's end, where they are in the packet.
    pub(crate) fn assume_packet(&mut self, reg: RegNo, bytes: u32) {
        let mut pointer = *self.reg(reg);
        if pointer.is_pkt() {
            pointer.off = pointer.off.saturating_add_unsigned(bytes);
            find_good_pkt_pointers(&mut self.walk.cur, &pointer, false);
        }
    }

    /// As behind comparisons of a number with the ends of a range, where it is within; false where it cannot be.
    pub(crate) fn assume_range(&mut self, reg: RegNo, (min, max): (i64, i64), width: Width) -> bool {
        let ends = match width {
            Width::W32 if min >= 0 => [(JmpOp::Ge, min, 0), (JmpOp::Le, max, i64::MAX)],
            Width::W32 | Width::W64 => [(JmpOp::Sge, min, i64::MIN), (JmpOp::Sle, max, i64::MAX)],
        };
        for (op, end, open) in ends {
            if end == open || !self.reg(reg).is_scalar() {
                continue;
            }
            let (is, end) = (self.reg(reg).b, Bounds::constant(end as u64));
            match branch_taken(op, width, &is, &end, self.env.rules) {
                Some(false) => return false,
                Some(true) => continue,
                None => {}
            }
            let (dst, src) = (reg, Operand::Imm(0));
            let cond = Cond { op, width, dst, src };
            let linked = self.collect_linked(reg, None);
            let [(narrowed, _), _] = learned(&cond, &is, &end, false, self.env.rules);
            self.walk.cur.reg_mut(reg).b = narrowed;
            self.tell_linked_here(reg, &linked);
        }
        true
    }

    fn mark_null(&mut self, state: &mut State, pointer: &Reg, is_null: bool) {
        let (id, ref_id) = (pointer.id, pointer.ref_obj_id);
        if ref_id != 0 && ref_id == id && is_null {
            // Nobody can have released it before the check.
            self.walk.copied_refs += state.shares_held();
            state.release_ref(ref_id);
        }
        state.for_each_reg_mut(
            |r| r.id == id && r.ty.has(Flags::MAYBE_NULL),
            |r| self.mark_one_null(r, is_null),
        );
    }

    fn mark_one_null(&mut self, reg: &mut Reg, is_null: bool) {
        if reg.id == 0 && !reg.ty.has(Flags::RCU) {
            return;
        }
        let moved = reg.b.smin() != 0 || reg.b.smax() != 0 || !reg.b.is_const_value(0);
        // Helpers may return objects of the program's own with an offset.
        let own = reg.is(RegBase::BtfId) && reg.ty.has(Flags::ALLOC | Flags::NON_OWN_REF);
        if moved || (!own && reg.off != 0) {
            return;
        }
        if is_null {
            // Quirk: payload and offset of the pointer stay behind.
            reg.ty = RegType::new(RegBase::Scalar, Flags::NONE);
            reg.id = 0;
            reg.ref_obj_id = 0;
            return;
        }
        *reg = self.as_not_null(reg);
        if !self.may_point_to_spin_lock(reg) {
            reg.id = 0;
        }
    }

    /// A packet pointer compared with the packet's end: how many bytes are there in which path
    /// (`try_match_pkt_pointers`).
    fn match_pkt_pointers(
        &mut self,
        op: JmpOp,
        [dst_no, src_no]: [RegNo; 2],
        dst: &Reg,
        src: &Reg,
        fork: Fork,
    ) {
        let forward = is_end_check(dst, src);
        let backward = is_start_check(dst, src);
        if !forward && !backward {
            return;
        }
        // The pointer checked, and the comparison as "pointer op end".
        let (no, ptr, op) = if forward {
            (dst_no, dst, op)
        } else {
            (src_no, src, op.flip())
        };
        // Per path: which one is within, and whether the bound is open there.
        let (in_this, open) = match op {
            JmpOp::Gt => (true, false),
            JmpOp::Le => (false, false),
            JmpOp::Lt => (false, true),
            JmpOp::Ge => (true, true),
            _ => return,
        };
        self.both(fork, |this, other| {
            let (within, beyond) = if in_this {
                (&mut this.walk.cur, other)
            } else {
                (other, &mut this.walk.cur)
            };
            find_good_pkt_pointers(within, ptr, open);
            mark_pkt_end(beyond, no, !open);
        });
    }
}

/// What is known of both operands in the branch that is taken, and in the one that falls through; `same` when they are one
/// register.
fn learned(cond: &Cond, dst: &Bounds, src: &Bounds, same: bool, rules: Rules) -> [Learned; 2] {
    if rules.by_constants {
        let mut learned = refine_by_constants(cond.op, cond.width, dst, src, rules);
        let equal = match cond.op {
            JmpOp::Eq => Some(0),
            JmpOp::Ne => Some(1),
            _ => None,
        };
        // Both operands of what is then equal are synced, here the same one twice.
        if let (true, Some(equal)) = (same, equal) {
            let (a, b) = &mut learned[equal];
            a.sync(rules);
            *b = *a;
        }
        return learned;
    }
    let narrow = |op: JmpOp| {
        let (mut a, mut b) = (*dst, *src);
        // Where branches are tried first, that is done with two copies.
        if same && !rules.keeps_contradiction {
            refine_same(op, cond.width, &mut a);
            a.sync(rules);
            a.sync(rules);
            b = a;
        } else {
            refine(op, cond.width, &mut a, &mut b);
            a.sync(rules);
            b.sync(rules);
        }
        (a, b)
    };
    [narrow(cond.op), narrow(cond.op.negate())]
}

/// `pkt` against `pkt_end`, or `pkt_meta` against an untouched `pkt`.
fn is_end_check(ptr: &Reg, end: &Reg) -> bool {
    (ptr.ty.is(RegBase::Packet) && end.ty.is(RegBase::PacketEnd))
        || (ptr.ty.is(RegBase::PacketMeta) && is_init_pkt(end))
}

/// The same with the operands exchanged.
fn is_start_check(dst: &Reg, src: &Reg) -> bool {
    (dst.ty.is(RegBase::PacketEnd) && src.ty.is(RegBase::Packet))
        || (is_init_pkt(dst) && src.ty.is(RegBase::PacketMeta))
}

fn is_init_pkt(reg: &Reg) -> bool {
    reg.ty.is(RegBase::Packet) && reg.id == 0 && reg.off == 0 && reg.b.is_const_value(0)
}

fn packet_branch_taken(op: JmpOp, dst: &Reg, src: &Reg) -> Option<bool> {
    let (pkt, op) = if src.ty.is(RegBase::PacketEnd) {
        (dst, op)
    } else if dst.ty.is(RegBase::PacketEnd) {
        (src, op.flip())
    } else {
        return None;
    };
    match (op, pkt.range()) {
        (JmpOp::Le | JmpOp::Gt, BEYOND_PKT_END) => Some(op == JmpOp::Gt),
        (JmpOp::Lt | JmpOp::Ge, BEYOND_PKT_END | AT_PKT_END) => Some(op == JmpOp::Ge),
        _ => None,
    }
}

fn find_good_pkt_pointers(state: &mut State, ptr: &Reg, open: bool) {
    if ptr.off < 0 || (ptr.off == 0 && open) {
        return;
    }
    if ptr.b.umax() > MAX_PACKET_OFF || ptr.b.umax().wrapping_add(ptr.off as u64) > MAX_PACKET_OFF {
        return;
    }
    let range = ptr.off + i32::from(open);
    state.for_each_reg_mut(
        |r| r.ty == ptr.ty && r.id == ptr.id && r.range() < range,
        |r| r.set_range(range),
    );
}

fn mark_pkt_end(state: &mut State, no: RegNo, open: bool) {
    if state.reg(no).ty.is(RegBase::Packet) {
        state
            .reg_mut(no)
            .set_range(if open { BEYOND_PKT_END } else { AT_PKT_END });
    }
}

fn store(state: &mut State, dst: RegNo, src: Option<RegNo>, dst_bounds: Bounds, src_bounds: Bounds) {
    state.reg_mut(dst).b = dst_bounds;
    if let Some(src) = src {
        state.reg_mut(src).b = src_bounds;
    }
}
