//! Loops by their entries: a state that may be part of a loop names the outermost state of it that is known.

use crate::explore::Search;
use crate::state::{State, StateId};

/// A state that may be part of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Current,
    At(StateId),
}

impl Search {
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
