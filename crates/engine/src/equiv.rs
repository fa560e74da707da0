//! May an explored state stand for the current one?
//!
//! Pure: nothing here changes a state. There are three strengths ([`Exact`]). A checkpoint whose marks are
//! final (`cleaned`) compares as if every value that was never read were unwritten.

mod bytes;
mod explain;

use std::rc::Rc;

use verdict_kernel::semantics::graph::{
    Graph, IterType, Liveness, PacketEnd, PointerComparison, ScalarIds, SlotComparison,
};
use verdict_kernel::types::RegBase;

pub(crate) use explain::first_difference;
pub use explain::{MissReason, Unlike};

use crate::index::{FrameNo, RegNo, Spi};
use crate::state::{ADD_CONST, FP, Frame, FrameSlot, REGS, Ref, Reg, Slot, SlotType, State};

/// How strictly states are compared (`enum exact_level`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exact {
    /// By what the explored state needed: its marks are final.
    Needed,
    /// The values are the same.
    Same,
    /// Ranges of the explored state include those of the current one, whatever was read.
    Range,
}

/// How two states are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    /// How strictly.
    pub(crate) exact: Exact,
    /// What this kernel makes of it.
    pub(crate) rules: &'a Graph,
    /// The explored state is finished: what it does not need is gone.
    pub(crate) cleaned: bool,
}

impl Manner<'_> {
    /// Registers of an explored state's frame that count.
    #[inline]
    fn regs(&self, old: &FrameSlot) -> u16 {
        if self.exact == Exact::Needed || self.rules.liveness == Liveness::CallChains {
            old.marks.read32 | old.marks.read64
        } else {
            old.marks.live & ((1 << REGS) - 1)
        }
    }
}

/// A relation between ids of the explored state and of the current one, one to one, none to none.
#[derive(Debug)]
pub(crate) struct IdMap {
    pairs: Vec<(u32, u32)>,
    tmp_id: u32,
    scalars: ScalarIds,
    /// Whether two ids of the explored state may correspond to one, or to none (before Linux 6.3).
    loose: bool,
}

impl Default for IdMap {
    fn default() -> IdMap {
        IdMap {
            pairs: Vec::new(),
            tmp_id: 0,
            scalars: ScalarIds::OneWay,
            loose: false,
        }
    }
}

impl IdMap {
    /// Empties the relation; temporary ids start behind `id_gen`.
    pub(crate) fn reset(&mut self, id_gen: u32, rules: &Graph) {
        self.pairs.clear();
        self.tmp_id = id_gen;
        self.scalars = rules.scalar_ids;
        self.loose = rules.pointer_comparison == PointerComparison::Bytes;
    }

    /// An id of a scalar, or a new one for a scalar that is linked to nothing.
    fn of_scalar(&mut self, id: u32) -> u32 {
        if id != 0 {
            return id;
        }
        self.tmp_id = self.tmp_id.wrapping_add(1);
        self.tmp_id
    }
}

/// Whether ids may correspond.
pub(crate) trait Ids {
    /// Whether the ids may correspond, and remembers that they do (`check_ids`).
    fn check(&mut self, old: u32, cur: u32) -> bool;
    /// The same for scalars (`check_scalar_ids`).
    fn check_scalar(&mut self, old: u32, cur: u32) -> bool;
}

/// Lets all ids correspond: what differs even so differs under every relation.
struct AnyIds;

impl Ids for AnyIds {
    #[inline]
    fn check(&mut self, _: u32, _: u32) -> bool {
        true
    }
    #[inline]
    fn check_scalar(&mut self, _: u32, _: u32) -> bool {
        true
    }
}

impl Ids for IdMap {
    #[inline]
    fn check(&mut self, old: u32, cur: u32) -> bool {
        if !self.loose && (old == 0) != (cur == 0) {
            return false;
        }
        if old == 0 {
            return true;
        }
        for &(o, c) in &self.pairs {
            if o == old {
                return c == cur;
            }
            if c == cur && !self.loose {
                return false;
            }
        }
        self.pairs.push((old, cur));
        true
    }

    fn check_scalar(&mut self, old: u32, cur: u32) -> bool {
        if self.scalars == ScalarIds::BothWays {
            let (old, cur) = (self.of_scalar(old), self.of_scalar(cur));
            return self.check(old, cur);
        }
        if old == 0 {
            return true;
        }
        let cur = self.of_scalar(cur);
        self.check(old, cur) && (old & ADD_CONST == 0 || self.check(old & !ADD_CONST, cur & !ADD_CONST))
    }
}

/// The value in which an explored state was found to differ: the first to look at next time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Suspect {
    /// None, or not a value.
    #[default]
    None,
    /// A register of a frame.
    Reg(u8, u8),
    /// A stack slot of a frame.
    Slot(u8, u8),
}

/// Whether `old` may stand for `cur` (`states_equal`); if not, what differs.
pub(crate) fn states_equal(
    old: &State,
    cur: &State,
    exact: Exact,
    rules: &Graph,
    ids: &mut IdMap,
    id_gen: u32,
) -> Result<(), Suspect> {
    if old.frames.len() != cur.frames.len()
        || !locks_alike(old, cur)
        || old.active_rcu_locks != cur.active_rcu_locks
        || old.active_preempt_lock != cur.active_preempt_lock
        || old.in_sleepable != cur.in_sleepable
    {
        return Err(Suspect::None);
    }
    ids.reset(id_gen, rules);
    let bytes = rules.pointer_comparison == PointerComparison::Bytes;
    if bytes && old.active_lock != cur.active_lock {
        return Err(Suspect::None);
    }
    if !held_alike(old, cur, ids) {
        return Err(Suspect::None);
    }
    let how = Manner {
        exact,
        rules,
        cleaned: old.cleaned,
    };
    if !lock_ids_alike(old, cur, ids) {
        return Err(Suspect::None);
    }
    for (f, (o, c)) in old.frames.iter().zip(cur.frames.iter()).enumerate() {
        if o.body.callsite != c.body.callsite {
            return Err(Suspect::None);
        }
        if bytes {
            ids.reset(id_gen, rules);
        }
        frames_equal(f as u8, o, &c.body, &how, ids)?;
    }
    Ok(())
}

/// Whether the states certainly differ in the suspect: a cheap sufficient condition for
/// [`states_equal`] to fail.
#[inline(always)]
pub(crate) fn differs_in(suspect: Suspect, old: &State, cur: &State, exact: Exact, rules: &Graph) -> bool {
    if old.frames.len() != cur.frames.len() {
        return true;
    }
    let how = Manner {
        exact,
        rules,
        cleaned: old.cleaned,
    };
    match suspect {
        Suspect::None => false,
        Suspect::Reg(frame, r) => differ_in_reg(FrameNo::from(frame), RegNo(r), old, cur, &how),
        Suspect::Slot(frame, slot) => differ_in_slot(FrameNo::from(frame), Spi(slot.into()), old, cur, &how),
    }
}

#[inline(always)]
fn differ_in_reg(frame: FrameNo, r: RegNo, old: &State, cur: &State, how: &Manner<'_>) -> bool {
    let (Some(o), Some(c)) = (old.frames.get(frame), cur.frames.get(frame)) else {
        return false;
    };
    r.is_in(how.regs(o)) && !reg_equal(r, o, &c.body, how, &mut AnyIds)
}

#[inline(never)]
fn differ_in_slot(frame: FrameNo, spi: Spi, old: &State, cur: &State, how: &Manner<'_>) -> bool {
    let (Some(o), Some(c)) = (old.frames.get(frame), cur.frames.get(frame)) else {
        return false;
    };
    let slot = o.body.stack.get(spi);
    slot.is_some_and(|slot| !slot_equal(spi, slot, o, &c.body, how, &mut AnyIds))
}

fn frames_equal(
    f: u8,
    old: &FrameSlot,
    cur: &Frame,
    how: &Manner<'_>,
    ids: &mut IdMap,
) -> Result<(), Suspect> {
    if old.body.callback_depth > cur.callback_depth {
        return Err(Suspect::None);
    }
    // What was not read matters only where marks are not asked.
    let all = how.exact != Exact::Needed;
    let by_kind = !all && how.rules.pointer_comparison != PointerComparison::Bytes;
    let mut regs = how.regs(old) & ((1 << REGS) - 1);
    while regs != 0 {
        let r = RegNo(regs.trailing_zeros() as u8);
        regs &= regs - 1;
        // Of most numbers nobody needs to know which they are.
        let (o, c) = (&old.body.regs[r], &cur.regs[r]);
        if by_kind && o.is_scalar() && c.is_scalar() && !r.is_in(old.marks.precise) {
            continue;
        }
        if !reg_equal(r, old, cur, how, ids) {
            return Err(Suspect::Reg(f, r.0));
        }
    }
    let stack = old.body.stack.slots();
    let mut slots = match (all, stack.len()) {
        (_, 0) => 0,
        (true, n) => u64::MAX >> (64 - n.min(64)),
        (false, n) => old.marks.slot_read & u64::MAX >> (64 - n.min(64)),
    };
    while slots != 0 {
        let spi = Spi(slots.trailing_zeros());
        slots &= slots - 1;
        if !all && stays(&stack[spi], cur.stack.get(spi)) {
            continue;
        }
        if !slot_equal(spi, &stack[spi], old, cur, how, ids) {
            return Err(Suspect::Slot(f, spi.0 as u8));
        }
    }
    let alike = match how.rules.pointer_comparison {
        PointerComparison::Bytes => old.body.refs == cur.refs,
        PointerComparison::Ids => refs_safe(&old.body, cur, ids),
    };
    if alike { Ok(()) } else { Err(Suspect::None) }
}

/// One register that counts; a finished state keeps nothing of it if it was never read.
#[inline]
fn reg_equal<I: Ids>(r: RegNo, old: &FrameSlot, cur: &Frame, how: &Manner<'_>, ids: &mut I) -> bool {
    const GONE: &Reg = &Reg::NOT_INIT;
    let m = &old.marks;
    let is_read = r.is_in(m.read32 | m.read64);
    let gone = how.cleaned && !is_read && r != FP;
    let rold = if gone { GONE } else { &old.body.regs[r] };
    reg_safe(rold, r.is_in(m.precise), &cur.regs[r], ids, how)
}

/// One slot of an explored stack; the same.
#[inline]
fn slot_equal<I: Ids>(
    spi: Spi,
    slot: &Slot,
    old: &FrameSlot,
    cur: &Frame,
    how: &Manner<'_>,
    ids: &mut I,
) -> bool {
    const GONE: &Slot = &Slot::GONE;
    let m = &old.marks;
    let is_read = spi.is_in(m.slot_read);
    if !is_read && how.exact == Exact::Needed {
        return true;
    }
    let slot = if how.cleaned && !is_read { GONE } else { slot };
    slot_safe(slot, spi.is_in(m.slot_precise), cur.stack.get(spi), how, ids)
}

/// `regs_exact`: the raw prefix is the same and the ids correspond.
pub(crate) fn regs_exact<I: Ids>(old: &Reg, cur: &Reg, ids: &mut I) -> bool {
    same_prefix(old, cur)
        && old.b == cur.b
        && ids.check(old.id, cur.id)
        && ids.check(old.ref_obj_id, cur.ref_obj_id)
}

/// Whether two scalars are the same, but for what they are linked with.
pub(crate) fn scalars_alike(old: &Reg, cur: &Reg) -> bool {
    same_prefix(old, cur) && old.b == cur.b
}

/// Whether type, offset and payload are the same bytes.
#[inline]
fn same_prefix(old: &Reg, cur: &Reg) -> bool {
    let ([old0, old1], [cur0, cur1]) = (old.raw, cur.raw);
    old.ty == cur.ty && old.off == cur.off && old0 == cur0 && old1 == cur1
}

fn range_and_tnum(old: &Reg, cur: &Reg) -> bool {
    old.b.range_within(&cur.b) && old.b.var_off().contains(cur.b.var_off())
}

/// `regsafe`, for a register that was read or whose being read is not asked.
#[inline(always)]
fn reg_safe<I: Ids>(old: &Reg, precise: bool, cur: &Reg, ids: &mut I, how: &Manner<'_>) -> bool {
    let needed = match how.exact {
        Exact::Needed if how.rules.pointer_comparison == PointerComparison::Bytes => {
            return bytes::reg_safe(old, precise, cur, ids);
        }
        Exact::Same => return regs_exact(old, cur, ids),
        Exact::Needed => true,
        Exact::Range => false,
    };
    if old.is_not_init() && (needed || cur.is_not_init()) {
        return true;
    }
    if old.ty != cur.ty {
        return false;
    }
    (needed && !precise && old.is(RegBase::Scalar)) || values_safe(old, cur, ids, how.rules)
}

/// Whether what a register of a kind holds may stand for what another of this kind holds.
#[inline(never)]
fn values_safe<I: Ids>(old: &Reg, cur: &Reg, ids: &mut I, rules: &Graph) -> bool {
    match old.ty.base() {
        RegBase::Scalar => scalar_safe(old, cur, ids, rules),
        RegBase::MapKey | RegBase::MapValue | RegBase::Mem | RegBase::Buf | RegBase::TpBuffer => {
            same_prefix(old, cur)
                && range_and_tnum(old, cur)
                && ids.check(old.id, cur.id)
                && ids.check(old.ref_obj_id, cur.ref_obj_id)
        }
        RegBase::PacketMeta | RegBase::Packet => packet_safe(old, cur, ids, rules),
        // fp-8 of one frame is not fp-8 of another.
        RegBase::Stack => regs_exact(old, cur, ids) && old.frameno == cur.frameno,
        RegBase::Arena => true,
        RegBase::NotInit
        | RegBase::Ctx
        | RegBase::ConstMapPtr
        | RegBase::PacketEnd
        | RegBase::FlowKeys
        | RegBase::Socket
        | RegBase::SockCommon
        | RegBase::TcpSock
        | RegBase::XdpSock
        | RegBase::BtfId
        | RegBase::Func
        | RegBase::ConstDynptr => regs_exact(old, cur, ids),
    }
}

fn scalar_safe<I: Ids>(old: &Reg, cur: &Reg, ids: &mut I, rules: &Graph) -> bool {
    let (old_add, cur_add) = (old.id & ADD_CONST, cur.id & ADD_CONST);
    let asked = old.id != 0 || rules.scalar_ids == ScalarIds::BothWays;
    if (asked && old_add != cur_add) || (old_add != 0 && old.off != cur.off) {
        return false;
    }
    ids.check_scalar(old.id, cur.id) && range_and_tnum(old, cur)
}

fn packet_safe<I: Ids>(old: &Reg, cur: &Reg, ids: &mut I, rules: &Graph) -> bool {
    let (o, c) = (old.range(), cur.range());
    // A negative range says "at" or "beyond" the end.
    let fact = rules.packet_end == PacketEnd::Same && (o < 0 || c < 0);
    let range_ok = if fact { o == c } else { o <= c };
    range_ok && old.off == cur.off && ids.check(old.id, cur.id) && range_and_tnum(old, cur)
}

/// The 64-bit scalar that a load of the whole slot would give, if it is one.
#[inline]
fn scalar_view(slot: &Slot) -> Option<(&Reg, bool)> {
    const UNBOUND: &Reg = &Reg::UNKNOWN;
    if slot.is_scalar_spill64() {
        return Some((slot.reg(), true));
    }
    (known_bytes(slot.types.packed()) == 0).then_some((UNBOUND, false))
}

/// A byte that is not zero for each byte of a slot, packed, that is neither uninitialised nor unknown data.
#[inline]
const fn known_bytes(types: u64) -> u64 {
    const { assert!(SlotType::Invalid as u8 == 0 && (SlotType::Misc as u8).is_power_of_two()) };
    types & !(SlotType::Misc as u64 * 0x0101_0101_0101_0101)
}

/// All bits of the bytes that are known ([`known_bytes`]).
#[inline]
const fn whole_bytes(known: u64) -> u64 {
    // What a byte is has three bits, and one of them is never set here.
    const { assert!(SlotType::IrqFlag as u8 <= 7 && SlotType::Misc as u8 == 2) };
    ((known | known >> 2) & 0x0101_0101_0101_0101) * 0xff
}

/// Compares one slot byte by byte, as the order of the rules matters: the first known byte decides whether
/// the slots compare as scalars, and bytes before it are compared whatever they are when ranges are.
#[inline]
fn slot_safe<I: Ids>(old: &Slot, precise: bool, cur: Option<&Slot>, how: &Manner<'_>, ids: &mut I) -> bool {
    let types = old.types.packed();
    let known = known_bytes(types);
    // Reading uninitialised stack is allowed, so unknown data stands for anything.
    if known == 0 && how.exact == Exact::Needed {
        return true;
    }
    let Some(cur) = cur else { return false };
    let unlike = types ^ cur.types.packed();
    if known == 0 {
        return unlike == 0;
    }
    known_safe(old, precise, cur, (known, unlike), how, ids)
}

/// A slot of which something is known: the bytes that are, and those in which the other has another type.
fn known_safe<I: Ids>(
    old: &Slot,
    precise: bool,
    cur: &Slot,
    (known, unlike): (u64, u64),
    how: &Manner<'_>,
    ids: &mut I,
) -> bool {
    let exact = how.exact;
    if exact != Exact::Needed && unlike << (56 - known.trailing_zeros() / 8 * 8) != 0 {
        return false;
    }
    let as_scalars = how.rules.slot_comparison == SlotComparison::Scalars;
    if unlike == 0 && same_spill(old, cur) {
        return true;
    }
    if as_scalars && let (Some((o, spilled)), Some((c, _))) = (scalar_view(old), scalar_view(cur)) {
        let precise = precise && spilled;
        return (!precise && exact == Exact::Needed) || reg_safe(o, precise, c, ids, how);
    }
    let unlike = match exact {
        Exact::Needed => unlike & whole_bytes(known) != 0,
        Exact::Same | Exact::Range => unlike != 0,
    };
    !unlike && (known >> 56 == 0 || contents_safe(old, precise, cur, ids, how))
}

/// Whether nothing is known of a slot, or both keep one value: the most frequent of what [`slot_safe`] says of slots that
/// were read.
#[inline(always)]
fn stays(old: &Slot, cur: Option<&Slot>) -> bool {
    let types = old.types.packed();
    known_bytes(types) == 0 || cur.is_some_and(|cur| types == cur.types.packed() && same_spill(old, cur))
}

/// Whether both keep one value, by which nothing is said of ids.
#[inline]
fn same_spill(old: &Slot, cur: &Slot) -> bool {
    match (&old.spill, &cur.spill) {
        (Some(o), Some(c)) => Rc::ptr_eq(o, c) && o.id == 0 && o.ref_obj_id == 0,
        (None, _) | (_, None) => false,
    }
}

fn contents_safe<I: Ids>(old: &Slot, precise: bool, cur: &Slot, ids: &mut I, how: &Manner<'_>) -> bool {
    let (o, c) = (old.reg(), cur.reg());
    match old.types.get(7) {
        SlotType::Spill => reg_safe(o, precise, c, ids, how),
        // A quirk: which dynptr it is was forgotten.
        SlotType::Dynptr if how.rules.pointer_comparison == PointerComparison::Bytes => true,
        SlotType::Dynptr => {
            o.dynptr_kind() == c.dynptr_kind()
                && o.dynptr_first_slot() == c.dynptr_first_slot()
                && ids.check(o.ref_obj_id, c.ref_obj_id)
        }
        // The depth is left out: it only keeps an iteration from looking like an endless loop.
        SlotType::Iter => {
            (o.ty == c.ty || how.rules.iter_type == IterType::Ignored)
                && o.btf() == c.btf()
                && o.btf_id() == c.btf_id()
                && o.iter_state() == c.iter_state()
                && ids.check(o.ref_obj_id, c.ref_obj_id)
        }
        SlotType::IrqFlag => o.irq_of_lock() == c.irq_of_lock() && ids.check(o.ref_obj_id, c.ref_obj_id),
        SlotType::Misc | SlotType::Zero | SlotType::Invalid => true,
    }
}

/// Whether both states hold a lock that is in the same place, or none.
pub(crate) fn locks_alike(old: &State, cur: &State) -> bool {
    match (&old.active_lock, &cur.active_lock) {
        (None, None) => true,
        (Some(old), Some(cur)) => old.within == cur.within && (old.id != 0) == (cur.id != 0),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether the locks that both hold are in the same object.
pub(crate) fn lock_ids_alike<I: Ids>(old: &State, cur: &State, ids: &mut I) -> bool {
    match (&old.active_lock, &cur.active_lock) {
        (Some(old), Some(cur)) => old.id == 0 || ids.check(old.id, cur.id),
        (None, _) | (_, None) => true,
    }
}

/// What states hold: interrupt flags and references in their order.
pub(crate) fn held_alike<I: Ids>(old: &State, cur: &State, ids: &mut I) -> bool {
    if old.active_irq == 0 && cur.active_irq == 0 && old.refs.is_empty() && cur.refs.is_empty() {
        return true;
    }
    let alike = |o: &Ref, c: &Ref| o.kind == c.kind && o.lock == c.lock;
    let mut same = |o: u32, c: u32| (o == 0 && c == 0) || (o != 0 && c != 0 && ids.check(o, c));
    same(old.active_irq, cur.active_irq)
        && old.refs.len() == cur.refs.len()
        && old
            .refs
            .iter()
            .zip(cur.refs.iter())
            .all(|(o, c)| alike(o, c) && same(o.id, c.id))
}

fn refs_safe(old: &Frame, cur: &Frame, ids: &mut IdMap) -> bool {
    old.refs.len() == cur.refs.len()
        && old
            .refs
            .iter()
            .zip(cur.refs.iter())
            .all(|(o, c)| ids.check(o.id, c.id))
}

/// Whether the executing frame's registers are the same bytes: a cheap necessary condition for an endless
/// loop (`states_maybe_looping`). If not, one that differs.
#[inline]
pub(crate) fn maybe_looping(suspect: Suspect, old: &State, cur: &State) -> Result<(), Suspect> {
    let top = old.curframe();
    if top != cur.curframe() {
        return Err(Suspect::None);
    }
    match still_unlike(suspect, old, cur) {
        true => Err(suspect),
        false => first_unlike(top, old.frame(), cur.frame()),
    }
}

/// Whether the suspect is a register of the executing frame that is not the same bytes.
#[inline(always)]
pub(crate) fn still_unlike(suspect: Suspect, old: &State, cur: &State) -> bool {
    let top = cur.curframe();
    let Suspect::Reg(frame, r) = suspect else {
        return false;
    };
    FrameNo::from(frame) == top
        && old.curframe() == top
        && differs_bytewise(RegNo(r).min(FP), old.frame(), cur.frame())
}

/// Whether a register is not the same bytes in both frames.
#[inline]
fn differs_bytewise(r: RegNo, old: &Frame, cur: &Frame) -> bool {
    let (o, c) = (&old.regs[r], &cur.regs[r]);
    // Most differ in their number.
    o.b != c.b || !same_prefix(o, c) || o.id != c.id || o.ref_obj_id != c.ref_obj_id
}

#[inline(never)]
fn first_unlike(top: FrameNo, old: &Frame, cur: &Frame) -> Result<(), Suspect> {
    match RegNo::all().find(|r| differs_bytewise(*r, old, cur)) {
        Some(r) => Err(Suspect::Reg(top.0 as u8, r.0)),
        None => Ok(()),
    }
}

/// Whether an active iterator has given another number of elements in the two states.
pub(crate) fn iter_depths_differ(old: &State, cur: &State) -> bool {
    old.frames.iter().zip(cur.frames.iter()).any(|(o, c)| {
        o.body.stack.slots().enumerated().any(|(spi, slot)| {
            slot.types.is(0, SlotType::Iter)
                && slot.reg().iter_state() == crate::state::IterState::Active
                && c.body
                    .stack
                    .get(spi)
                    .is_some_and(|s| s.reg().iter_depth() != slot.reg().iter_depth())
        })
    })
}

/// Whether both states are in the same chain of calls.
pub(crate) fn same_callsites(a: &State, b: &State) -> bool {
    a.frames.len() == b.frames.len()
        && a.frames
            .iter()
            .zip(b.frames.iter())
            .all(|(a, b)| a.body.callsite == b.body.callsite)
}
