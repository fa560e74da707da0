//! What the engine tells a listener.
//!
//! A listener is a generic parameter: a silent run ([`Silent`]) compiles to code without any of it. Events
//! carry ids and borrowed state; text appears only where the kernel's log has words that belong to one check.

use std::fmt;
use std::sync::Arc;

use verdict_syscall::Map;

pub use crate::equiv::{MissReason, Unlike};
use crate::index::{FrameNo, RegNo, Spi};
use crate::state::State;
use crate::verifier::Stats;

/// Receives [`Event`]s.
pub trait Observer {
    /// Whether events are wanted at all; `false` removes their cost at compile time.
    const LISTENING: bool = true;
    /// Whether arrivals at prune points are wanted ([`Event::Insn`], [`Event::Pruned`]), if nothing else is.
    const ARRIVALS: bool = Self::LISTENING;
    /// Whether [`Event::Miss`] is wanted: to explain a miss takes another comparison.
    const MISSES: bool = Self::LISTENING;
    /// Whether anything about each step is wanted that the kernel logs at this level: where it is not, backtracking
    /// ends early, and says nothing of what it would find again.
    fn hears(&self, level: u8) -> bool {
        let _ = level;
        Self::LISTENING
    }
    /// Takes an event.
    fn event(&mut self, event: Event<'_>);
}

/// A listener that takes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    const LISTENING: bool = false;
    fn event(&mut self, _: Event<'_>) {}
}

/// Why backtracking could not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum GaveUp {
    /// An instruction it does not understand.
    Insn,
    /// It ran out of parents.
    NoParent,
}

/// What the walk does at a call of one of the program's functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CallKind {
    /// It goes on in the function, in a new frame.
    Entered,
    /// It goes on behind the call: a global function is verified by itself.
    AssumedValid,
    /// The function is a callback: a path that runs it is put aside.
    Callback,
    /// The function runs later, on its own: a path that starts with it is put aside.
    AsyncCallback,
}

/// Something that happened.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Words of the kernel's log.
    Text {
        /// From how close a following of the walk on they are written: 0 always, 1 when at least the last path
        /// is wanted, 2 when all paths are.
        level: u8,
        /// The words, newlines included.
        text: fmt::Arguments<'a>,
    },
    /// The source line of an instruction is due with this prefix, if it differs from the last one shown
    /// (`verbose_linfo`).
    SourceLine {
        /// The instruction.
        idx: u32,
        /// What stands before the line.
        prefix: &'a str,
    },
    /// It is known which registers each instruction and those behind it may read, before the walk begins.
    LiveRegs {
        /// For each instruction a mask of the registers that are live before it.
        live: &'a [u16],
        /// For each instruction the number of the program's loop that it is part of; 0 is none. Empty when loops
        /// are not known.
        loops: &'a [u32],
    },
    /// Verification of a function begins: the last source line shown is forgotten.
    FunctionStart {
        /// The subprogram.
        subprog: u32,
    },
    /// Verification of a function ended well; below level 2 the log is emptied.
    FunctionSafe {
        /// The subprogram.
        subprog: u32,
    },
    /// An instruction is about to be executed.
    Insn {
        /// State before it.
        state: &'a State,
        /// The instruction.
        idx: u32,
        /// The one executed before it on this path.
        prev_idx: Option<u32>,
    },
    /// A conditional jump was executed: the continuing path's state is shown (`print_insn_state`).
    BranchState {
        /// The state.
        state: &'a State,
        /// The jump.
        idx: u32,
    },
    /// The path ended because an explored state stands for the rest of it.
    Pruned {
        /// State at its end.
        state: &'a State,
        /// Where.
        idx: u32,
        /// The instruction before.
        prev_idx: Option<u32>,
    },
    /// A checkpoint was created.
    Checkpoint {
        /// The state that was kept.
        state: &'a State,
        /// Where.
        idx: u32,
    },
    /// An explored state did not stand for the current one; only if [`Observer::MISSES`].
    Miss {
        /// The current one.
        state: &'a State,
        /// The explored one.
        explored: &'a State,
        /// Where.
        idx: u32,
        /// The first difference.
        reason: MissReason,
    },
    /// A path was put aside; a listener that can rewind remembers its position.
    Push {
        /// Where it will go on.
        idx: u32,
        /// The instruction that forked.
        prev_idx: u32,
    },
    /// A path ended: everything counts as touched.
    PathEnd,
    /// The newest path put aside goes on.
    Pop,
    /// A function of the program is called.
    Call {
        /// The state after the call, before the function's first instruction or the next one of the caller.
        state: &'a State,
        /// The call.
        idx: u32,
        /// The function.
        subprog: u32,
        /// What becomes of it.
        how: CallKind,
    },
    /// A function was left for its caller: the next instruction shows the full state.
    Returned {
        /// The state in the caller.
        state: &'a State,
        /// The instruction that is next.
        to: u32,
    },
    /// A register was touched: it is shown with the next state.
    Reg(RegNo),
    /// A stack slot of the executing frame was touched.
    Slot(Spi),
    /// Everything was touched.
    All,
    /// The full state of a frame is shown (`print_verifier_state(…, true)`), newline included.
    FrameState {
        /// As for [`Event::Text`].
        level: u8,
        /// The state.
        state: &'a State,
        /// The frame.
        frame: FrameNo,
    },
    /// A map became known; its number in registers is the count of those before it.
    Map {
        /// The map.
        map: &'a Arc<Map>,
    },
    /// Verification is over: the log's footer is due.
    End {
        /// Figures.
        stats: &'a Stats,
    },
    /// It is known where states are compared and kept, before the walk begins.
    PrunePoints {
        /// The instructions, in order.
        insns: &'a [u32],
    },
    /// Backtracking begins: what comes of it until the next one is about the path that is walked.
    PreciseBegin {
        /// The instruction that the walk is at; the one before it is looked at first.
        idx: u32,
    },
    /// Backtracking looks at an instruction: `mark_precise: frame%d: regs=%s stack=%s before` and the
    /// instruction.
    PreciseInsn {
        /// Frame being tracked.
        frame: FrameNo,
        /// Registers asked for.
        regs: u32,
        /// Slots asked for.
        slots: u64,
        /// The instruction.
        idx: u32,
    },
    /// Backtracking that goes by names reached a checkpoint: `parent didn't have regs=%x stack=%x marks:` and the state.
    PreciseMarked {
        /// Frame whose values are marked.
        frame: FrameNo,
        /// Registers asked for.
        regs: u32,
        /// Slots asked for.
        slots: u64,
        /// Whether one of them was not marked before.
        added: bool,
        /// The checkpoint.
        state: &'a State,
    },
    /// Backtracking reached a checkpoint: `mark_precise: frame%d: parent state regs=%s stack=%s:` and the state.
    PreciseParent {
        /// Frame whose values are marked.
        frame: FrameNo,
        /// Registers asked for.
        regs: u32,
        /// Slots asked for.
        slots: u64,
        /// The checkpoint.
        state: &'a State,
    },
}
