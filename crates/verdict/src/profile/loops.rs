//! The loops of a program: strongly connected parts of each function's control flow, and those within them.

use verdict_isa::{Branch, Insn, Jump, Op, decode};
use verdict_report::profile::Loop;

/// Deepest nesting that is told apart.
const MAX_DEPTH: usize = 16;

/// Finds the loops, outer ones before inner ones, and for each instruction the innermost that it is in.
pub(super) fn find(insns: &[Insn], starts: &[u32]) -> (Vec<Loop>, Vec<Option<usize>>) {
    let mut finder = Finder {
        flow: flow(insns, starts),
        innermost: vec![None; insns.len()],
        nodes: vec![Node::default(); insns.len()],
        regions: 0,
        loops: Vec::new(),
    };
    let mut waiting = vec![((0..insns.len() as u32).collect::<Vec<_>>(), 0)];
    while let Some((nodes, depth)) = waiting.pop() {
        for (header, mut nodes) in finder.parts(&nodes) {
            finder.enter(header, &nodes);
            if depth + 1 < MAX_DEPTH {
                nodes.retain(|n| *n != header);
                nodes.sort_unstable();
                waiting.push((nodes, depth + 1));
            }
        }
    }
    (finder.loops, finder.innermost)
}

/// Where each instruction may go on within its function.
fn flow(insns: &[Insn], starts: &[u32]) -> Vec<[Option<u32>; 2]> {
    let mut flow = Vec::with_capacity(insns.len());
    for (idx, insn) in (0u32..).zip(insns) {
        let function = starts.partition_point(|start| *start <= idx).saturating_sub(1);
        let start = starts.get(function).copied().unwrap_or(0);
        let end = starts.get(function + 1).copied().unwrap_or(insns.len() as u32);
        let inside = |to: i64| u32::try_from(to).ok().filter(|to| (start..end).contains(to));
        let after = |off: i64| inside(i64::from(idx) + 1 + off);
        flow.push(match decode(insn, insns.get(idx as usize + 1)) {
            Ok(Op::Jump(Jump::Always { off })) => [after(off.into()), None],
            Ok(Op::Jump(Jump::Branch(Branch { off, .. }) | Jump::MayGoto { off })) => {
                [after(0), after(off.into())]
            }
            Ok(Op::LdImm64(_)) => [after(1), None],
            Ok(Op::Exit) => [None, None],
            _ => [after(0), None],
        });
    }
    flow
}

struct Finder {
    flow: Vec<[Option<u32>; 2]>,
    innermost: Vec<Option<usize>>,
    /// What is known of each instruction in the set whose parts are looked for, or were last.
    nodes: Vec<Node>,
    regions: u32,
    loops: Vec<Loop>,
}

/// What a walk knows of an instruction.
#[derive(Clone, Copy, Default)]
struct Node {
    /// The set of instructions that it belongs to.
    region: u32,
    /// Its place in the order of the walk, from 1 on; 0 before the walk comes to it.
    number: u32,
    /// The least number that is reached from it through instructions whose part is not yet known.
    low: u32,
    /// Its part is known.
    closed: bool,
}

impl Finder {
    fn next(&self, node: u32, region: u32) -> impl Iterator<Item = u32> {
        let next = self.flow.get(node as usize).copied().unwrap_or_default();
        let inside = move |n: &u32| self.node(*n).region == region;
        next.into_iter().flatten().filter(inside)
    }

    fn node(&self, node: u32) -> Node {
        self.nodes.get(node as usize).copied().unwrap_or_default()
    }

    /// Keeps a loop.
    fn enter(&mut self, header: u32, nodes: &[u32]) {
        let parent = self.innermost.get(header as usize).copied().flatten();
        let first = nodes.iter().copied().min().unwrap_or(header);
        let last = nodes.iter().copied().max().unwrap_or(header);
        for node in nodes {
            if let Some(slot) = self.innermost.get_mut(*node as usize) {
                *slot = Some(self.loops.len());
            }
        }
        self.loops.push(Loop {
            parent,
            header,
            range: (first, last),
        });
    }

    /// The strongly connected parts of a set of instructions that are loops, each with the instruction at
    /// which it is entered: the first in the order of the walk. (Tarjan's algorithm without recursion.)
    fn parts(&mut self, nodes: &[u32]) -> Vec<(u32, Vec<u32>)> {
        self.regions += 1;
        let region = self.regions;
        for node in nodes {
            if let Some(known) = self.nodes.get_mut(*node as usize) {
                *known = Node {
                    region,
                    ..Node::default()
                };
            }
        }
        let mut walk = Walk::default();
        let mut parts = Vec::new();
        for root in nodes {
            if self.node(*root).number != 0 {
                continue;
            }
            self.visit(&mut walk, *root);
            while let Some((node, edge)) = walk.path.last_mut().map(|top| {
                top.1 += 1;
                (top.0, top.1 - 1)
            }) {
                let Some(next) = self.next(node, region).nth(edge) else {
                    let part = self.leave(&mut walk, node);
                    let is_loop = part.len() > 1 || self.next(node, region).any(|n| n == node);
                    if is_loop && !part.is_empty() {
                        parts.push((node, part));
                    }
                    continue;
                };
                match self.node(next) {
                    Node { number: 0, .. } => self.visit(&mut walk, next),
                    Node { closed: true, .. } => {}
                    Node { number, .. } => self.lower(node, number),
                }
            }
        }
        parts.sort_unstable_by_key(|(header, _)| *header);
        parts
    }

    fn visit(&mut self, walk: &mut Walk, node: u32) {
        walk.visited += 1;
        if let Some(known) = self.nodes.get_mut(node as usize) {
            (known.number, known.low) = (walk.visited, walk.visited);
        }
        walk.path.push((node, 0));
        walk.stack.push(node);
    }

    fn lower(&mut self, node: u32, to: u32) {
        if let Some(known) = self.nodes.get_mut(node as usize) {
            known.low = known.low.min(to);
        }
    }

    /// Goes back from a node; gives its part if the node is the first of it.
    fn leave(&mut self, walk: &mut Walk, node: u32) -> Vec<u32> {
        walk.path.pop();
        let Node { number, low, .. } = self.node(node);
        if let Some((parent, _)) = walk.path.last().copied() {
            self.lower(parent, low);
        }
        if number != low {
            return Vec::new();
        }
        let mut part = Vec::new();
        while let Some(member) = walk.stack.pop() {
            if let Some(known) = self.nodes.get_mut(member as usize) {
                known.closed = true;
            }
            part.push(member);
            if member == node {
                break;
            }
        }
        part
    }
}

/// A walk in depth.
#[derive(Default)]
struct Walk {
    /// Nodes on the current path, each with the number of edges followed.
    path: Vec<(u32, usize)>,
    /// Nodes whose part is not yet known.
    stack: Vec<u32>,
    /// How many nodes it has come to.
    visited: u32,
}

#[cfg(test)]
mod tests {
    use verdict_isa::assemble;

    use super::*;

    fn program(lines: &[&str]) -> Vec<Insn> {
        lines.iter().map(|line| assemble(line).unwrap().0).collect()
    }

    fn loops(lines: &[&str]) -> Vec<(u32, (u32, u32), Option<usize>)> {
        let (loops, _) = find(&program(lines), &[0]);
        loops.iter().map(|l| (l.header, l.range, l.parent)).collect()
    }

    #[test]
    fn loops_within_loops() {
        let lines = [
            "(b7) r1 = 0",
            "(b7) r2 = 0",
            "(07) r2 += 1",
            "(a5) if r2 < 0x5 goto pc-2",
            "(07) r1 += 1",
            "(a5) if r1 < 0x5 goto pc-5",
            "(b7) r0 = 0",
            "(95) exit",
        ];
        assert_eq!(loops(&lines), [(1, (1, 5), None), (2, (2, 3), Some(0))]);
    }

    #[test]
    fn no_loops_without_way_back() {
        assert_eq!(
            loops(&["(b7) r0 = 0", "(15) if r0 == 0x0 goto pc+0", "(95) exit"]),
            []
        );
        assert_eq!(loops(&["(05) goto pc-1"]), [(0, (0, 0), None)]);
    }

    #[test]
    fn long_programs_take_no_stack() {
        let mut insns = program(&["(b7) r0 = 0"]).repeat(200_000);
        insns.extend(program(&["(06) gotol pc-200001"]));
        let (loops, _) = find(&insns, &[0]);
        assert_eq!(loops.first().map(|l| l.range), Some((0, 200_000)));
    }
}
