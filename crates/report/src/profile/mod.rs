//! Where the cost of a verification is: by source line, function and loop, and why states did not match.

mod flame;
mod folded;
mod json;
mod table;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub use flame::write_flame_graph;
pub use folded::{Frame, write_folded};
pub use json::{Whose, write_profile_json};
pub use table::write_profile;

/// What the verifier did at some place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Instructions processed.
    pub insns: u64,
    /// States kept for later comparison.
    pub states: u64,
    /// Paths that ended because an explored state subsumes the current one.
    pub hits: u64,
    /// Explored states that do not subsume the current one.
    pub misses: u64,
}

impl Cost {
    fn add(&mut self, other: Cost) {
        self.insns += other.insns;
        self.states += other.states;
        self.hits += other.hits;
        self.misses += other.misses;
    }

    /// One of its figures.
    pub fn get(&self, figure: Figure) -> u64 {
        match figure {
            Figure::Insns => self.insns,
            Figure::States => self.states,
            Figure::Hits => self.hits,
            Figure::Misses => self.misses,
        }
    }
}

/// A figure of a [`Cost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Instructions processed.
    Insns,
    /// States kept.
    States,
    /// Prune hits.
    Hits,
    /// Prune misses.
    Misses,
}

impl Figure {
    /// What is counted.
    pub fn name(self) -> &'static str {
        match self {
            Figure::Insns => "insns",
            Figure::States => "states",
            Figure::Hits => "prune hits",
            Figure::Misses => "prune misses",
        }
    }
}

/// A line of source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLine {
    /// File name without directories.
    pub file: String,
    /// Line number.
    pub line: u32,
    /// Its text.
    pub text: String,
}

impl SourceLine {
    /// `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A loop of the program's control flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The loop around it, by its number.
    pub parent: Option<usize>,
    /// The instruction at which it is entered.
    pub header: u32,
    /// Its first and its last instruction.
    pub range: (u32, u32),
}

/// What is known of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its function, by number.
    pub function: usize,
    /// Its source line, by number.
    pub line: Option<usize>,
    /// The innermost loop that it is in, by number.
    pub in_loop: Option<usize>,
}

/// A chain of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The caller's chain and the calling instruction; `None` where verification starts.
    pub caller: Option<(usize, u32)>,
    /// The function, by number.
    pub function: usize,
}

/// The cost of an instruction in a chain of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The chain, by number.
    pub chain: usize,
    /// The instruction.
    pub insn: u32,
    /// Its cost.
    pub cost: Cost,
}

/// Why explored states at an instruction do not subsume the current one, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The instruction.
    pub insn: u32,
    /// What differed: a register or slot of a frame, or something of the whole state.
    pub what: String,
    /// In what.
    pub why: String,
    /// Values of one such pair of states; may be empty.
    pub example: String,
    /// How often.
    pub count: u64,
}

/// Where the cost of a verification is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Names of functions.
    pub functions: Vec<String>,
    /// Source lines.
    pub lines: Vec<SourceLine>,
    /// How often the kernel's level-2 log shows each source line.
    pub shown: Vec<u64>,
    /// Loops, outer ones before inner ones.
    pub loops: Vec<Loop>,
    /// Instructions, by their index.
    pub sites: Vec<Site>,
    /// Chains of calls, callers before callees.
    pub chains: Vec<Chain>,
    /// Costs, in the order of chains and instructions.
    pub samples: Vec<Sample>,
    /// Reasons of prune misses, in the order of instructions.
    pub mismatches: Vec<Mismatch>,
}

/// The cost of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCost {
    /// The function, by number.
    pub function: usize,
    /// Of its own instructions.
    pub own: Cost,
    /// With the functions that it calls.
    pub total: Cost,
}

/// The cost of a loop, with everything called in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopCost {
    /// The loop, by number.
    pub number: usize,
    /// How often its header was processed.
    pub turns: u64,
    /// Its cost.
    pub cost: Cost,
}

/// The cost of a source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCost {
    /// The line, by number; `None` for instructions without one.
    pub line: Option<usize>,
    /// The function that it is part of, by number.
    pub function: usize,
    /// Its cost.
    pub cost: Cost,
}

/// A reason of prune misses, over all instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MismatchSum<'p> {
    /// Where it is most frequent.
    pub most: &'p Mismatch,
    /// In how many places.
    pub places: usize,
    /// How often.
    pub count: u64,
}

impl Profile {
    /// All costs together.
    pub fn total(&self) -> Cost {
        let mut total = Cost::default();
        self.samples.iter().for_each(|s| total.add(s.cost));
        total
    }

    fn site(&self, insn: u32) -> Option<&Site> {
        self.sites.get(usize::try_from(insn).ok()?)
    }

    /// The source line of an instruction.
    pub(crate) fn line_of(&self, insn: u32) -> Option<&SourceLine> {
        self.lines.get(self.site(insn)?.line?)
    }

    /// The loops around an instruction, the innermost first.
    fn loops_of(&self, insn: u32) -> impl Iterator<Item = usize> {
        let innermost = self.site(insn).and_then(|s| s.in_loop);
        std::iter::successors(innermost, |n| self.loops.get(*n)?.parent)
    }

    /// A chain and those that lead to it, the innermost first, each with the instruction where it calls on.
    fn calls(&self, sample: &Sample) -> impl Iterator<Item = (usize, u32)> {
        std::iter::successors(Some((sample.chain, sample.insn)), |(chain, _)| {
            self.chains.get(*chain)?.caller
        })
    }

    fn function_of(&self, chain: usize) -> usize {
        self.chains.get(chain).map_or(0, |c| c.function)
    }

    /// Costs by function, the most instructions of its own first.
    pub fn by_function(&self) -> Vec<FunctionCost> {
        let mut costs: BTreeMap<usize, (Cost, Cost)> = BTreeMap::new();
        for sample in &self.samples {
            let around: BTreeSet<_> = self.calls(sample).map(|(c, _)| self.function_of(c)).collect();
            for function in around {
                costs.entry(function).or_default().1.add(sample.cost);
            }
            let own = self.function_of(sample.chain);
            costs.entry(own).or_default().0.add(sample.cost);
        }
        let rows = costs
            .into_iter()
            .map(|(function, (own, total))| FunctionCost { function, own, total });
        most_first(rows.collect(), |f: &FunctionCost| f.own)
    }

    /// Costs by loop, the most instructions first.
    pub fn by_loop(&self) -> Vec<LoopCost> {
        let mut costs: BTreeMap<usize, (u64, Cost)> = BTreeMap::new();
        for sample in &self.samples {
            let around: BTreeSet<_> = self
                .calls(sample)
                .flat_map(|(_, insn)| self.loops_of(insn))
                .collect();
            for number in around {
                let entry = costs.entry(number).or_default();
                entry.1.add(sample.cost);
                if self.loops.get(number).is_some_and(|l| l.header == sample.insn) {
                    entry.0 += sample.cost.insns;
                }
            }
        }
        let rows = costs
            .into_iter()
            .map(|(number, (turns, cost))| LoopCost { number, turns, cost });
        most_first(rows.collect(), |l: &LoopCost| l.cost)
    }

    /// Costs by source line, the most instructions first.
    pub fn by_line(&self) -> Vec<LineCost> {
        let mut costs: BTreeMap<(usize, Option<usize>), Cost> = BTreeMap::new();
        for sample in &self.samples {
            let Some(site) = self.site(sample.insn) else {
                continue;
            };
            costs
                .entry((site.function, site.line))
                .or_default()
                .add(sample.cost);
        }
        let rows = costs
            .into_iter()
            .map(|((function, line), cost)| LineCost { line, function, cost });
        most_first(rows.collect(), |l: &LineCost| l.cost)
    }

    /// The source lines that the kernel's level-2 log shows most often, with how often; what `veristat -S`
    /// counts.
    pub fn by_shown(&self) -> Vec<(&SourceLine, u64)> {
        let counted = self.lines.iter().zip(self.shown.iter().copied());
        let mut rows: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
        rows.sort_by_key(|row| Reverse(row.1));
        rows
    }

    /// Reasons of prune misses, the most frequent first.
    pub fn by_reason(&self) -> Vec<MismatchSum<'_>> {
        let mut sums: BTreeMap<(&str, &str), MismatchSum<'_>> = BTreeMap::new();
        for mismatch in &self.mismatches {
            let sum = sums
                .entry((&mismatch.what, &mismatch.why))
                .or_insert(MismatchSum {
                    most: mismatch,
                    places: 0,
                    count: 0,
                });
            sum.places += 1;
            sum.count += mismatch.count;
            if mismatch.count > sum.most.count {
                sum.most = mismatch;
            }
        }
        let mut rows: Vec<_> = sums.into_values().collect();
        rows.sort_by_key(|row| Reverse(row.count));
        rows
    }

    /// What a loop is called: after the line at which it is entered.
    pub(crate) fn loop_name(&self, number: usize) -> String {
        let Some(found) = self.loops.get(number) else {
            return "loop".to_owned();
        };
        match self.line_of(found.header) {
            Some(line) => format!("loop {}", line.place()),
            None => format!("loop insn {}", found.header),
        }
    }

    /// A function's name.
    pub(crate) fn function_name(&self, function: usize) -> &str {
        self.functions.get(function).map_or("?", String::as_str)
    }
}

/// The rows with most instructions first; equal ones keep their order.
fn most_first<T>(mut rows: Vec<T>, cost: impl Fn(&T) -> Cost) -> Vec<T> {
    rows.sort_by(|a, b| {
        let (a, b) = (cost(a), cost(b));
        (b.insns, b.misses).cmp(&(a.insns, a.misses))
    });
    rows
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `main` with a loop (insns 1 to 3) that calls `callee` (insns 5 and 6) at insn 2.
    pub(crate) fn example() -> Profile {
        let line = |line, text: &str| SourceLine {
            file: "a.c".into(),
            line,
            text: text.into(),
        };
        let site = |function, line, in_loop| Site {
            function,
            line: Some(line),
            in_loop,
        };
        let sample = |chain, insn, insns, misses| Sample {
            chain,
            insn,
            cost: Cost {
                insns,
                misses,
                ..Cost::default()
            },
        };
        Profile {
            functions: vec!["main".into(), "callee".into()],
            lines: vec![
                line(1, "x = 0;"),
                line(2, "while (x < 9 && y > 8)"),
                line(7, "return 1;"),
            ],
            shown: vec![1, 30, 10],
            loops: vec![Loop {
                parent: None,
                header: 1,
                range: (1, 3),
            }],
            sites: vec![
                site(0, 0, None),
                site(0, 1, Some(0)),
                site(0, 1, Some(0)),
                site(0, 1, Some(0)),
                site(0, 0, None),
                site(1, 2, None),
                site(1, 2, None),
            ],
            chains: vec![
                Chain {
                    caller: None,
                    function: 0,
                },
                Chain {
                    caller: Some((0, 2)),
                    function: 1,
                },
            ],
            samples: vec![
                sample(0, 0, 1, 0),
                sample(0, 1, 10, 9),
                sample(0, 2, 10, 0),
                sample(0, 3, 10, 0),
                sample(0, 4, 1, 0),
                sample(1, 5, 10, 0),
                sample(1, 6, 10, 0),
            ],
            mismatches: vec![Mismatch {
                insn: 1,
                what: "r1 of frame 0".into(),
                why: "outside the explored range".into(),
                example: "1, was 0".into(),
                count: 9,
            }],
        }
    }

    #[test]
    fn sums() {
        let profile = example();
        assert_eq!(profile.total().insns, 52);
        let functions = profile.by_function();
        let rows: Vec<_> = functions
            .iter()
            .map(|f| (f.function, f.own.insns, f.total.insns))
            .collect();
        assert_eq!(rows, [(0, 32, 52), (1, 20, 20)]);
        let loops = profile.by_loop();
        assert_eq!((loops[0].turns, loops[0].cost.insns, loops.len()), (10, 50, 1));
        let lines: Vec<_> = profile.by_line().iter().map(|l| (l.line, l.cost.insns)).collect();
        assert_eq!(lines, [(Some(1), 30), (Some(2), 20), (Some(0), 2)]);
        assert_eq!(profile.by_shown()[0].1, 30);
        assert_eq!(profile.by_reason()[0].count, 9);
    }
}
