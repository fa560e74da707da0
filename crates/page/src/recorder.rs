//! Listening to a verification: each step, and what it changed.
//!
//! A row is the state before an instruction. What it has otherwise than the row before it on its path is found by
//! comparison with that one, whose content is kept by reference.

use std::collections::BTreeMap;
use std::rc::Rc;

use verdict_engine::index::{Idx, Spi};
use verdict_engine::observer::{Event, Observer};
use verdict_engine::state::{Frame, REGS, Slot, State};
use verdict_kernel::Kernel;
use verdict_log::Values;
use verdict_syscall::Prog;

use crate::held::held_text;
use crate::listing::{is_store, written_by};
use crate::texts::{NOTHING, Texts};
use crate::walk::{End, Precise, Walk, place};

/// Which steps are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Those of all paths.
    Walk,
    /// Those of the path that is walked: when the walk goes back to a fork, what lies behind it is forgotten.
    Path,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The number of the first row that is kept.
    pub first: u32,
    /// Most rows.
    pub rows: u32,
}

impl Limits {
    /// For a page that shows one program.
    pub const WALK: Limits = Limits {
        first: 0,
        rows: 1 << 18,
    };
    /// For one of many programs on a page.
    pub const PATH: Limits = Limits {
        first: 0,
        rows: 1 << 15,
    };
    /// Most rows of all programs of a page.
    pub const PAGE_ROWS: u32 = 1 << 20;
}

/// Most changes that are kept: eight bytes each.
const MAX_CHANGES: usize = 1 << 22;
/// Most bytes of texts of values.
const MAX_TEXTS: usize = 32 << 20;
/// Longest words of the kernel that are kept, and most bytes of them in all.
const MAX_WORDS: usize = 4 << 10;
const MAX_ALL_WORDS: usize = 512 << 10;

/// No row.
const NONE: u32 = u32::MAX;

/// A listener that keeps steps. What it takes is bounded: by [`Limits::rows`] times 80 bytes, 32 MiB of changes and as many
/// of texts, and what backtracking and forks hold of each row.
pub struct Recorder<'a> {
    prog: &'a Prog,
    values: Values<'a>,
    keep: Keep,
    limits: Limits,
    steps: Vec<Step>,
    changes: Vec<Change>,
    texts: Texts,
    /// Rows so far: on the path that is walked, or in all.
    rows: u32,
    /// Instructions processed so far.
    insns: u32,
    /// Nothing more is kept.
    full: bool,
    /// How many steps there were when that was so last.
    full_at: usize,
    /// The row that the next one follows on its path, with its content.
    last: Position,
    forks: Vec<(u32, Position)>,
    /// Slots of the executing frame that the instruction touched.
    touched: u64,
    /// What the next row will have.
    upcoming: Upcoming,
    /// The row that backtracking has come to.
    cursor: Option<u32>,
    precise: BTreeMap<(u32, u8), Mark>,
    words: Vec<(u32, String)>,
    words_bytes: usize,
    prune_points: Vec<u32>,
    text: String,
}

/// A row.
#[derive(Clone, Copy)]
struct Step {
    insn: u32,
    /// The processed instruction that it is, from 1.
    nr: u32,
    /// The row before it on its path.
    prev: u32,
    /// The end of its changes.
    changes: u32,
    /// How many instructions were looked at on its behalf.
    back: u32,
    misses: u32,
    frame: u8,
    checkpoint: bool,
    pruned: bool,
}

#[derive(Clone, Copy)]
struct Change {
    place: u16,
    text: u32,
}

/// A place in the walk.
#[derive(Clone)]
struct Position {
    /// The row, if it is kept.
    row: u32,
    frames: Vec<Rc<Frame>>,
    held: Rc<str>,
}

impl Position {
    /// Where nothing was executed.
    fn entry() -> Position {
        Position {
            row: NONE,
            frames: Vec::new(),
            held: Rc::from(""),
        }
    }
}

#[derive(Default)]
struct Upcoming {
    checkpoint: bool,
    misses: u32,
    back: u32,
}

#[derive(Default)]
struct Mark {
    regs: u32,
    slots: u64,
    by: u32,
}

impl<'a> Recorder<'a> {
    /// A listener to the verification of this program.
    pub fn new(kernel: &'a Kernel, prog: &'a Prog, keep: Keep, limits: Limits) -> Recorder<'a> {
        Recorder {
            prog,
            values: Values::new(kernel, prog),
            keep,
            limits,
            steps: Vec::new(),
            changes: Vec::new(),
            texts: Texts::default(),
            rows: 0,
            insns: 0,
            full: false,
            full_at: 0,
            last: Position::entry(),
            forks: Vec::new(),
            touched: 0,
            upcoming: Upcoming::default(),
            cursor: None,
            precise: BTreeMap::new(),
            words: Vec::new(),
            words_bytes: 0,
            prune_points: Vec::new(),
            text: String::new(),
        }
    }

    /// Whether the next row is kept.
    fn keeps(&self) -> bool {
        let kept = self.steps.len();
        !self.full
            && (kept as u32) < self.limits.rows
            && self.rows.checked_sub(self.limits.first) == Some(kept as u32)
    }

    /// A row that is kept.
    fn step(&self, row: u32) -> Option<&Step> {
        self.steps.get(row.checked_sub(self.limits.first)? as usize)
    }

    fn step_mut(&mut self, row: u32) -> Option<&mut Step> {
        self.steps.get_mut(row.checked_sub(self.limits.first)? as usize)
    }

    /// A row: the state before an instruction, or where a path ends.
    fn row(&mut self, state: &State, insn: u32, pruned: bool) {
        self.insns += 1;
        let upcoming = std::mem::take(&mut self.upcoming);
        let touched = std::mem::take(&mut self.touched);
        let held = held_text(state);
        let kept = self.keeps();
        if kept {
            let mut before = std::mem::replace(&mut self.last, Position::entry());
            if before.row == NONE {
                // What it follows is not here: it has everything otherwise.
                before = Position::entry();
            }
            self.record_changes(state, &before, touched);
            if *before.held != *held {
                let text = self.texts.number(&held);
                self.push(place::HELD, text);
            }
            self.steps.push(Step {
                insn,
                nr: self.insns,
                prev: before.row,
                changes: self.changes.len() as u32,
                back: upcoming.back,
                misses: upcoming.misses,
                frame: state.curframe().0 as u8,
                checkpoint: upcoming.checkpoint,
                pruned,
            });
            self.last.held = if *before.held == *held {
                before.held
            } else {
                held.into()
            };
        } else {
            self.last.held = held.into();
        }
        self.last.row = if kept { self.rows } else { NONE };
        self.last.frames.clear();
        self.last
            .frames
            .extend(state.frames.iter().map(|slot| Rc::clone(&slot.body)));
        self.rows += 1;
        if kept && (self.changes.len() > MAX_CHANGES || self.texts.bytes() > MAX_TEXTS) {
            self.make_room();
        }
    }

    /// Forgets texts of paths that were left; if that does not help, nothing more is kept.
    fn make_room(&mut self) {
        self.texts
            .retain(self.changes.iter_mut().map(|change| &mut change.text));
        self.full = self.changes.len() > MAX_CHANGES || self.texts.bytes() > MAX_TEXTS / 2;
        self.full_at = self.steps.len();
    }

    fn push(&mut self, place: u16, text: u32) {
        self.changes.push(Change { place, text });
    }

    /// Writes down what the state has otherwise than where the walk was before; written anew is otherwise, too.
    fn record_changes(&mut self, state: &State, before: &Position, touched: u64) {
        let (mut written, mut stored, mut executing) = (0, 0, None);
        if let Some(step) = self.step(before.row) {
            let frame = usize::from(step.frame);
            written = written_by(self.prog, step.insn);
            // Slots count as touched by what reads them, too.
            stored = if is_store(self.prog, step.insn) {
                touched
            } else {
                0
            };
            executing = (frame < state.frames.len()).then_some(frame);
        }
        for (no, slot) in state.frames.enumerated() {
            let no = no.index();
            let frame = &slot.body;
            let old = before.frames.get(no);
            let here = executing == Some(no);
            if old.is_some_and(|old| Rc::ptr_eq(old, frame)) && !here {
                continue;
            }
            let old = old.map(|old| &**old);
            self.registers(no, frame, old, if here { written } else { 0 });
            self.slots(no, frame, old, if here { stored } else { 0 });
        }
    }

    fn registers(&mut self, no: usize, frame: &Frame, old: Option<&Frame>, written: u16) {
        for (at, reg) in frame.regs.iter().enumerate().take(REGS) {
            let anew = written >> at & 1 != 0 && !reg.is_not_init();
            let before = old.and_then(|old| old.regs.iter().nth(at));
            if !anew && before.map_or(reg.is_not_init(), |before| before.shows_as(reg)) {
                continue;
            }
            self.text.clear();
            self.values.register(&mut self.text, frame, reg);
            let text = self.texts.number(&self.text);
            self.push(place::reg(no, at), text);
        }
    }

    fn slots(&mut self, no: usize, frame: &Frame, old: Option<&Frame>, touched: u64) {
        if touched == 0 && old.is_some_and(|old| old.stack.same(&frame.stack)) {
            return;
        }
        let len = frame.stack.len().max(old.map_or(0, |old| old.stack.len()));
        for at in 0..len {
            let spi = Spi::new(at);
            let of = |frame: &Frame| frame.stack.get(spi).cloned().unwrap_or(Slot::GONE);
            let slot = of(frame);
            if !spi.is_in(touched) && same_slot(&old.map_or(Slot::GONE, of), &slot) {
                continue;
            }
            let Some(place) = place::slot(no, at) else { return };
            self.text.clear();
            self.values.slot(&mut self.text, frame, spi);
            let text = self.texts.number(&self.text);
            self.push(place, text);
        }
    }

    /// Goes back to the newest fork.
    fn rewind(&mut self) {
        let Some((rows, position)) = self.forks.pop() else {
            return;
        };
        self.touched = 0;
        self.last = position;
        if self.keep == Keep::Walk {
            return;
        }
        self.rows = rows;
        let kept = rows.saturating_sub(self.limits.first) as usize;
        self.steps.truncate(kept);
        let changes = self.steps.last().map_or(0, |step| step.changes as usize);
        self.changes.truncate(changes);
        // A path that is much shorter has room again. To look costs as much as what is kept.
        if self.full && kept <= self.full_at / 2 {
            self.make_room();
        }
        let _ = self.precise.split_off(&(rows, 0));
        while let Some((_, text)) = self.words.pop_if(|(row, _)| *row >= rows) {
            self.words_bytes -= text.len();
        }
    }

    /// What is noted is forgotten: another function's walk begins, of which there is but one path.
    fn restart(&mut self) {
        self.last = Position::entry();
        self.forks.clear();
        self.touched = 0;
        self.upcoming = Upcoming::default();
        if self.keep == Keep::Path {
            self.rows = 0;
            self.full = false;
            self.steps.clear();
            self.changes.clear();
            self.precise.clear();
            self.words.clear();
            self.words_bytes = 0;
        }
    }

    /// Backtracking begins at an instruction: the one that is executed, or one that will be next.
    fn begin_back(&mut self, idx: u32) {
        let last = self.last.row;
        let executing = self.step(last).is_some_and(|step| step.insn == idx);
        self.cursor = Some(if executing { last } else { self.rows });
    }

    /// Numbers are relied upon between an instruction and the place that backtracking has come to.
    fn went_back(&mut self, frame: usize, regs: u32, slots: u64, idx: Option<u32>) {
        let Some(row) = self.cursor else { return };
        let prev = match self.step(row) {
            Some(step) => step.prev,
            None => self.last.row,
        };
        if (regs != 0 || slots != 0) && row >= self.limits.first {
            let by = self.insns + u32::from(row == self.rows);
            let marked = self.precise.entry((row, frame as u8)).or_default();
            if marked.regs == 0 && marked.slots == 0 {
                marked.by = by;
            }
            marked.regs |= regs;
            marked.slots |= slots;
        }
        let Some(idx) = idx else { return };
        let last = self.last.row;
        match self.step_mut(last) {
            Some(step) if row <= last => step.back += 1,
            _ => self.upcoming.back += 1,
        }
        self.cursor = self
            .step(prev)
            .is_some_and(|step| step.insn == idx)
            .then_some(prev);
    }

    fn hear(&mut self, text: std::fmt::Arguments<'_>) {
        let mut text = text.to_string();
        if let Some((cut, _)) = text.char_indices().nth(MAX_WORDS) {
            text.truncate(cut);
        }
        if self.words_bytes + text.len() > MAX_ALL_WORDS {
            return;
        }
        self.words_bytes += text.len();
        let row = self.rows.saturating_sub(1);
        match self.words.last_mut() {
            Some((last, words)) if *last == row => words.push_str(&text),
            _ => self.words.push((row, text)),
        }
    }

    /// What was kept.
    pub fn finish(mut self) -> Walk {
        self.texts
            .retain(self.changes.iter_mut().map(|change| &mut change.text));
        let first = self.limits.first;
        let kept = first + self.steps.len() as u32;
        let mut walk = Walk {
            path: self.keep == Keep::Path,
            first,
            rows: self.rows,
            end: match (kept < self.rows, self.full) {
                (false, _) => End::Whole,
                (true, false) => End::Rows,
                (true, true) => End::Changes,
            },
            texts: self.texts.into_list(),
            words: self.words,
            prune_points: self.prune_points,
            ..Walk::default()
        };
        walk.words.retain(|(_, text)| !text.trim().is_empty());
        walk.precise = precise_columns(self.precise, kept);
        let (mut nr, mut insn, mut changes) = (0, 0, 0);
        for (row, step) in (first..).zip(&self.steps) {
            walk.nr.push(step.nr - nr);
            walk.insn.push(i64::from(step.insn) - insn);
            walk.changes.push(step.changes - changes);
            walk.frame.push(step.frame);
            (nr, insn, changes) = (step.nr, step.insn.into(), step.changes);
            if step.prev == NONE || step.prev + 1 != row {
                let prev = if step.prev == NONE { -1 } else { step.prev.into() };
                walk.starts.push((row, prev));
            }
            let count = |list: &mut Vec<(u32, u32)>, n: u32| {
                if n != 0 {
                    list.push((row, n));
                }
            };
            count(&mut walk.misses, step.misses);
            count(&mut walk.back, step.back);
            walk.checkpoints.extend(step.checkpoint.then_some(row));
            walk.pruned.extend(step.pruned.then_some(row));
        }
        let mut newest = NOTHING;
        for change in &self.changes {
            walk.places.push(change.place);
            let back = newest.checked_sub(change.text).map_or(0, |back| back + 1);
            walk.values.push(back);
            newest = newest.max(change.text);
        }
        walk
    }
}

/// Marks of the rows that are kept.
fn precise_columns(marks: BTreeMap<(u32, u8), Mark>, kept: u32) -> Precise {
    let mut columns = Precise::default();
    let mut numbers = BTreeMap::new();
    let (mut last, mut last_by) = (0, 0);
    for ((row, frame), mark) in marks.into_iter().filter(|((row, _), _)| *row < kept) {
        let set = (frame, mark.regs, mark.slots as u32, (mark.slots >> 32) as u32);
        let number = *numbers.entry(set).or_insert_with(|| {
            columns.sets.push(set);
            columns.sets.len() as i64 - 1
        });
        columns.row.push(row - last);
        columns.set.push(number);
        columns.by.push(i64::from(mark.by) - last_by);
        (last, last_by) = (row, mark.by.into());
    }
    columns
}

fn same_slot(a: &Slot, b: &Slot) -> bool {
    let shared = || match (&a.spill, &b.spill) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    };
    a.types == b.types && (shared() || !a.is_special() || a.reg().shows_as(b.reg()))
}

impl Observer for Recorder<'_> {
    /// What backtracking finds again matters no more when nothing more is kept.
    fn hears(&self, _: u8) -> bool {
        self.last.row != NONE || self.keeps()
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::FunctionStart { .. } => self.restart(),
            Event::Insn { state, idx, .. } => self.row(state, idx, false),
            Event::Pruned { state, idx, .. } => self.row(state, idx, true),
            Event::Checkpoint { .. } => self.upcoming.checkpoint = true,
            Event::Miss { .. } => self.upcoming.misses += 1,
            Event::Push { .. } => self.forks.push((self.rows, self.last.clone())),
            Event::Pop => self.rewind(),
            Event::Slot(spi) => self.touched |= spi.bit(),
            Event::Map { map } => self.values.add_map(map),
            Event::PrunePoints { insns } => self.prune_points = insns.to_vec(),
            Event::Text { level: 0 | 1, text } => self.hear(text),
            Event::PreciseBegin { idx } => self.begin_back(idx),
            Event::PreciseInsn {
                frame,
                regs,
                slots,
                idx,
            } => self.went_back(frame.index(), regs, slots, Some(idx)),
            Event::PreciseParent {
                frame, regs, slots, ..
            }
            | Event::PreciseMarked {
                frame, regs, slots, ..
            } => self.went_back(frame.index(), regs, slots, None),
            _ => {}
        }
    }
}
