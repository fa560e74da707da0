//! Checkpoints, pending paths, and which loops they are part of.

use std::rc::Rc;

use crate::equiv::Suspect;
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
    pub(crate) insn_idx: u32,
    /// Its marks are final.
    pub(crate) cleaned: bool,
    /// Why it did not stand for the last path.
    pub(crate) suspect: Suspect,
}

/// A path put aside.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) state: State,
    pub(crate) insn_idx: u32,
    pub(crate) prev_insn_idx: i32,
}

/// The state of the search: every checkpoint ever made, the lists in which they are found again, and the
/// paths that are still to be walked.
#[derive(Debug, Default)]
pub struct Search {
    states: Vec<State>,
    /// What backtracking must know of their segments, and of those being walked.
    pub(crate) history: Histories,
    /// Per bucket its checkpoints, the newest last.
    pub(crate) explored: Vec<Vec<Listed>>,
    pub(crate) pending: Vec<Pending>,
    /// Jumps processed when the last checkpoint was created.
    pub(crate) prev_jmps: u32,
    /// Instructions processed when the last checkpoint was created.
    pub(crate) prev_insns: u32,
    /// What evicted checkpoints hold.
    nothing: Option<Rc<Frame>>,
}

/// A state that may be part of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Current,
    At(StateId),
}

impl Search {
    /// A checkpoint.
    #[inline]
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }
    /// A checkpoint, for its marks.
    #[inline]
    pub fn state_mut(&mut self, id: StateId) -> &mut State {
        &mut self.states[id.0 as usize]
    }
    /// Keeps a checkpoint.
    pub(crate) fn add(&mut self, state: State) -> StateId {
        self.states.push(state);
        StateId((self.states.len() - 1) as u32)
    }
    /// Gives back what an evicted checkpoint holds; nothing refers to it any more.
    pub(crate) fn release(&mut self, id: StateId) {
        let nothing = FrameSlot {
            body: Rc::clone(self.nothing.get_or_insert_with(|| Rc::new(Frame::new(-1, 0, 0)))),
            marks: Marks::NONE,
        };
        self.state_mut(id).frames = Frames::new(nothing);
    }
    /// Forgets all checkpoints and paths: the next function starts anew.
    pub(crate) fn clear(&mut self, buckets: usize) {
        self.states.clear();
        self.history.clear();
        self.pending.clear();
        self.explored.clear();
        self.explored.resize_with(buckets, Vec::new);
    }

    fn entry_of(&self, cur: &State, node: Node) -> Option<StateId> {
        match node {
            Node::Current => cur.loop_entry,
            Node::At(id) => self.state(id).loop_entry,
        }
    }

    /// The outermost loop entry known for a state; shortens the way for the next time.
    pub(crate) fn loop_entry(&mut self, cur: &mut State, node: Node) -> Option<StateId> {
        let mut topmost = self.entry_of(cur, node)?;
        while let Some(next) = self.state(topmost).loop_entry.filter(|n| *n != topmost) {
            topmost = next;
        }
        let mut at = node;
        loop {
            let slot = match at {
                Node::Current => &mut cur.loop_entry,
                Node::At(id) => &mut self.state_mut(id).loop_entry,
            };
            if *slot == Some(topmost) {
                return Some(topmost);
            }
            match slot.replace(topmost) {
                Some(old) => at = Node::At(old),
                None => return Some(topmost),
            }
        }
    }

    /// Notes that `node` and `header` are in one loop, if the header's outermost entry is on the current path
    /// and not below ours.
    pub(crate) fn join_loop(&mut self, cur: &mut State, node: Node, header: StateId) {
        let ours = self.loop_entry(cur, node).map_or(node, Node::At);
        let theirs = self.loop_entry(cur, Node::At(header)).unwrap_or(header);
        let depth = match ours {
            Node::Current => cur.dfs_depth,
            Node::At(id) => self.state(id).dfs_depth,
        };
        let top = self.state(theirs);
        if top.branches > 0 && top.dfs_depth <= depth {
            match node {
                Node::Current => cur.loop_entry = Some(header),
                Node::At(id) => self.state_mut(id).loop_entry = Some(header),
            }
            self.state_mut(header).used_as_loop_entry = true;
        }
    }

    /// A path has ended: its ancestors have one branch less, up to the first that has others left.
    pub(crate) fn end_path(&mut self, cur: &mut State) {
        cur.branches = cur.branches.saturating_sub(1);
        if cur.branches > 0 {
            return;
        }
        let (mut parent, mut entry) = (cur.parent, cur.loop_entry);
        while let Some(id) = parent {
            if let Some(entry) = entry {
                self.join_loop(cur, Node::At(id), entry);
            }
            let state = self.state_mut(id);
            state.branches = state.branches.saturating_sub(1);
            if state.branches > 0 {
                return;
            }
            (parent, entry) = (state.parent, state.loop_entry);
        }
    }
}
