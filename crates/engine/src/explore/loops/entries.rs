//! Loops by their entries: a state that may be part of a loop names the outermost state of it that is known.

use crate::explore::Search;
use crate::state::{State, StateId};

/// A state that may be part of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Current,
    At(StateId),
}

/// Which loops states are part of.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// The current state's.
    pub(crate) current: Option<StateId>,
    /// Per checkpoint.
    of: Vec<Entry>,
    /// Whether it is counted how many states name one, so that states are freed when none does any more (Linux 6.15 and 6.16).
    pub(crate) counted: bool,
}

/// What is known of a checkpoint.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// A state of the loop that it is part of.
    of: Option<StateId>,
    /// How many name it; where that is not counted, how many ever did.
    users: u32,
    /// Whether it has left its list.
    evicted: bool,
}

impl Entries {
    /// A checkpoint was made, which is part of this loop.
    pub(crate) fn add(&mut self, of: Option<StateId>) {
        self.of.push(Entry {
            of,
            ..Entry::default()
        });
    }

    /// Whether another state names this one, or ever did.
    pub(crate) fn is_used(&self, id: StateId) -> bool {
        self.of[id.0 as usize].users > 0
    }

    /// A checkpoint has left its list.
    pub(crate) fn note_evicted(&mut self, id: StateId) {
        self.of[id.0 as usize].evicted = true;
    }

    /// Whether a loop is known that a checkpoint is part of.
    #[inline]
    pub(crate) fn is_in_any(&self, id: StateId) -> bool {
        self.of.get(id.0 as usize).is_some_and(|entry| entry.of.is_some())
    }

    /// Forgets all states.
    pub(crate) fn clear(&mut self) {
        self.of.clear();
        self.current = None;
    }

    #[inline]
    fn slot(&mut self, node: Node) -> &mut Option<StateId> {
        match node {
            Node::Current => &mut self.current,
            Node::At(id) => &mut self.of[id.0 as usize].of,
        }
    }

    /// The outermost loop entry known for a state; shortens the way for the next time.
    #[inline]
    pub(crate) fn outermost(&mut self, node: Node) -> Option<StateId> {
        let known = (*self.slot(node))?;
        self.climb(node, known)
    }

    fn climb(&mut self, node: Node, mut topmost: StateId) -> Option<StateId> {
        while let Some(next) = self.slot(Node::At(topmost)).filter(|n| *n != topmost) {
            topmost = next;
        }
        if self.counted {
            return Some(topmost);
        }
        let mut at = node;
        loop {
            let slot = self.slot(at);
            if *slot == Some(topmost) {
                return Some(topmost);
            }
            match slot.replace(topmost) {
                Some(old) => at = Node::At(old),
                None => return Some(topmost),
            }
        }
    }
}

impl Search {
    /// Notes that `node` and `header` are in one loop, if the header's outermost entry is on the current path
    /// and not below ours.
    pub(crate) fn join_loop(&mut self, cur: &State, node: Node, header: StateId) {
        let ours = self.entries.outermost(node).map_or(node, Node::At);
        let theirs = self.entries.outermost(Node::At(header)).unwrap_or(header);
        let depth = match ours {
            Node::Current => cur.dfs_depth,
            Node::At(id) => self.state(id).dfs_depth,
        };
        let top = self.state(theirs);
        let counted = self.entries.counted;
        let is_above = top.dfs_depth < depth || top.dfs_depth == depth && !counted;
        if top.branches == 0 || !is_above {
            return;
        }
        let before = self.entries.slot(node).replace(header);
        if let Some(before) = before.filter(|_| counted) {
            self.leave_entry(before);
        }
        let users = &mut self.entries.of[header.0 as usize].users;
        *users = users.saturating_add(1);
    }

    /// A state that named this one does so no more.
    fn leave_entry(&mut self, id: StateId) {
        let entry = &mut self.entries.of[id.0 as usize];
        entry.users = entry.users.saturating_sub(1);
        self.free_unnamed(id);
    }

    /// Frees a state that is in no list, has no paths left, and is named by none; that may make its loop's entry free, too.
    pub(crate) fn free_unnamed(&mut self, id: StateId) {
        let mut at = Some(id);
        while let Some(id) = at {
            let entry = self.entries.of[id.0 as usize];
            if !entry.evicted || self.state(id).branches > 0 || entry.users > 0 {
                return;
            }
            self.release(id);
            self.entries.of[id.0 as usize] = Entry::default();
            at = entry.of;
            if let Some(next) = at {
                let users = &mut self.entries.of[next.0 as usize].users;
                *users = users.saturating_sub(1);
            }
        }
    }

    /// A path has ended: its ancestors have one branch less, up to the first that has others left.
    pub(crate) fn end_path(&mut self, cur: &mut State) {
        cur.branches = cur.branches.saturating_sub(1);
        if cur.branches > 0 {
            return;
        }
        let (mut parent, mut entry, mut ended) = (cur.parent, self.entries.current, None);
        while let Some(id) = parent {
            if let Some(entry) = entry {
                self.join_loop(cur, Node::At(id), entry);
            }
            self.free_ended(ended.take());
            let state = self.state_mut(id);
            state.branches = state.branches.saturating_sub(1);
            if state.branches > 0 {
                return;
            }
            parent = state.parent;
            entry = *self.entries.slot(Node::At(id));
            ended = Some(id);
        }
        self.free_ended(ended);
    }

    /// Frees a state that has no paths left, if it may be.
    fn free_ended(&mut self, id: Option<StateId>) {
        if let Some(id) = id.filter(|_| self.entries.counted) {
            self.free_unnamed(id);
        }
    }
}
