//! Orders and components of the graph of instructions, function by function: calls are no edges.

use std::num::NonZeroU32;

use verdict_isa::{Insn, class, op};

use crate::index::{IndexVec, InsnIdx, SubprogIdx};

/// The instructions that may follow `idx` in its function, the fallthrough first (`bpf_insn_successors`).
pub(crate) fn successors(insns: &IndexVec<InsnIdx, Insn>, idx: InsnIdx) -> impl Iterator<Item = InsnIdx> {
    let insn = insns.get(idx).copied().unwrap_or_default();
    let jump = matches!(insn.class(), class::JMP | class::JMP32);
    let (falls, jumps) = match insn.op() {
        _ if !jump => (true, false),
        op::EXIT => (false, false),
        op::JA => (false, true),
        op::CALL => (true, false),
        _ => (true, is_conditional(insn.op())),
    };
    let size = if insn.is_ld_imm64() { 2 } else { 1 };
    let off = match (insn.class(), insn.op()) {
        (class::JMP32, op::JA) => insn.imm,
        _ => i32::from(insn.off),
    };
    let end = insns.end();
    let next = falls.then(|| InsnIdx(idx.0.wrapping_add(size)));
    let target = jumps.then(|| idx.jump(off));
    next.into_iter().chain(target).filter(move |to| *to < end)
}

/// Whether a jump with this operation compares, or is a `may_goto`.
fn is_conditional(op: u8) -> bool {
    op != op::CALL && op != op::EXIT && op <= op::JCOND
}

/// Instructions in post-order, function after function (`compute_postorder`).
#[derive(Debug, Default)]
pub(crate) struct PostOrder {
    order: Vec<InsnIdx>,
    /// Where each function's part begins; at the end the length.
    starts: IndexVec<SubprogIdx, usize>,
    /// Each instruction's place in its function's part.
    places: IndexVec<InsnIdx, u32>,
    /// The instructions that each one may follow, and where its part of them begins; at the end the length.
    before: Vec<InsnIdx>,
    befores: IndexVec<InsnIdx, u32>,
}

impl PostOrder {
    /// The order for functions that begin at `starts`.
    pub(crate) fn of(insns: &IndexVec<InsnIdx, Insn>, starts: impl Iterator<Item = InsnIdx>) -> PostOrder {
        let mut found = IndexVec::filled(false, insns.len());
        let mut left = IndexVec::filled(false, insns.len());
        let mut this = PostOrder::default();
        for start in starts {
            this.starts.push(this.order.len());
            let mut stack = vec![start];
            while let Some(&top) = stack.last() {
                if top >= insns.end() {
                    break;
                }
                found[top] = true;
                if left[top] {
                    this.order.push(top);
                    stack.pop();
                    continue;
                }
                for to in successors(insns, top) {
                    if !std::mem::replace(&mut found[to], true) {
                        stack.push(to);
                    }
                }
                left[top] = true;
            }
        }
        this.starts.push(this.order.len());
        this.turn(insns);
        this
    }

    /// Finds places and what comes before.
    fn turn(&mut self, insns: &IndexVec<InsnIdx, Insn>) {
        self.places = IndexVec::filled(0, insns.len());
        for bounds in self.starts.as_slice().windows(2) {
            for (place, idx) in self.order[bounds[0]..bounds[1]].iter().enumerate() {
                self.places[*idx] = place as u32;
            }
        }
        let mut ends: IndexVec<InsnIdx, u32> = IndexVec::filled(0, insns.len() + 1);
        for idx in &self.order {
            for to in successors(insns, *idx) {
                ends[to] += 1;
            }
        }
        let mut sum = 0;
        for end in ends.iter_mut() {
            sum += *end;
            *end = sum;
        }
        self.before = vec![InsnIdx(0); sum as usize];
        for idx in &self.order {
            for to in successors(insns, *idx) {
                ends[to] -= 1;
                self.before[ends[to] as usize] = *idx;
            }
        }
        self.befores = ends;
    }

    /// An instruction's place in its function's part.
    pub(crate) fn place(&self, idx: InsnIdx) -> usize {
        self.places.get(idx).map_or(0, |place| *place as usize)
    }

    /// The instructions of its function that an instruction may follow.
    pub(crate) fn before(&self, idx: InsnIdx) -> &[InsnIdx] {
        let bounds = self.befores.get(idx).zip(self.befores.get(idx.next()));
        bounds
            .and_then(|(from, to)| self.before.get(*from as usize..*to as usize))
            .unwrap_or_default()
    }

    /// All instructions.
    pub(crate) fn all(&self) -> &[InsnIdx] {
        &self.order
    }

    /// A function's instructions.
    pub(crate) fn of_function(&self, subprog: SubprogIdx) -> &[InsnIdx] {
        let bounds = self.starts.get(subprog).zip(self.starts.get(subprog.next()));
        bounds
            .and_then(|(from, to)| self.order.get(*from..*to))
            .unwrap_or_default()
    }
}

/// The strongly connected component of each instruction, numbered from 1 as they are completed; 0 for one that is
/// in no loop (`compute_scc`: Tarjan's algorithm without recursion).
#[derive(Debug, Default)]
pub(crate) struct Components {
    of: IndexVec<InsnIdx, u32>,
    count: u32,
}

impl Components {
    /// The components of a program; `is_loop` are instructions that are one by themselves, though they do not jump.
    pub(crate) fn of(insns: &IndexVec<InsnIdx, Insn>, is_loop: impl Fn(InsnIdx) -> bool) -> Components {
        let mut tarjan = Tarjan {
            insns,
            is_loop,
            preorder: IndexVec::filled(0, insns.len()),
            low: IndexVec::filled(0, insns.len()),
            open: Vec::new(),
            next: 1,
            found: Components {
                of: IndexVec::filled(0, insns.len()),
                count: 0,
            },
        };
        for start in insns.indices() {
            if tarjan.preorder[start] == 0 {
                tarjan.walk(start);
            }
        }
        tarjan.found
    }

    /// The component of an instruction.
    pub(crate) fn at(&self, idx: InsnIdx) -> Option<NonZeroU32> {
        self.of.get(idx).copied().and_then(NonZeroU32::new)
    }

    /// The components of all instructions; 0 is none.
    pub(crate) fn all(&self) -> &[u32] {
        self.of.as_slice()
    }
}

/// What is known on the way.
struct Tarjan<'a, F> {
    insns: &'a IndexVec<InsnIdx, Insn>,
    is_loop: F,
    /// When an instruction was met; 0 is not yet.
    preorder: IndexVec<InsnIdx, u32>,
    /// The earliest number that is reachable, or [`CLOSED`].
    low: IndexVec<InsnIdx, u32>,
    /// Instructions whose component is not complete.
    open: Vec<InsnIdx>,
    next: u32,
    found: Components,
}

/// In place of the earliest number: the component is complete.
const CLOSED: u32 = u32::MAX;

impl<F: Fn(InsnIdx) -> bool> Tarjan<'_, F> {
    fn walk(&mut self, start: InsnIdx) {
        let mut path = vec![start];
        while let Some(&top) = path.last() {
            if self.preorder[top] == 0 {
                self.low[top] = self.next;
                self.preorder[top] = self.next;
                self.next += 1;
                self.open.push(top);
            }
            let fresh = self.look_ahead(top);
            if let Some(fresh) = fresh {
                path.push(fresh);
                continue;
            }
            if self.low[top] >= self.preorder[top] {
                self.close(top);
            }
            path.pop();
        }
    }

    /// Takes over what is reachable from the instructions behind; or gives the first that was never met.
    fn look_ahead(&mut self, idx: InsnIdx) -> Option<InsnIdx> {
        for to in successors(self.insns, idx) {
            if self.preorder[to] == 0 {
                return Some(to);
            }
            self.low[idx] = self.low[idx].min(self.low[to]);
        }
        None
    }

    /// Completes the component whose first instruction is `root`. One instruction is a component only if it
    /// jumps to itself, or counts as a loop.
    fn close(&mut self, root: InsnIdx) {
        let looping = self.open.last() != Some(&root)
            || successors(self.insns, root).any(|to| to == root)
            || (self.is_loop)(root);
        let number = if looping { self.found.count + 1 } else { 0 };
        while let Some(member) = self.open.pop() {
            self.low[member] = CLOSED;
            self.found.of[member] = number;
            if member == root {
                break;
            }
        }
        self.found.count += u32::from(looping);
    }
}

#[cfg(test)]
mod tests {
    use verdict_isa::{Insn, class, op};

    use super::{Components, PostOrder, successors};
    use crate::index::{IndexVec, InsnIdx, SubprogIdx};

    fn program<const N: usize>(insns: [Insn; N]) -> IndexVec<InsnIdx, Insn> {
        insns.into_iter().collect()
    }

    fn numbers(insns: impl Iterator<Item = InsnIdx>) -> Vec<u32> {
        insns.map(|idx| idx.0).collect()
    }

    fn mov() -> Insn {
        Insn {
            code: class::ALU64 | op::MOV,
            ..Insn::default()
        }
    }

    fn jump(op: u8, off: i16) -> Insn {
        Insn {
            code: class::JMP | op,
            off,
            ..Insn::default()
        }
    }

    fn exit() -> Insn {
        jump(op::EXIT, 0)
    }

    #[test]
    fn edges() {
        let insns = program([jump(op::JEQ, 1), jump(op::JA, -2), jump(op::CALL, 7), exit()]);
        let of = |idx| numbers(successors(&insns, InsnIdx(idx)));
        assert_eq!(of(0), [1, 2]);
        assert_eq!(of(1), [0]);
        assert_eq!(of(2), [3]);
        assert_eq!(of(3), []);
        assert_eq!(of(9), [], "behind the end");
        let out = program([jump(op::JEQ, 100), jump(op::JA, i16::MIN)]);
        assert_eq!(numbers(successors(&out, InsnIdx(0))), [1]);
        assert_eq!(numbers(successors(&out, InsnIdx(1))), []);
    }

    #[test]
    fn post_order_by_function() {
        // 0: if … goto 2; 1: exit; 2: exit | 3: mov; 4: exit
        let insns = program([jump(op::JEQ, 1), exit(), exit(), mov(), exit()]);
        let order = PostOrder::of(&insns, [0, 3].map(InsnIdx).into_iter());
        let of = |function| numbers(order.of_function(SubprogIdx(function)).iter().copied());
        assert_eq!(of(0), [2, 1, 0]);
        assert_eq!(of(1), [4, 3]);
        assert_eq!(of(2), []);
        assert_eq!(numbers(order.all().iter().copied()), [2, 1, 0, 4, 3]);
    }

    #[test]
    fn components_are_loops() {
        // 0: mov; 1: if … goto 4; 2: mov; 3: goto 1; 4: goto 4 or on; 5: exit
        let insns = program([
            mov(),
            jump(op::JEQ, 2),
            mov(),
            jump(op::JA, -3),
            jump(op::JNE, -1),
            exit(),
        ]);
        let none = |_| false;
        assert_eq!(Components::of(&insns, none).all(), [0, 2, 2, 2, 1, 0]);
        assert_eq!(Components::of(&program([exit()]), none).at(InsnIdx(0)), None);
        assert_eq!(Components::of(&program([]), none).at(InsnIdx(3)), None);
        let called = |idx: InsnIdx| idx == InsnIdx(0);
        assert_eq!(Components::of(&insns, called).all(), [3, 2, 2, 2, 1, 0]);
    }

    #[test]
    fn nested_loops_are_one_component() {
        // 0: mov; 1: mov; 2: if … goto 1; 3: if … goto 0; 4: exit
        let insns = program([mov(), mov(), jump(op::JEQ, -2), jump(op::JEQ, -4), exit()]);
        assert_eq!(Components::of(&insns, |_| false).all(), [1, 1, 1, 1, 0]);
    }
}
