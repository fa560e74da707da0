//! Verifier states: content that is shared, and marks beside it.
//!
//! A [`State`] is a stack of frames. The content of a frame ([`Frame`]) is reference counted and copied on
//! write, so that a checkpoint or a pushed branch costs what differs. What is learnt of a checkpoint later
//! (what was read, what is needed precisely) are bit masks beside the content ([`Marks`]).

mod few;
mod frames;
mod held;
mod history;
mod reg;
mod shared;
mod slot_types;
mod stack;

use std::ops::{Index, IndexMut};
use std::rc::Rc;

use verdict_domain::Width;
use verdict_kernel::types::RegBase;

use crate::index::{FrameNo, Idx, InsnIdx, MapIdx, R0, RegNo, Spi, SubprogIdx};

pub use few::Few;
pub use frames::Frames;
pub use held::Held;
pub use history::{Hist, HistId, Histories, Trail, hist};
pub use reg::{ADD_CONST, ADD_CONST_32, ADD_CONST_64, BtfHandle, DynptrKind, IterState, Reg};
use shared::{holders, share_of};

pub(crate) use shared::unshared;
pub use slot_types::{SlotType, SlotTypes};
pub use stack::{Slot, Stack};

/// Number of registers, R10 included.
pub const REGS: usize = 11;
/// The frame pointer.
pub const FP: RegNo = RegNo(10);
/// Frames that a state may have.
pub const MAX_FRAMES: usize = 8;
/// The number of the last of them.
pub(crate) const LAST_FRAME: FrameNo = FrameNo(MAX_FRAMES as u32 - 1);

/// A checkpoint's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub struct StateId(pub u32);

/// What a reference is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefKind {
    /// An object.
    Object,
    /// The interrupt flags that were saved.
    Irq,
    /// A spin lock.
    Lock,
    /// A spin lock of the resilient kind.
    ResLock,
    /// The same, taken together with saved interrupt flags.
    ResLockIrq,
}

impl RefKind {
    /// Whether it is a lock.
    pub const fn is_lock(self) -> bool {
        matches!(self, RefKind::Lock | RefKind::ResLock | RefKind::ResLockIrq)
    }
}

/// A resource that the program has acquired and must release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ref {
    /// What it is to.
    pub kind: RefKind,
    /// Of a lock: what it is in.
    pub lock: Option<Within>,
    /// Its id.
    pub id: u32,
    /// The instruction that acquired it.
    pub insn_idx: InsnIdx,
    /// The frame of the callback that acquired it; none outside callbacks.
    pub callback_ref: Option<FrameNo>,
}

/// Return value range demanded of a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetRange {
    /// Least value.
    pub min: i32,
    /// Greatest value.
    pub max: i32,
}

/// What R0 to R10 hold.
#[derive(Clone, Copy, Debug)]
pub struct Regs([Reg; REGS]);

impl Regs {
    /// Nothing was written.
    pub const NOT_INIT: Regs = Regs([Reg::NOT_INIT; REGS]);

    /// A register, if there is one of that number.
    #[inline]
    pub fn get(&self, reg: RegNo) -> Option<&Reg> {
        self.0.get(reg.index())
    }
    /// All of them, in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Reg> {
        self.0.iter()
    }
}

impl Index<RegNo> for Regs {
    type Output = Reg;
    #[inline]
    fn index(&self, reg: RegNo) -> &Reg {
        &self.0[reg.index()]
    }
}

impl IndexMut<RegNo> for Regs {
    #[inline]
    fn index_mut(&mut self, reg: RegNo) -> &mut Reg {
        &mut self.0[reg.index()]
    }
}

/// The content of a frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// R0 to R10.
    pub regs: Regs,
    /// The stack.
    pub stack: Stack,
    /// The calling instruction; none in the outermost frame.
    pub callsite: Option<InsnIdx>,
    /// Index of this frame.
    pub frameno: FrameNo,
    /// The function executing.
    pub subprogno: SubprogIdx,
    /// Number of times an async callback was entered.
    pub async_entry_cnt: u32,
    /// What the callback in this frame may return.
    pub callback_ret_range: RetRange,
    /// Whether this frame runs a synchronous callback.
    pub in_callback_fn: bool,
    /// Whether this frame runs an asynchronous callback.
    pub in_async_callback_fn: bool,
    /// Whether this frame runs the exception callback.
    pub in_exception_callback_fn: bool,
    /// How deep callbacks called from here are unrolled.
    pub callback_depth: u32,
    /// Resources held, where frames hold them.
    pub refs: Held,
}

impl Frame {
    /// A frame in which nothing is known but R10.
    pub fn new(callsite: Option<InsnIdx>, frameno: FrameNo, subprogno: SubprogIdx) -> Frame {
        let mut regs = Regs::NOT_INIT;
        regs[FP] = Reg {
            frameno,
            ..Reg::pointer(RegBase::Stack)
        };
        Frame {
            regs,
            stack: Stack::default(),
            callsite,
            frameno,
            subprogno,
            async_entry_cnt: 0,
            callback_ret_range: RetRange::default(),
            in_callback_fn: false,
            in_async_callback_fn: false,
            in_exception_callback_fn: false,
            callback_depth: 0,
            refs: Held::default(),
        }
    }
}

impl Frame {
    /// Forgets a resource; false if this frame does not hold it or may not release it
    /// (`release_reference_state`): a callback cannot release what its caller acquired.
    pub fn release_ref(&mut self, id: u32) -> bool {
        let Some(at) = self.refs.iter().position(|r| r.id == id) else {
            return false;
        };
        if self.in_callback_fn && self.refs[at].callback_ref != Some(self.frameno) {
            return false;
        }
        self.refs.swap_remove(at);
        true
    }
}

/// No register of the parent state is linked.
pub const NO_LINK: u8 = 0xff;

/// What is known *about* the values of a frame: bit masks over registers (bit `r`) and stack slots (bit `spi`).
///
/// Read marks say that the value at the start of the segment was needed, write marks that it was overwritten
/// in the segment. `links` names, per register, the register of the parent state that read marks climb to:
/// usually the same one, but a plain copy of a register (arguments of a call, R0 on return) takes the link of
/// its source along.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Registers of which the lower half was read.
    pub read32: u16,
    /// Registers that were read in full.
    pub read64: u16,
    /// Registers that were written.
    pub written: u16,
    /// Scalars in registers that must be known precisely.
    pub precise: u16,
    /// Registers that were read in full in this segment before they were written: reading them again marks nothing.
    pub climbed: u16,
    /// Registers of which the lower half was: reading that again marks nothing.
    pub climbed_half: u16,
    /// Registers whose values are marked as needed precisely already, all the way that they came: a walk back from one of
    /// them by the recorded history would find nothing to mark. A walk by what instructions name may go another way than
    /// the values came, and never asks.
    pub traced: u16,
    /// Registers that instructions from here on may read; all of them, where that is not asked.
    pub live: u16,
    /// Slots that were read.
    pub slot_read: u64,
    /// Slots that were written in full.
    pub slot_written: u64,
    /// Scalars in slots that must be known precisely.
    pub slot_precise: u64,
    /// Per register its parent, `frame << 4 | register`, or [`NO_LINK`].
    pub links: [u8; REGS],
    /// The state that R0's link is of, if that is not the parent state but an ancestor of it: a callback ran meanwhile.
    pub r0_origin: Option<StateId>,
    /// Slots below this number have a parent.
    pub linked_slots: u8,
}

impl Marks {
    /// Nothing marked, nothing linked.
    pub const NONE: Marks = Marks {
        read32: 0,
        read64: 0,
        written: 0,
        precise: 0,
        climbed: 0,
        climbed_half: 0,
        traced: 0,
        live: u16::MAX,
        slot_read: 0,
        slot_written: 0,
        slot_precise: 0,
        links: [NO_LINK; REGS],
        r0_origin: None,
        linked_slots: 0,
    };

    /// Registers of which reading this much marks nothing in the states before.
    #[inline(always)]
    pub(crate) fn read_before(&self, width: Width) -> u16 {
        match width {
            Width::W32 => self.written | self.climbed | self.climbed_half,
            Width::W64 => self.written | self.climbed,
        }
    }

    /// What a plain struct copy of a register does to the marks: `dst` gets those of `from`'s register `src`.
    #[inline]
    pub fn copy_struct(&mut self, dst: RegNo, from: &Marks, src: RegNo) {
        let bit = |mask: u16| (mask >> src.0 & 1) << dst.0;
        let keep = !dst.bit();
        self.read32 = self.read32 & keep | bit(from.read32);
        self.read64 = self.read64 & keep | bit(from.read64);
        self.written = self.written & keep | bit(from.written);
        self.precise = self.precise & keep | bit(from.precise);
        self.climbed &= keep;
        self.climbed_half &= keep;
        self.traced &= keep;
        self.links[dst.index()] = from.links[src.index()];
        if dst == R0 {
            self.r0_origin = if src == R0 { from.r0_origin } else { None };
        }
    }
}

/// A frame of a state.
#[derive(Clone, Debug)]
pub struct FrameSlot {
    /// What is known of its values.
    pub body: Rc<Frame>,
    /// What is known about them.
    pub marks: Marks,
}

/// The lock that is held: which object it is in, and the id of the pointer it was taken through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveLock {
    /// What it is in.
    pub within: Within,
    /// Id of the register.
    pub id: u32,
}

impl ActiveLock {
    /// The lock in what a register points to.
    pub(crate) fn of(reg: &Reg) -> ActiveLock {
        let within = if reg.ty.is(RegBase::MapValue) {
            Within::Map(reg.map())
        } else {
            Within::Object(reg.btf())
        };
        ActiveLock { within, id: reg.id }
    }
}

/// What a lock is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Within {
    /// A value of a map.
    Map(MapIdx),
    /// An object that this BTF describes.
    Object(BtfHandle),
}

/// A state of the program at an instruction.
#[derive(Clone, Debug)]
pub struct State {
    /// Frames, outermost first.
    pub frames: Frames,
    /// The checkpoint this path came from.
    pub parent: Option<StateId>,
    /// Paths from here that are not finished.
    pub branches: u32,
    /// Where a checkpoint was taken.
    pub insn_idx: InsnIdx,
    /// First instruction of the segment that leads here.
    pub first_insn_idx: InsnIdx,
    /// Of a checkpoint the last instruction of it; none where a function begins.
    pub last_insn_idx: Option<InsnIdx>,
    /// Depth in the tree of checkpoints.
    pub dfs_depth: u32,
    /// How deep callbacks are unrolled.
    pub callback_unroll_depth: u32,
    /// How often `may_goto` went on.
    pub may_goto_depth: u32,
    /// Whether sleeping is allowed.
    pub in_sleepable: bool,
    /// How many RCU read locks are held.
    pub active_rcu_locks: u32,
    /// Nesting of disabled preemption.
    pub active_preempt_lock: u32,
    /// Spin lock held; of several, the one taken last.
    pub active_lock: Option<ActiveLock>,
    /// Id of the interrupt flags saved last; 0 is none.
    pub active_irq: u32,
    /// Resources held, where states hold them.
    pub refs: Held,
    /// What backtracking must know of the segment.
    pub history: Trail,
    /// Marks are final and unread values are gone (`REG_LIVE_DONE`).
    pub cleaned: bool,
    /// Of a checkpoint: every number in it, and in all checkpoints that lead to it, is marked as needed precisely.
    pub all_precise: bool,
}

impl State {
    /// The initial state of a function.
    pub fn new(frame: Frame) -> State {
        State {
            frames: Frames::new(FrameSlot {
                body: Rc::new(frame),
                marks: Marks::NONE,
            }),
            parent: None,
            branches: 1,
            insn_idx: InsnIdx(0),
            first_insn_idx: InsnIdx(0),
            last_insn_idx: None,
            dfs_depth: 0,
            callback_unroll_depth: 0,
            may_goto_depth: 0,
            in_sleepable: false,
            active_rcu_locks: 0,
            active_preempt_lock: 0,
            active_lock: None,
            active_irq: 0,
            refs: Held::default(),
            history: Trail::default(),
            cleaned: false,
            all_precise: false,
        }
    }
    /// Bytes that the state takes, of what is shared a part: all states that share it take it together.
    pub(crate) fn bytes(&self) -> u64 {
        let of_frame = |slot: &FrameSlot| {
            let stack = slot.body.stack.bytes() / holders(&slot.body);
            let refs = slot.body.refs.bytes() / holders(&slot.body);
            size_of::<FrameSlot>() as u64 + share_of(&slot.body) + stack + refs
        };
        size_of::<State>() as u64 + self.refs.bytes() + self.frames.iter().map(of_frame).sum::<u64>()
    }
    /// Forgets a reference to an object; false if the executing frame, or else the state, does not hold it or may
    /// not release it. Only one of them ever holds any.
    pub fn release_ref(&mut self, id: u32) -> bool {
        let at = |r: &Ref| r.kind == RefKind::Object && r.id == id;
        match self.refs.iter().position(at) {
            Some(at) => {
                self.refs.remove(at);
                true
            }
            None => self.frame_mut().release_ref(id),
        }
    }
    /// How many resources are copied when some are acquired or released, as other states share the list.
    #[inline]
    pub(crate) fn shares_held(&self) -> u64 {
        self.refs.shared() + self.frame().refs.shared()
    }
    /// Resources that the executing frame, or else the state, holds.
    pub fn held(&self) -> impl Iterator<Item = &Ref> {
        self.refs.iter().chain(self.frame().refs.iter())
    }
    /// Index of the executing frame.
    #[inline]
    pub fn curframe(&self) -> FrameNo {
        self.frames.executing()
    }
    /// The executing frame.
    #[inline]
    pub fn frame(&self) -> &Frame {
        &self.frames.top().body
    }
    /// The executing frame for writing.
    #[inline]
    pub fn frame_mut(&mut self) -> &mut Frame {
        unshared(&mut self.frames.top_mut().body)
    }
    /// A frame by number for writing.
    #[inline]
    pub fn frame_at_mut(&mut self, frame: FrameNo) -> &mut Frame {
        unshared(&mut self.frames[frame].body)
    }
    /// Marks of the executing frame.
    #[inline]
    pub fn marks_mut(&mut self) -> &mut Marks {
        &mut self.frames.top_mut().marks
    }
    /// A register of the executing frame.
    #[inline]
    pub fn reg(&self, reg: RegNo) -> &Reg {
        &self.frame().regs[reg]
    }
    /// A register of the executing frame for writing.
    #[inline]
    pub fn reg_mut(&mut self, reg: RegNo) -> &mut Reg {
        &mut self.frame_mut().regs[reg]
    }
    /// Replaces a register's content; its write mark and link stay (`copy_register_state`).
    #[inline]
    pub fn set_reg(&mut self, reg: RegNo, value: Reg) {
        let marks = self.marks_mut();
        marks.precise &= !reg.bit();
        marks.traced &= !reg.bit();
        self.frame_mut().regs[reg] = value;
    }
    /// Calls `f` on every register and every spilled register of every frame (`bpf_for_each_reg_in_vstate`).
    ///
    /// `want` chooses which to change, so that frames in which nothing changes stay shared.
    pub fn for_each_reg_mut(&mut self, want: impl Fn(&Reg) -> bool, mut f: impl FnMut(&mut Reg)) {
        for slot in self.frames.iter_mut() {
            for r in 0..REGS {
                if want(&slot.body.regs.0[r]) {
                    f(&mut unshared(&mut slot.body).regs.0[r]);
                }
            }
            let wanted = |s: &Slot| s.is_spill() && want(s.reg());
            let slots = slot.body.stack.slots();
            let Some(first) = slots.position(wanted) else {
                continue;
            };
            for spi in Spi::range(first..slots.end()) {
                if slot.body.stack.get(spi).is_some_and(wanted)
                    && let Some(s) = unshared(&mut slot.body).stack.get_mut(spi)
                {
                    f(s.reg_mut());
                }
            }
        }
    }
    /// Looks at all registers and spilled registers.
    pub fn for_each_reg(&self, mut f: impl FnMut(&Reg)) {
        for frame in self.frames.iter() {
            frame.body.regs.iter().for_each(&mut f);
            let slots = frame.body.stack.slots();
            for slot in slots.iter().filter(|slot| slot.is_spill()) {
                f(slot.reg());
            }
        }
    }
    /// Whether any register or spilled register fulfils `f`.
    pub fn any_reg(&self, f: impl Fn(&Reg) -> bool) -> bool {
        self.frames.iter().any(|fr| {
            fr.body.regs.iter().any(&f) || fr.body.stack.slots().iter().any(|s| s.is_spill() && f(s.reg()))
        })
    }
}
