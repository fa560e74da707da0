//! Which keys make room in a hash table that is full: the lists of `kernel/bpf/bpf_lru_list.c`, as one processor works on
//! them alone. Where several do, which keys go depends on which of them did what.

/// Nodes that are looked at, or freed, at once at most: of lists that processors share, and of their own ones.
const SHARED: usize = 128;
const OWN: usize = 4;

/// The lists of keys that are there. The first one is of what came last, where processors share the others.
const PENDING: usize = 0;
const INACTIVE: usize = 1;
const ACTIVE: usize = 2;
const LISTS: usize = 3;

/// A key's node, or the head of a list.
#[derive(Clone, Debug, Default)]
struct Node {
    before: usize,
    behind: usize,
    list: usize,
    /// It was set again since it came.
    used: bool,
    key: Vec<u8>,
}

/// The nodes of a table.
#[derive(Debug)]
pub(crate) struct Lru {
    /// The first ones are the heads of the lists.
    nodes: Vec<Node>,
    /// Nodes of `nodes` that are of no list.
    spare: Vec<usize>,
    lengths: [usize; LISTS],
    /// How many nodes are free, and how many of them a processor has taken for itself.
    free: usize,
    taken: usize,
    /// How many are freed at once.
    target: usize,
    /// Where the next look at the inactive ones begins.
    next: usize,
    /// Whether each processor has nodes of its own (`BPF_F_NO_COMMON_LRU`).
    own: bool,
}

impl Lru {
    /// That of a table of so many keys, on so many processors. `frees_many`: as many make room at once as are looked at.
    pub(crate) fn new(entries: usize, cpus: usize, own: bool, frees_many: bool) -> Lru {
        let cpus = cpus.max(1);
        let head = |at| Node {
            before: at,
            behind: at,
            list: at,
            ..Node::default()
        };
        Lru {
            nodes: (0..LISTS).map(head).collect(),
            spare: Vec::new(),
            lengths: [0; LISTS],
            free: if own { entries / cpus } else { entries },
            taken: 0,
            target: match frees_many {
                true => SHARED,
                false => (entries / cpus / 2).clamp(1, SHARED),
            },
            next: INACTIVE,
            own,
        }
    }

    fn most_looked_at(&self) -> usize {
        if self.own { OWN } else { SHARED }
    }

    fn node(&self, at: usize) -> Node {
        self.nodes.get(at).cloned().unwrap_or_default()
    }

    fn before(&self, at: usize) -> usize {
        self.nodes.get(at).map_or(at, |node| node.before)
    }

    fn is_used(&self, at: usize) -> bool {
        self.nodes.get(at).is_some_and(|node| node.used)
    }

    /// The last node of a list.
    fn last(&self, list: usize) -> Option<usize> {
        Some(self.before(list)).filter(|last| *last != list)
    }

    fn unlink(&mut self, at: usize) {
        let Node {
            before, behind, list, ..
        } = self.node(at);
        if self.next == at {
            self.next = before;
        }
        if let Some(node) = self.nodes.get_mut(before) {
            node.behind = behind;
        }
        if let Some(node) = self.nodes.get_mut(behind) {
            node.before = before;
        }
        if let Some(length) = self.lengths.get_mut(list) {
            *length = length.saturating_sub(1);
        }
    }

    /// Puts a node at the beginning of a list.
    fn link(&mut self, at: usize, list: usize) {
        let behind = self.nodes.get(list).map_or(list, |head| head.behind);
        if let Some(node) = self.nodes.get_mut(at) {
            (node.before, node.behind, node.list, node.used) = (list, behind, list, false);
        }
        for (neighbour, is_before) in [(list, true), (behind, false)] {
            match self.nodes.get_mut(neighbour) {
                Some(node) if is_before => node.behind = at,
                Some(node) => node.before = at,
                None => {}
            }
        }
        if let Some(length) = self.lengths.get_mut(list) {
            *length += 1;
        }
    }

    fn shift(&mut self, at: usize, list: usize) {
        self.unlink(at);
        self.link(at, list);
    }

    /// What came last is used or not.
    fn flush(&mut self) {
        while let Some(at) = self.last(PENDING) {
            let list = if self.is_used(at) { ACTIVE } else { INACTIVE };
            self.shift(at, list);
        }
    }

    fn rotate(&mut self) {
        let [_, inactive, active] = self.lengths;
        if inactive < active {
            for _ in 0..active.min(self.most_looked_at()) {
                let Some(at) = self.last(ACTIVE) else { break };
                let list = if self.is_used(at) { ACTIVE } else { INACTIVE };
                self.shift(at, list);
            }
        }
        if self.lengths.get(INACTIVE).is_none_or(|length| *length == 0) {
            return;
        }
        let behind = |lru: &Lru, at: usize| lru.nodes.get(at).map_or(at, |node| node.behind);
        let mut last = behind(self, self.next);
        if last == INACTIVE {
            last = behind(self, last);
        }
        let (mut at, mut looked_at) = (self.next, 0);
        let mut next = INACTIVE;
        while looked_at < self.most_looked_at() {
            if at == INACTIVE {
                at = self.before(at);
                if at == INACTIVE {
                    break;
                }
                continue;
            }
            next = self.before(at);
            if self.is_used(at) {
                self.shift(at, ACTIVE);
            }
            if at == last {
                break;
            }
            at = next;
            looked_at += 1;
        }
        self.next = next;
    }

    /// Takes a node out of its list; gives its key.
    fn release(&mut self, at: usize) -> Vec<u8> {
        self.unlink(at);
        self.spare.push(at);
        let node = self.nodes.get_mut(at);
        node.map_or_else(Vec::new, |node| std::mem::take(&mut node.key))
    }

    /// Frees so many nodes that are not used, but at least one; gives their keys.
    fn shrink(&mut self, wanted: usize) -> Vec<Vec<u8>> {
        let mut gone = Vec::new();
        let mut at = self.last(INACTIVE);
        let mut looked_at = 0;
        while let Some(this) = at {
            at = Some(self.before(this)).filter(|next| *next != INACTIVE);
            if self.is_used(this) {
                self.shift(this, ACTIVE);
            } else {
                gone.push(self.release(this));
            }
            looked_at += 1;
            if gone.len() == wanted || looked_at == self.most_looked_at() {
                break;
            }
        }
        if gone.is_empty() {
            let last = self.last(INACTIVE).or_else(|| self.last(ACTIVE));
            gone.extend(last.map(|last| self.release(last)));
        }
        gone
    }

    /// Takes a node for a key that is set. Gives the node, and the keys that made room; no node where there is none.
    pub(crate) fn take(&mut self, key: &[u8]) -> (Option<usize>, Vec<Vec<u8>>) {
        let mut gone = Vec::new();
        if self.own {
            self.rotate();
            if self.free == 0 {
                gone = self.shrink(OWN);
                self.free = gone.len();
            }
            self.taken = self.free.min(1);
            self.free -= self.taken;
        } else if self.taken == 0 {
            self.flush();
            self.rotate();
            self.taken = self.free.min(self.target);
            self.free -= self.taken;
            if self.taken < self.target {
                gone = self.shrink(self.target - self.taken);
                self.taken += gone.len();
            }
        }
        if self.taken == 0 {
            return (None, gone);
        }
        self.taken -= 1;
        let at = self.spare.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        if let Some(node) = self.nodes.get_mut(at) {
            node.key = key.to_vec();
        }
        self.link(at, if self.own { INACTIVE } else { PENDING });
        (Some(at), gone)
    }

    /// The key of a node was set again.
    pub(crate) fn touch(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.used = true;
        }
    }

    /// A key is no more, or was not set.
    pub(crate) fn give_back(&mut self, at: usize) {
        let is_pending = self.node(at).list == PENDING;
        self.release(at);
        match is_pending {
            true => self.taken += 1,
            false => self.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_key_set_again_may_have_made_room_for_itself() {
        let mut lru = Lru::new(1, 2, false, false);
        let (first, gone) = lru.take(b"a");
        assert!(first.is_some() && gone.is_empty());
        assert_eq!(lru.take(b"a").1, [b"a".to_vec()]);
    }

    #[test]
    fn what_is_not_used_makes_room_by_the_half_of_a_processor() {
        let mut lru = Lru::new(16, 2, false, false);
        for key in 0..16u8 {
            assert_eq!(lru.take(&[key]).1, Vec::<Vec<u8>>::new());
        }
        let gone: Vec<Vec<u8>> = (0..4u8).map(|key| vec![key]).collect();
        assert_eq!(lru.take(&[16]).1, gone);
        // There is room for three more.
        for key in 17..20u8 {
            assert_eq!(lru.take(&[key]).1, Vec::<Vec<u8>>::new());
        }
        assert_eq!(lru.take(&[20]).1.len(), 4);
    }

    #[test]
    fn what_was_set_again_stays() {
        let mut lru = Lru::new(4, 1, true, false);
        let mut nodes = Vec::new();
        for key in 0..4u8 {
            nodes.push(lru.take(&[key]).0.unwrap());
        }
        lru.touch(nodes[0]);
        assert_eq!(lru.take(&[4]).1, [vec![1], vec![2], vec![3]]);
        lru.give_back(nodes[0]);
        assert_eq!(lru.take(&[5]).1, Vec::<Vec<u8>>::new());
    }
}
