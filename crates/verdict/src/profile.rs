//! Where the cost of a verification is: a listener that counts.

mod loops;
mod reasons;

use std::collections::BTreeMap;

use verdict_engine::observer::{Event, Observer};
use verdict_engine::state::State;
use verdict_engine::{Outcome, Verdict, verify};
use verdict_isa::pseudo;
use verdict_report::Record;
use verdict_report::profile::{Chain, Cost, Profile, Sample, Site, SourceLine};
use verdict_syscall::Prog;

use reasons::Reasons;

use crate::OpenObject;

/// A program's record, and where the cost of its verification is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profiled {
    /// Verdict and figures.
    pub record: Record,
    /// The costs, if the program got as far as its verification.
    pub profile: Option<Profile>,
}

impl OpenObject<'_> {
    /// Loads one program, as if it were the only one of the object, and counts what its verification does
    /// where.
    pub(crate) fn profile(&self, index: usize) -> Profiled {
        let mut profile = None;
        let loaded = self.load(index, &mut |kernel, prog| {
            let mut profiler = Profiler::new(prog);
            let outcome = verify(kernel, prog, &mut profiler);
            profile = Some(profiler.finish(prog, &outcome));
            outcome
        });
        let stats = loaded.outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let program = self.program_name(index);
        let mut record = loaded
            .end
            .record(self.name(), program, &loaded.facts, &stats, Some(0));
        record.assumed = self.assumptions();
        Profiled { record, profile }
    }
}

/// Most chains of calls that are told apart: no program that is verified in full has as many.
const MAX_CHAINS: usize = 1 << 16;

/// A listener that counts what happens where.
pub struct Profiler {
    sites: Vec<Site>,
    lines: Vec<SourceLine>,
    shown: Vec<u64>,
    /// The line that the log has shown last.
    last_shown: Option<usize>,
    chains: Vec<Chain>,
    /// Chains by caller's chain, calling instruction and function.
    by_call: BTreeMap<(Option<usize>, Option<u32>, usize), usize>,
    /// Calling instruction and function of each frame when the chain was last looked for, and that chain.
    last: (Vec<(Option<u32>, u32)>, usize),
    costs: BTreeMap<(usize, u32), Cost>,
    reasons: Reasons,
    insns: u64,
    functions: Vec<String>,
    /// First instructions of the functions.
    starts: Vec<u32>,
}

impl Profiler {
    /// A listener to the verification of this program.
    pub fn new(prog: &Prog) -> Profiler {
        let starts = function_starts(prog);
        let functions = (0..starts.len())
            .map(|f| function_name(prog, &starts, f))
            .collect();
        let (lines, line_of) = source_lines(prog);
        let site = |insn: u32| Site {
            function: function_at(&starts, insn),
            line: line_of.get(insn as usize).copied().flatten(),
            in_loop: None,
        };
        Profiler {
            sites: (0..prog.insns.len() as u32).map(site).collect(),
            shown: vec![0; lines.len()],
            lines,
            last_shown: None,
            chains: Vec::new(),
            by_call: BTreeMap::new(),
            last: (Vec::new(), 0),
            costs: BTreeMap::new(),
            reasons: Reasons::default(),
            insns: 0,
            functions,
            starts,
        }
    }

    /// What was counted. `outcome` is that of the verification that was listened to.
    pub fn finish(mut self, prog: &Prog, outcome: &Outcome) -> Profile {
        // An instruction that ends the verification before it is executed is counted all the same.
        let rest = u64::from(outcome.stats.insns).saturating_sub(self.insns);
        if let (Verdict::Rejected(rejected), 1..) = (&outcome.verdict, rest) {
            let insn = rejected.insn.unwrap_or(0);
            let function = function_at(&self.starts, insn);
            let chain = match self.chains.get(self.last.1) {
                Some(chain) if chain.function == function => self.last.1,
                _ => self.chain(None, None, function),
            };
            self.costs.entry((chain, insn)).or_default().insns += rest;
        }
        let (loops, innermost) = loops::find(&prog.insns, &self.starts);
        for (site, in_loop) in self.sites.iter_mut().zip(innermost) {
            site.in_loop = in_loop;
        }
        let samples = self
            .costs
            .iter()
            .map(|(&(chain, insn), &cost)| Sample { chain, insn, cost });
        Profile {
            samples: samples.collect(),
            mismatches: self.reasons.finish(),
            functions: self.functions,
            lines: self.lines,
            shown: self.shown,
            loops,
            sites: self.sites,
            chains: self.chains,
        }
    }

    /// The chain of calls that a state is in.
    fn chain_of(&mut self, state: &State) -> usize {
        let frames = || {
            state
                .frames
                .iter()
                .map(|f| (f.body.callsite.map(u32::from), f.body.subprogno.0))
        };
        if !self.last.0.is_empty() && frames().eq(self.last.0.iter().copied()) {
            return self.last.1;
        }
        let mut chain = None;
        for (callsite, subprog) in frames() {
            chain = Some(self.chain(chain, callsite, subprog as usize));
        }
        self.last = (frames().collect(), chain.unwrap_or(0));
        self.last.1
    }

    fn chain(&mut self, caller: Option<usize>, callsite: Option<u32>, function: usize) -> usize {
        // Beyond the limit a call starts a chain of its own.
        let full = self.chains.len() >= MAX_CHAINS;
        let (caller, callsite) = if full { (None, None) } else { (caller, callsite) };
        *self
            .by_call
            .entry((caller, callsite, function))
            .or_insert_with(|| {
                let insn = callsite.unwrap_or(0);
                self.chains.push(Chain {
                    caller: caller.map(|caller| (caller, insn)),
                    function,
                });
                self.chains.len() - 1
            })
    }

    fn cost(&mut self, state: &State, idx: u32) -> &mut Cost {
        let chain = self.chain_of(state);
        self.costs.entry((chain, idx)).or_default()
    }

    /// Counts a line as the log does: when another one was shown last.
    fn show(&mut self, idx: u32) {
        let line = self.sites.get(idx as usize).and_then(|site| site.line);
        if line.is_none() || line == self.last_shown {
            return;
        }
        self.last_shown = line;
        if let Some(count) = line.and_then(|line| self.shown.get_mut(line)) {
            *count += 1;
        }
    }
}

impl Observer for Profiler {
    fn hears(&self, _: u8) -> bool {
        false
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Insn { state, idx, .. } => {
                self.insns += 1;
                self.cost(state, idx).insns += 1;
                self.show(idx);
            }
            Event::Pruned { state, idx, .. } => {
                self.insns += 1;
                let cost = self.cost(state, idx);
                cost.insns += 1;
                cost.hits += 1;
            }
            Event::Checkpoint { state, idx } => self.cost(state, idx).states += 1,
            Event::Miss {
                state,
                explored,
                idx,
                reason,
            } => {
                self.cost(state, idx).misses += 1;
                self.reasons.count(idx, reason, explored, state);
            }
            Event::SourceLine { idx, .. } => self.show(idx),
            Event::FunctionStart { .. } => self.last_shown = None,
            _ => {}
        }
    }
}

/// First instructions of all functions: those with records, and those that are called.
fn function_starts(prog: &Prog) -> Vec<u32> {
    let mut starts = vec![0];
    starts.extend(prog.func_info.iter().map(|f| f.insn_off));
    for (idx, insn) in (0u32..).zip(&prog.insns) {
        let next = prog.insns.get(idx as usize + 1);
        let is_call = insn.code == 0x85 && insn.src == pseudo::CALL;
        let is_address = insn.code == 0x18 && insn.src == pseudo::FUNC && next.is_some();
        if is_call || is_address {
            starts.push(idx.wrapping_add(1).wrapping_add(insn.imm as u32));
        }
    }
    starts.retain(|start| (*start as usize) < prog.insns.len().max(1));
    starts.sort_unstable();
    starts.dedup();
    starts
}

fn function_at(starts: &[u32], insn: u32) -> usize {
    starts.partition_point(|start| *start <= insn).saturating_sub(1)
}

fn function_name(prog: &Prog, starts: &[u32], function: usize) -> String {
    let start = starts.get(function).copied().unwrap_or(0);
    let record = prog.func_info.iter().find(|f| f.insn_off == start);
    let name = record
        .zip(prog.btf.as_ref())
        .and_then(|(record, loaded)| Some(loaded.btf.ty(record.type_id)?.name().to_owned()));
    match name {
        Some(name) if !name.is_empty() => name,
        _ if function == 0 => prog.name.clone(),
        _ => format!("func#{function}"),
    }
}

/// The source lines, each once, and for each instruction its own.
fn source_lines(prog: &Prog) -> (Vec<SourceLine>, Vec<Option<usize>>) {
    let mut lines = Vec::new();
    let mut of_insn = vec![None; prog.insns.len()];
    let Some(loaded) = &prog.btf else {
        return (lines, of_insn);
    };
    let mut known: BTreeMap<(u32, u32, u32), usize> = BTreeMap::new();
    let mut records = prog.line_info.iter().peekable();
    let mut current = None;
    for (insn, slot) in (0u32..).zip(&mut of_insn) {
        while let Some(record) = records.next_if(|r| r.insn_off <= insn) {
            let key = (record.file_name_off, record.line(), record.line_off);
            current = Some(*known.entry(key).or_insert_with(|| {
                let path = loaded.btf.name(record.file_name_off);
                lines.push(SourceLine {
                    file: path.rsplit('/').next().unwrap_or(path).to_owned(),
                    line: record.line(),
                    text: loaded.btf.name(record.line_off).to_owned(),
                });
                lines.len() - 1
            }));
        }
        *slot = current;
    }
    (lines, of_insn)
}
