//! Checkpoints, pending paths, and which loops they are part of.

use std::rc::Rc;

use super::loops::Entries;
use super::sign::Sign;
use crate::equiv::Suspect;
use crate::index::{FrameNo, InsnIdx, SubprogIdx};
use crate::state::{Frame, FrameSlot, Frames, Histories, Marks, State, StateId};

/// A checkpoint in the list of its bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    pub(crate) id: StateId,
    /// How often it stood for a path.
    pub(crate) hits: u32,
    /// How often it did not.
    pub(crate) misses: u32,
    /// Where it was taken: lists are shared by several instructions.
    pub(crate) insn_idx: InsnIdx,
    /// Its marks are final.
    pub(crate) cleaned: bool,
    /// Why it did not stand for the last path.
    pub(crate) suspect: Suspect,
    /// What a path must be like for it.
    pub(crate) sign: Sign,
}

/// A path that is still to be walked.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) state: State,
    pub(super) insn_idx: InsnIdx,
    pub(super) prev_insn_idx: InsnIdx,
    /// The loop that its state is known to be part of.
    pub(super) loop_entry: Option<StateId>,
}

/// The state of the search: every checkpoint ever made, the lists in which they are found again, and the
/// paths that are still to be walked.
#[derive(Debug, Default)]
pub(crate) struct Search {
    states: Vec<State>,
    /// What backtracking must know of their segments, and of those being walked.
    pub(crate) history: Histories,
    /// Per bucket its checkpoints, the newest last.
    pub(crate) explored: Vec<Vec<Listed>>,
    pub(super) pending: Vec<Pending>,
    /// Jumps processed when the last checkpoint was created.
    pub(crate) prev_jmps: u32,
    /// Instructions processed when the last checkpoint was created.
    pub(crate) prev_insns: u32,
    /// Which loops the states are part of, where that is known by entries.
    pub(crate) entries: Entries,
    /// Checkpoints made and not freed again, in any function.
    pub(crate) held: u32,
    /// What freed checkpoints hold.
    nothing: Option<Rc<Frame>>,
}

impl Search {
    /// A checkpoint.
    #[inline]
    pub(crate) fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }
    /// A checkpoint, for its marks.
    #[inline]
    pub(crate) fn state_mut(&mut self, id: StateId) -> &mut State {
        &mut self.states[id.0 as usize]
    }
    /// Keeps a checkpoint, which is part of a loop.
    pub(crate) fn add(&mut self, state: State, loop_entry: Option<StateId>) -> StateId {
        self.states.push(state);
        self.entries.add(loop_entry);
        self.held += 1;
        StateId((self.states.len() - 1) as u32)
    }
    /// Frees a checkpoint that nothing refers to any more.
    pub(crate) fn release(&mut self, id: StateId) {
        let nothing = FrameSlot {
            body: Rc::clone(
                self.nothing
                    .get_or_insert_with(|| Rc::new(Frame::new(None, FrameNo::OUTERMOST, SubprogIdx::MAIN))),
            ),
            marks: Marks::NONE,
        };
        self.state_mut(id).frames = Frames::new(nothing);
        self.held = self.held.saturating_sub(1);
    }
    /// Checkpoints and pending paths, as states.
    pub(super) fn kept(&self) -> impl Iterator<Item = &State> {
        self.states
            .iter()
            .chain(self.pending.iter().map(|pending| &pending.state))
    }
    /// How many of them there are.
    pub(super) fn kept_count(&self) -> usize {
        self.states.len() + self.pending.len()
    }
    /// Forgets all checkpoints and paths: the next function starts anew.
    pub(crate) fn clear(&mut self, buckets: usize) {
        self.states.clear();
        self.entries.clear();
        self.history.clear();
        self.pending.clear();
        self.explored.clear();
        self.explored.resize_with(buckets, Vec::new);
    }
}
