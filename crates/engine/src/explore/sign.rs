//! What says at a glance that a listed checkpoint does not stand for a state.
//!
//! A checkpoint's values stay, and what it needs of them becomes no less. So what a register must be to be like it is found
//! out once for a checkpoint, of the register in which it differed last time.

use verdict_kernel::semantics::graph::{Graph, PointerComparison};
use verdict_kernel::types::RegBase;

use crate::equiv::Suspect;
use crate::index::{FrameNo, RegNo};
use crate::state::{FP, Reg, State};

/// A necessary condition, on a register of the executing frame, for a checkpoint to stand for a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sign {
    /// Unsigned, it is within this range; on the path, just that.
    range: (u64, u64),
    /// It has this kind and fixed offset ([`Sign::key`]).
    key: u64,
    /// Whether the offset counts.
    whole: bool,
    /// On the path, it has this id.
    id: u32,
    /// How far the checkpoint's own paths were when this was found out.
    of: Phase,
    /// The frame.
    frame: u8,
    /// The register.
    reg: RegNo,
}

/// Whether a checkpoint's own paths are walked to their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nobody looked, or there is no condition.
    Unknown,
    /// The current one is one of them: all that is known of the executing frame's registers must be the same.
    OnPath,
    /// They are: what was read of it must be within what it needs.
    Finished,
}

impl Sign {
    /// No condition.
    pub(crate) const UNKNOWN: Sign = Sign {
        range: (0, u64::MAX),
        key: 0,
        whole: false,
        id: 0,
        of: Phase::Unknown,
        frame: 0,
        reg: FP,
    };

    /// Kind, and fixed offset in the lower half.
    #[inline(always)]
    fn key(reg: &Reg) -> u64 {
        u64::from(reg.ty.0) << 32 | u64::from(reg.off as u32)
    }

    /// Whether a state does not fulfil the condition, which is one of this phase.
    #[inline(always)]
    pub(crate) fn differs(&self, of: Phase, cur: &State) -> bool {
        if self.of != of || FrameNo::from(self.frame) != cur.curframe() {
            return false;
        }
        let reg = &cur.frame().regs[self.reg];
        let (min, max) = (reg.b.umin(), reg.b.umax());
        let unlike = self.key ^ Sign::key(reg);
        if of == Phase::OnPath {
            return (min, max) != self.range || unlike != 0 || reg.id != self.id;
        }
        let unlike = if self.whole { unlike } else { unlike >> 32 };
        unlike != 0 || min < self.range.0 || max > self.range.1
    }

    /// Whether it was found out in this phase.
    #[inline]
    pub(crate) fn is_of(&self, of: Phase) -> bool {
        self.of == of
    }

    /// The condition on the suspected register.
    #[inline(never)]
    pub(crate) fn of(old: &State, suspect: Suspect, of: Phase, rules: &Graph) -> Sign {
        let Suspect::Reg(frame, reg) = suspect else {
            return Sign::UNKNOWN;
        };
        let (reg, top) = (RegNo(reg), old.frames.top());
        let Some(known) = top
            .body
            .regs
            .get(reg)
            .filter(|_| FrameNo::from(frame) == old.curframe())
        else {
            return Sign::UNKNOWN;
        };
        let marks = &top.marks;
        let (needed, whole) = match of {
            Phase::Unknown => return Sign::UNKNOWN,
            Phase::OnPath => (true, true),
            Phase::Finished if known.is_not_init() || !reg.is_in(marks.read32 | marks.read64) => {
                return Sign::UNKNOWN;
            }
            // All pointers into an arena are alike.
            Phase::Finished if known.is(RegBase::Arena) => return Sign::UNKNOWN,
            Phase::Finished if known.is_scalar() => (reg.is_in(marks.precise), false),
            Phase::Finished if known.is(RegBase::Scalar) => return Sign::UNKNOWN,
            Phase::Finished => (false, rules.pointer_comparison != PointerComparison::Bytes),
        };
        Sign {
            range: if needed {
                (known.b.umin(), known.b.umax())
            } else {
                (0, u64::MAX)
            },
            key: Sign::key(known),
            whole,
            id: known.id,
            of,
            frame,
            reg,
        }
    }
}
