//! The failing path as data: which instructions were executed on it, and what each of them changed.
//!
//! A listener ([`Recorder`]) writes down, for the path that is being walked, every instruction and the registers and slots
//! that differ after it. When the walk goes back to a pending path, it takes back what was written since the fork. What is
//! left when a program is rejected is the failing path.

use std::sync::Arc;

use verdict_engine::index::{Idx, Spi};
use verdict_engine::observer::{Event, Observer};
use verdict_engine::state::{MAX_FRAMES, REGS, Reg, State};
use verdict_isa::{Call, Op, decode};
use verdict_syscall::{Map, Prog};

/// Most instructions of a path that are kept; what comes behind them is not.
const MAX_STEPS: usize = 1 << 18;
/// Slots of a frame that are kept.
const SLOTS: usize = 64;
/// Places of a frame: registers, and slots behind them.
const PLACES: usize = REGS + SLOTS;

/// A register or stack slot of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The frame, 0 the outermost.
    pub frame: u8,
    /// The register's number, or behind the registers the slot's.
    at: u8,
}

impl Place {
    /// A register.
    pub const fn reg(frame: u8, reg: u8) -> Place {
        Place { frame, at: reg }
    }

    /// A slot, if it is one that is kept.
    pub fn slot(frame: u8, spi: Spi) -> Option<Place> {
        let at = u8::try_from(spi.index().checked_add(REGS)?).ok()?;
        (usize::from(at) < PLACES).then_some(Place { frame, at })
    }

    /// Its number among all places of all frames.
    fn number(self) -> usize {
        usize::from(self.frame) * PLACES + usize::from(self.at)
    }

    /// The number of the register, if it is one.
    pub const fn register(self) -> Option<u8> {
        if (self.at as usize) < REGS {
            Some(self.at)
        } else {
            None
        }
    }

    /// The slot's offset from the frame pointer, if it is one.
    pub fn offset(self) -> Option<i32> {
        let spi = usize::from(self.at).checked_sub(REGS)?;
        Some(Spi::new(spi).off())
    }

    /// `r6`, `fp-8`.
    pub fn name(self) -> String {
        match (self.register(), self.offset()) {
            (_, Some(offset)) => format!("fp{offset}"),
            (reg, None) => format!("r{}", reg.unwrap_or(0)),
        }
    }
}

/// An executed instruction.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The instruction; none where the function begins.
    pub insn: Option<u32>,
    /// The frame that executed it.
    pub frame: u8,
}

/// What an instruction changed.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// The register or slot.
    pub place: Place,
    /// What it holds from then on.
    pub value: Reg,
    /// The step that wrote it.
    pub step: usize,
    /// The write of the same place before.
    before: Option<u32>,
}

/// Where a pending path was split off.
#[derive(Clone, Copy)]
struct Fork {
    steps: usize,
    skipped: usize,
    writes: usize,
}

/// A listener that keeps the path that is being walked.
pub struct Recorder {
    steps: Vec<Step>,
    /// Instructions behind the last one that is kept.
    skipped: usize,
    writes: Vec<Write>,
    /// The last write of each place.
    last: Vec<[Option<u32>; PLACES]>,
    forks: Vec<Fork>,
    /// Slots of the executing frame that the instruction touched.
    touched: Vec<Spi>,
    maps: Vec<Arc<Map>>,
    /// The register that each instruction gives a new value, which may look like the old one.
    defines: Vec<Option<u8>>,
}

impl Recorder {
    /// A listener to the verification of a program.
    pub fn of(prog: &Prog) -> Recorder {
        let ops = prog.insns.iter().zip(1..);
        let defines = ops.map(|(insn, next)| match decode(insn, prog.insns.get(next)) {
            Ok(Op::Alu(alu)) => Some(alu.dst()),
            Ok(Op::Load(load)) => Some(load.dst),
            Ok(Op::LdImm64(load)) => Some(load.dst),
            Ok(Op::Atomic(atomic)) => atomic.loaded(),
            Ok(Op::LdPacket(_) | Op::Call(Call::Helper { .. } | Call::Kfunc { .. })) => Some(0),
            _ => None,
        });
        Recorder {
            steps: vec![ENTRY],
            skipped: 0,
            writes: Vec::new(),
            last: vec![[None; PLACES]; MAX_FRAMES],
            forks: Vec::new(),
            touched: Vec::new(),
            maps: Vec::new(),
            defines: defines.collect(),
        }
    }
}

/// What stands before the first instruction: it writes what the function is given.
const ENTRY: Step = Step { insn: None, frame: 0 };

impl Recorder {
    /// The path that was walked last.
    pub fn finish(self) -> Recording {
        let mut by_place = vec![Vec::new(); MAX_FRAMES * PLACES];
        for (at, write) in self.writes.iter().enumerate() {
            if let Some(writes) = by_place.get_mut(write.place.number()) {
                writes.push(at as u32);
            }
        }
        Recording {
            whole: self.skipped == 0,
            steps: self.steps,
            writes: self.writes,
            by_place,
            maps: self.maps,
        }
    }

    fn restart(&mut self) {
        self.steps.clear();
        self.steps.push(ENTRY);
        self.writes.clear();
        self.skipped = 0;
        self.last.fill([None; PLACES]);
        self.forks.clear();
        self.touched.clear();
    }

    /// Takes back what was written since the newest fork.
    fn rewind(&mut self) {
        let Some(fork) = self.forks.pop() else {
            return;
        };
        self.touched.clear();
        self.steps.truncate(fork.steps);
        self.skipped = fork.skipped;
        while self.writes.len() > fork.writes {
            let Some(undone) = self.writes.pop() else { return };
            if let Some(last) = self.last_of(undone.place) {
                *last = undone.before;
            }
        }
    }

    fn last_of(&mut self, place: Place) -> Option<&mut Option<u32>> {
        self.last
            .get_mut(usize::from(place.frame))?
            .get_mut(usize::from(place.at))
    }

    /// Writes down what the last step has changed.
    fn settle(&mut self, state: &State) {
        let frame = state.curframe().0 as u8;
        let Some(step) = self.steps.len().checked_sub(1) else {
            return;
        };
        let from = self.steps.get(step).map_or(0, |step| step.frame);
        let body = state.frame();
        if frame > from || self.steps.len() == 1 {
            // A new frame: what another function left in its place is gone.
            for at in REGS..PLACES {
                let place = Place { frame, at: at as u8 };
                if self.last_of(place).is_some_and(|last| last.is_some()) {
                    self.write(place, Reg::NOT_INIT, step);
                }
            }
            self.touched.clear();
        }
        let insn = self.steps.get(step).and_then(|step| step.insn);
        let defined = insn
            .filter(|_| frame == from)
            .and_then(|insn| *self.defines.get(insn as usize)?);
        for (reg, value) in body.regs.iter().enumerate().take(REGS - 1) {
            let place = Place::reg(frame, reg as u8);
            if defined == Some(reg as u8) || !self.holds(place, value) {
                self.write(place, *value, step);
            }
        }
        for spi in std::mem::take(&mut self.touched) {
            let slot = state.frames.get(verdict_engine::index::FrameNo::from(from));
            let Some(slot) = slot.and_then(|frame| frame.body.stack.get(spi)) else {
                continue;
            };
            if let Some(place) = Place::slot(from, spi) {
                let value = if slot.is_spill() {
                    *slot.reg()
                } else {
                    Reg::UNKNOWN
                };
                self.write(place, value, step);
            }
        }
    }

    fn holds(&mut self, place: Place, value: &Reg) -> bool {
        let last = self.last_of(place).and_then(|last| *last);
        match last.and_then(|at| self.writes.get(at as usize)) {
            None => value.is_not_init(),
            Some(write) => write.value.shows_as(value),
        }
    }

    fn write(&mut self, place: Place, value: Reg, step: usize) {
        let at = self.writes.len() as u32;
        let Some(last) = self.last_of(place) else { return };
        let before = last.replace(at);
        self.writes.push(Write {
            place,
            value,
            step,
            before,
        });
    }
}

impl Observer for Recorder {
    const MISSES: bool = false;

    /// Nothing of backtracking.
    fn hears(&self, _: u8) -> bool {
        false
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::FunctionStart { .. } => self.restart(),
            Event::Insn { state, idx, .. } => {
                if self.steps.len() >= MAX_STEPS {
                    self.skipped += 1;
                    return;
                }
                self.settle(state);
                self.steps.push(Step {
                    insn: Some(idx),
                    frame: state.curframe().0 as u8,
                });
            }
            Event::Push { .. } => self.forks.push(Fork {
                steps: self.steps.len(),
                skipped: self.skipped,
                writes: self.writes.len(),
            }),
            Event::Pop => self.rewind(),
            Event::Slot(spi) => self.touched.push(spi),
            Event::Map { map } => self.maps.push(Arc::clone(map)),
            _ => {}
        }
    }
}

/// The failing path.
pub struct Recording {
    /// Whether it is kept to its end.
    pub whole: bool,
    /// Its instructions, behind one that stands for its beginning.
    pub steps: Vec<Step>,
    writes: Vec<Write>,
    /// The writes of each place, in order.
    by_place: Vec<Vec<u32>>,
    /// Maps, by their numbers in registers.
    pub maps: Vec<Arc<Map>>,
}

impl Recording {
    /// The write that gave a place what it holds before a step.
    pub fn before(&self, place: Place, step: usize) -> Option<&Write> {
        let writes = self.by_place.get(place.number())?;
        let step_of = |at: &u32| {
            self.writes
                .get(*at as usize)
                .map_or(usize::MAX, |write| write.step)
        };
        let behind = writes.partition_point(|at| step_of(at) < step);
        let last = writes.get(behind.checked_sub(1)?)?;
        self.writes.get(*last as usize)
    }

    /// What a place holds before a step.
    pub fn value(&self, place: Place, step: usize) -> Option<&Reg> {
        self.before(place, step).map(|write| &write.value)
    }

    /// The last step: the instruction at which the verification ended, if it got as far as to execute it.
    pub fn end(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// A step.
    pub fn step(&self, at: usize) -> Option<Step> {
        self.steps.get(at).copied()
    }

    /// All writes of a step.
    pub fn writes_of(&self, step: usize) -> impl Iterator<Item = &Write> {
        let from = self.writes.partition_point(|write| write.step < step);
        self.writes
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |write| write.step == step)
    }
}
