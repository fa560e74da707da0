//! Events to text.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use verdict_engine::index::FrameNo;
use verdict_engine::observer::{Event, Observer};
use verdict_engine::state::State;
use verdict_isa::{Disasm, class, op};
use verdict_kernel::Kernel;
use verdict_kernel::attr::LineInfo;
use verdict_kernel::semantics::control::InstructionSet;
use verdict_kernel::semantics::log::{LiveTable, LogBuffer, ShownStates, SourcePlace};
use verdict_kernel::semantics::precision::Backtracking;
use verdict_syscall::{Map, Prog};

use crate::buffer::{Buffer, Room, Written};
use crate::digits::decimal;
use crate::footer::footer;
use crate::names::{LogNames, PercpuOffsets};
use crate::style::{Context, Shown, frame_text};

/// The column of the state behind an instruction that is not longer.
const STATE_COLUMN: u64 = 40;

/// What stands for lines that [`Log::told_from`] leaves out: no kernel writes it.
pub const LEFT_OUT: &str = "\0\n";

/// What is logged: the sum of some of these (`log_level` of `BPF_PROG_LOAD`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level(pub u32);

impl Level {
    /// Every instruction of the path that led to the end.
    pub const ONE: Level = Level(1);
    /// Every instruction of every path.
    pub const TWO: Level = Level(2);
    /// Figures only.
    pub const STATS: Level = Level(4);
    /// A log that is longer than its buffer keeps its start instead of its end.
    pub const FIXED: Level = Level(8);

    fn has(self, level: Level) -> bool {
        self.0 & level.0 != 0
    }

    /// Whether a kernel takes a buffer of this size for a log of this level (`bpf_verifier_log_attr_valid`); otherwise it
    /// refuses the load with `EINVAL`.
    pub fn accepts(self, size: Option<u32>, kernel: &Kernel) -> bool {
        let known = Level::ONE.0 | Level::TWO.0 | Level::STATS.0;
        match kernel.semantics.log.log_buffer {
            LogBuffer::KeepsStart => {
                let (least, most) = (128, u32::MAX >> 2);
                self.0 & !known == 0 && size.is_none_or(|size| (least..=most).contains(&size))
            }
            LogBuffer::Rolls => self.0 & !(known | Level::FIXED.0) == 0,
        }
    }

    /// How closely the walk is followed: 0 not at all, 1 the last path, 2 all paths.
    fn steps(self) -> u8 {
        match (self.has(Level::TWO), self.has(Level::ONE)) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    /// What becomes of a log for which there are `size` bytes.
    pub fn room(self, size: Option<u32>, kernel: &Kernel) -> Room {
        match size {
            None => Room::Unlimited,
            Some(size) if kernel.semantics.log.log_buffer == LogBuffer::KeepsStart => Room::Filling(size),
            Some(size) if self.has(Level::FIXED) => Room::Fixed(size),
            Some(size) => Room::Rolling(size),
        }
    }
}

/// A listener that writes the kernel's log. Addresses of the kernel, which differ from boot to boot, are
/// shown as `0xff00000000000000`.
pub struct Log<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
    level: Level,
    /// [`Level::steps`].
    steps: u8,
    percpu: PercpuOffsets,
    buffer: Buffer<'a>,
    maps: Vec<Arc<Map>>,
    /// Ends of the log when paths were put aside.
    positions: Vec<u64>,
    /// Touched since the state was last shown.
    scratched: Shown,
    /// The next state is shown in full, under a header.
    header_due: bool,
    prev_line: Option<LineInfo>,
    /// End of the log behind the last instruction; 0 before the first.
    prev_log_pos: u64,
    /// Length of the last instruction's text.
    prev_insn_len: u64,
    /// Instructions seen so far, and how many must be before anything is written of them.
    insns: u64,
    told_from: u64,
    /// The last instruction that nothing was written of, since something last was.
    untold: Option<u32>,
    /// Where the log begins that joined a verification: paths put aside before go on from there.
    joined_at: Option<u64>,
    /// The text of each instruction that was shown.
    insn_texts: Vec<Option<Box<str>>>,
    text: String,
}

impl<'a> Log<'a> {
    /// An empty log of this level, of any length.
    pub fn new(kernel: &'a Kernel, prog: &'a Prog, level: Level, out: &'a mut dyn Write) -> Log<'a> {
        Log::sized(kernel, prog, level, None, out)
    }

    /// An empty log of this level. `size` is that of the buffer that the program is loaded with (`log_size`);
    /// without one everything is kept.
    ///
    /// At level 2 the log goes to `out` as it grows, unless a rolling buffer keeps its end. At level 1 it is
    /// set back again and again, and written at the end.
    pub fn sized(
        kernel: &'a Kernel,
        prog: &'a Prog,
        level: Level,
        size: Option<u32>,
        out: &'a mut dyn Write,
    ) -> Log<'a> {
        Log {
            kernel,
            prog,
            level,
            steps: level.steps(),
            percpu: PercpuOffsets::new(),
            buffer: Buffer::new(out, level.room(size, kernel), level.has(Level::TWO)),
            maps: Vec::new(),
            positions: Vec::new(),
            scratched: Shown::NONE,
            header_due: false,
            prev_line: None,
            prev_log_pos: 0,
            prev_insn_len: 0,
            insns: 0,
            told_from: 0,
            untold: None,
            joined_at: None,
            insn_texts: Vec::new(),
            text: String::new(),
        }
    }

    /// Leaves out what is said before so many instructions were executed, for whoever wants the last words alone: to
    /// write them costs more than to verify. [`LEFT_OUT`] stands where lines are missing.
    #[must_use]
    pub fn told_from(mut self, insns: u64) -> Log<'a> {
        self.told_from = insns;
        self.leave_out();
        self
    }

    /// Joins a verification in which so many instructions were executed before, of which nothing is told. It is to be one
    /// that begins no other function any more.
    #[must_use]
    pub fn joining(mut self, insns: u64) -> Log<'a> {
        self.insns = insns;
        self.buffer.push(LEFT_OUT);
        self.joined_at = Some(self.buffer.end());
        self
    }

    /// Whether nothing is written yet.
    fn leaves_out(&self) -> bool {
        self.insns < self.told_from
    }

    fn leave_out(&mut self) {
        if self.leaves_out() {
            self.buffer.push(LEFT_OUT);
        }
    }

    /// Follows an instruction that nothing is written of.
    fn pass(&mut self, idx: u32) {
        self.untold = Some(idx);
        if self.steps == 2 || self.whole() {
            self.header_due = false;
        }
    }

    /// Goes on as if the instructions before had been written.
    fn begin_telling(&mut self) {
        if self.leaves_out() {
            return;
        }
        if let Some(idx) = self.untold.take() {
            self.prev_line = self.find_line(idx);
            self.scratched = Shown::NONE;
            self.prev_log_pos = 0;
        }
    }

    /// Writes what is left, and says how large the log was.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self) -> io::Result<Written> {
        let told = self.kernel.semantics.log.log_buffer == LogBuffer::Rolls;
        let written = self.buffer.finish()?;
        Ok(Written {
            true_size: if told { written.true_size } else { 0 },
            ..written
        })
    }

    fn print(&mut self, text: fmt::Arguments<'_>) {
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
        self.buffer.push(&self.text);
    }

    /// Words of a check: usually a message a line.
    fn words(&mut self, text: fmt::Arguments<'_>) {
        self.text.clear();
        let _ = self.text.write_fmt(text);
        self.flush_words();
    }

    fn flush_words(&mut self) {
        for message in self.text.split_inclusive('\n') {
            self.buffer.push(message);
        }
    }

    fn find_line(&self, idx: u32) -> Option<LineInfo> {
        let lines = &self.prog.line_info;
        let at = lines.partition_point(|l| l.insn_off <= idx).saturating_sub(1);
        lines.get(at).copied()
    }

    /// The source line of an instruction, unless it was the last one shown (`verbose_linfo`).
    fn source_line(&mut self, idx: u32, prefix: &str) {
        let Some(line) = self.find_line(idx) else { return };
        let placed = self.kernel.semantics.log.source_place == SourcePlace::Shown;
        if !placed {
            // Records of the program's lines, in order: their place tells them apart.
            if self.prev_line.is_some_and(|prev| prev.insn_off == line.insn_off) {
                return;
            }
        } else if let Some(prev) = self.prev_line
            && prev.file_name_off == line.file_name_off
            && prev.line() == line.line()
        {
            return;
        }
        let Some(prog_btf) = &self.prog.btf else { return };
        let btf = Arc::clone(&prog_btf.btf);
        self.buffer.push(prefix);
        let source = btf
            .name(line.line_off)
            .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        self.buffer.push(source);
        self.prev_line = Some(line);
        if !placed {
            self.buffer.push("\n");
            return;
        }
        let file = btf.name(line.file_name_off);
        let file = file.rsplit('/').next().unwrap_or(file);
        self.print(format_args!(" @ {}:{}\n", file, line.line()));
    }

    fn frame(&mut self, state: &State, frame: FrameNo, shown: Shown) {
        let slot = &state.frames[frame];
        let cx = Context {
            kernel: self.kernel,
            prog: self.prog,
            maps: &self.maps,
        };
        self.text.clear();
        frame_text(&mut self.text, &cx, &slot.body, &slot.marks, state, shown);
        self.buffer.push_pieces(&self.text);
    }

    /// The touched part of the executing frame, behind its instruction if nothing was written since
    /// (`print_insn_state`).
    fn insn_state(&mut self, state: &State, idx: u32) {
        if self.prev_log_pos != 0 && self.prev_log_pos == self.buffer.end() {
            self.buffer.reset(self.prev_log_pos - 1);
            let len = self.prev_insn_len;
            let pad = (len + 4).max(STATE_COLUMN).next_multiple_of(8) - len - 1;
            self.text.clear();
            self.text.extend(std::iter::repeat_n(' ', pad as usize));
            self.text.push(';');
        } else {
            self.text.clear();
            decimal(&mut self.text, u64::from(idx));
            self.text.push(':');
        }
        self.buffer.push(&self.text);
        let shown = std::mem::replace(&mut self.scratched, Shown::NONE);
        self.frame(state, state.curframe(), shown);
    }

    /// Writes an instruction and a newline.
    fn disassemble(&mut self, idx: u32) {
        let at = idx as usize;
        if self.insn_texts.is_empty() {
            self.insn_texts.resize(self.prog.insns.len(), None);
        }
        let Some(text) = self.insn_texts.get_mut(at) else {
            return;
        };
        if text.is_none() {
            let names = LogNames {
                kernel: self.kernel,
                prog: self.prog,
                percpu: &self.percpu,
            };
            let insns = &self.prog.insns;
            let Some(insn) = insns.get(at) else { return };
            // Kernels that know no other moves and divisions show what they know of them.
            let mut known = *insn;
            let v3 = self.kernel.semantics.control.instruction_set != InstructionSet::V4;
            if v3 && matches!(insn.class(), class::ALU | class::ALU64) {
                known.off = 0;
            }
            let shown = match v3 && insn.class() == class::JMP32 && insn.op() == op::JA {
                // A long jump, read as a comparison of no kind.
                true => format!(
                    "({:02x}) if w{} jmp {:#x} goto pc{:+}\n",
                    insn.code, insn.dst, insn.imm, insn.off
                ),
                false => format!("{}\n", Disasm::new(&known, insns.get(at + 1), &names)),
            };
            *text = Some(shown.into_boxed_str());
        }
        if let Some(text) = text {
            self.buffer.push(text);
        }
    }

    /// The table of live registers, an instruction a line (`compute_live_registers`).
    fn live_regs(&mut self, live: &[u16], loops: &[u32]) {
        let with_loops = match self.kernel.semantics.log.live_table {
            LiveTable::None => return,
            LiveTable::Registers => false,
            LiveTable::LoopsAndRegisters => true,
        };
        self.buffer.push("Live regs before insn:\n");
        let mut idx = 0;
        while let (Some(insn), Some(mask)) = (self.prog.insns.get(idx), live.get(idx)) {
            self.text.clear();
            if with_loops {
                // Writing to a String cannot fail.
                let _ = match loops.get(idx) {
                    Some(number) if *number != 0 => write!(self.text, "{number:3} "),
                    _ => write!(self.text, "    "),
                };
            }
            let _ = write!(self.text, "{idx:3}: ");
            let shown = |reg: u32| match mask >> reg & 1 {
                0 => '.',
                _ => char::from_digit(reg, 10).unwrap_or('?'),
            };
            self.text.extend((0..10).map(shown));
            self.text.push(' ');
            self.buffer.push(&self.text);
            self.disassemble(idx as u32);
            idx += if insn.is_ld_imm64() { 2 } else { 1 };
        }
    }

    /// What backtracking looks at: `mark_precise: frame0:`, what goes before the lists, the lists.
    fn precise(&mut self, frame: FrameNo, before: &str, regs: u32, slots: u64) {
        let out = &mut self.text;
        out.clear();
        out.push_str("mark_precise: frame");
        decimal(out, frame.0.into());
        out.push_str(before);
        out.push_str(" regs=");
        for (i, reg) in bits(u64::from(regs)).enumerate() {
            out.push_str(if i == 0 { "r" } else { ",r" });
            decimal(out, reg);
        }
        out.push_str(" stack=");
        for (i, slot) in bits(slots).enumerate() {
            out.push_str(if i == 0 { "-" } else { ",-" });
            decimal(out, 8 * (slot + 1));
        }
    }

    /// The same as masks: what goes before them, and them.
    fn precise_masks(&mut self, before: &str, regs: u32, slots: u64) {
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{before}regs={regs:x} stack={slots:x}");
    }

    /// Backtracking looks at an instruction.
    fn precise_insn(&mut self, frame: FrameNo, regs: u32, slots: u64, idx: u32) {
        match self.kernel.semantics.precision.backtracking {
            Backtracking::Syntactic => self.precise_masks("", regs, slots),
            Backtracking::Recorded => self.precise(frame, ":", regs, slots),
        }
        self.text.push_str(" before ");
        decimal(&mut self.text, u64::from(idx));
        self.text.push_str(": ");
        self.buffer.push(&self.text);
        self.disassemble(idx);
    }

    /// Backtracking that goes by names reached a checkpoint.
    fn precise_marks(&mut self, added: bool, regs: u32, slots: u64) {
        let had = if added {
            "parent didn't have "
        } else {
            "parent already had "
        };
        self.precise_masks(had, regs, slots);
        self.text.push_str(" marks");
        self.text.push_str(if self.whole() { "\n" } else { ":" });
        self.buffer.push(&self.text);
    }

    /// Whether states are shown whole, before the instructions.
    fn whole(&self) -> bool {
        self.kernel.semantics.log.shown_states == ShownStates::Whole
    }

    /// From how close a following of the walk on backtracking is shown.
    fn backtracking_shown(&self) -> bool {
        self.steps == 2 || (self.steps == 1 && self.whole())
    }

    /// The whole state before an instruction, at level 1 where a path goes on.
    fn whole_state(&mut self, state: &State, idx: u32, prev_idx: Option<u32>) {
        if self.steps == 2 {
            self.print(format_args!("{idx}:"));
        } else if self.header_due {
            let prev_idx = prev_idx.map_or(-1, i64::from);
            self.print(format_args!("\nfrom {prev_idx} to {idx}:"));
        } else {
            return;
        }
        self.frame(state, state.curframe(), Shown::ALL);
        self.header_due = false;
    }

    fn insn(&mut self, state: &State, idx: u32, prev_idx: Option<u32>) {
        if self.whole() {
            self.whole_state(state, idx, prev_idx);
        } else if self.steps == 2 && self.header_due {
            let prev_idx = prev_idx.map_or(-1, i64::from);
            self.print(format_args!("\nfrom {prev_idx} to {idx}:"));
            self.frame(state, state.curframe(), Shown::ALL);
            self.header_due = false;
        }
        if !self.whole() && (self.scratched.regs != 0 || self.scratched.slots != 0) {
            self.insn_state(state, idx);
        }
        self.source_line(idx, "; ");
        let start = self.buffer.end();
        self.text.clear();
        decimal(&mut self.text, u64::from(idx));
        self.text.push_str(": ");
        self.buffer.push(&self.text);
        self.disassemble(idx);
        self.prev_insn_len = self.buffer.end() - start;
        self.prev_log_pos = self.buffer.end();
    }

    fn pruned(&mut self, idx: u32, prev_idx: Option<u32>) {
        if self.header_due {
            let prev_idx = prev_idx.map_or(-1, i64::from);
            self.print(format_args!("\nfrom {prev_idx} to {idx}: safe\n"));
        } else {
            self.print(format_args!("{idx}: safe\n"));
        }
    }

    /// Writes what a step of the walk has to say.
    fn tell(&mut self, event: Event<'_>) {
        let printing = self.steps > 0;
        match event {
            Event::Text { level, text } if level <= self.steps => self.words(text),
            Event::SourceLine { idx, prefix } => self.source_line(idx, prefix),
            Event::Insn { state, idx, prev_idx } if printing => self.insn(state, idx, prev_idx),
            Event::BranchState { state, .. } if printing && self.whole() => {
                self.frame(state, state.curframe(), Shown::ALL);
            }
            Event::BranchState { state, idx } if printing => self.insn_state(state, idx),
            Event::Pruned { idx, prev_idx, .. } if printing => self.pruned(idx, prev_idx),
            Event::FrameState { level, state, frame } if level <= self.steps => {
                self.frame(state, frame, Shown::ALL);
            }
            Event::PreciseInsn {
                frame,
                regs,
                slots,
                idx,
            } if self.backtracking_shown() => self.precise_insn(frame, regs, slots, idx),
            Event::PreciseParent {
                frame,
                regs,
                slots,
                state,
            } if self.steps == 2 => {
                self.precise(frame, ": parent state", regs, slots);
                self.text.push_str(": ");
                self.buffer.push(&self.text);
                self.frame(state, frame, Shown::ALL);
            }
            Event::PreciseMarked {
                frame,
                regs,
                slots,
                added,
                state,
            } if self.backtracking_shown() => {
                if self.whole() {
                    self.frame(state, frame, Shown::ALL);
                }
                self.precise_marks(added, regs, slots);
                if !self.whole() {
                    self.frame(state, frame, Shown::ALL);
                }
            }
            Event::LiveRegs { live, loops } if self.steps == 2 => self.live_regs(live, loops),
            _ => {}
        }
    }
}

impl Observer for Log<'_> {
    const MISSES: bool = false;

    fn hears(&self, level: u8) -> bool {
        level <= self.steps && !self.leaves_out()
    }

    fn event(&mut self, event: Event<'_>) {
        if matches!(event, Event::Insn { .. } | Event::Pruned { .. }) {
            self.insns += 1;
            self.begin_telling();
        }
        match event {
            Event::Reg(r) => self.scratched.regs |= u32::from(r.bit()),
            Event::Slot(spi) => self.scratched.slots |= spi.bit(),
            Event::Map { map } => self.maps.push(Arc::clone(map)),
            Event::FunctionStart { .. } => {
                self.prev_line = None;
                self.untold = None;
                self.header_due = false;
                self.positions.clear();
                self.scratched = Shown::ALL;
            }
            Event::FunctionSafe { .. } => {
                if self.steps < 2 {
                    self.buffer.reset(0);
                    self.leave_out();
                }
            }
            Event::Push { .. } => self.positions.push(self.buffer.end()),
            Event::PathEnd | Event::All => self.scratched = Shown::ALL,
            Event::Pop => {
                if let Some(end) = self.positions.pop().or(self.joined_at)
                    && self.steps < 2
                {
                    self.buffer.reset(end);
                }
                self.header_due = true;
            }
            Event::Returned { .. } => self.header_due = true,
            Event::End { stats } => {
                self.text.clear();
                footer(&mut self.text, stats, self.level.has(Level::STATS));
                self.flush_words();
            }
            Event::Insn { idx, .. } if self.leaves_out() => self.pass(idx),
            _ if self.leaves_out() => {}
            _ => self.tell(event),
        }
    }
}

/// The numbers of the bits that are set, from the lowest.
fn bits(mut mask: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let lowest = (mask != 0).then(|| u64::from(mask.trailing_zeros()));
        mask &= mask.wrapping_sub(1);
        lowest
    })
}
