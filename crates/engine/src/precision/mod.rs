//! Which scalars must be known precisely: backtracking from a use to where the value came from.
//!
//! A scalar's range is always tracked, but an explored state may subsume another with a different range
//! unless some check relied on it. When one does, the instructions that led here are walked backwards,
//! first those of the current segment, then those of its parents, carrying the set of registers and slots
//! that the value depends on; at every checkpoint passed, the members of the set are marked. Marks of the
//! current state do not matter: it is no checkpoint yet.
//!
//! What a member of the set comes from does not depend on the other members. So a member that an earlier
//! walk carried past the same place of the same path is done: all that follows from it is marked. History
//! entries remember who passed, until a walk gives up, whose marks do not follow from its members.
//!
//! `wanted` is the set, `walk` goes from segment to segment, `recorded` from instruction to instruction by what the
//! history recorded, `step` says what one instruction makes of the set, `mark` marks.
//!
//! **Invariant:** no values are changed here.

mod mark;
mod recorded;
mod step;
mod syntactic;
mod walk;
mod wanted;

pub(crate) use recorded::slot_of;
pub(crate) use step::back_regs;

/// The registers of arguments.
const ARGS: u32 = 0b11_1110;
