//! Backwards along the failing path: what a value was made of.

use verdict_domain::AluOp;
use verdict_engine::index::Spi;
use verdict_engine::state::Reg;
use verdict_isa::{Alu, Atomic, Call, Jump, Load, Op, Operand, Size, Store, Width};
use verdict_kernel::types::RegBase;

use crate::expr;
use crate::recorder::{Place, Recording, Write};
use crate::source::Code;
use crate::words;

/// Most writes that are looked through on the way to a value's origin.
const MAX_WALK: usize = 4096;

/// The failing path of a program.
pub(crate) struct Path<'a> {
    pub(crate) code: Code<'a>,
    pub(crate) rec: &'a Recording,
}

/// What a write is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// It is what the function was given.
    Entry,
    /// The same value, from another place or as it was there before.
    Same(Place),
    /// A part of the value in another place, which is not all of it.
    Part(Place, Part),
    /// What an earlier step stored into a part of a stack slot.
    Stored {
        /// The register that was stored.
        of: Place,
        /// The step that stored it.
        step: usize,
        /// How many bytes.
        bytes: u32,
    },
    /// A comparison has taught something about the value.
    Compared,
    /// Arithmetic on what the operands held.
    Computed(Alu),
    /// From memory other than the stack.
    Loaded(Load),
    /// From memory, by an atomic operation.
    Fetched,
    /// A constant of the program.
    Constant,
    /// The result of a call.
    Called,
    /// A call leaves nothing in it, or takes it away.
    Cleared,
    /// A called function wrote to the memory.
    Filled,
    /// Stack memory that was not spilled to: several values, or bytes.
    Bytes,
}

/// Which part of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The low 32 bits.
    Low32,
    /// The low bits, with their sign.
    Signed(u8),
    /// Bytes of a stack slot.
    Bytes(u32),
}

/// A value with its origin.
#[derive(Clone, Copy)]
pub(crate) struct Root<'r> {
    pub(crate) write: &'r Write,
    pub(crate) origin: Origin,
}

fn place_is_callee(place: Place, frame: u8) -> bool {
    place.frame > frame
}

impl<'a> Path<'a> {
    /// The instruction of a step.
    pub(crate) fn insn(&self, step: usize) -> Option<u32> {
        self.rec.step(step)?.insn
    }

    /// The operation of a step.
    pub(crate) fn op(&self, step: usize) -> Option<Op> {
        self.code.op(self.insn(step)?)
    }

    /// A register of the frame that executes a step, before it.
    pub(crate) fn reg(&self, step: usize, reg: u8) -> Option<(Place, &'a Reg)> {
        let place = Place::reg(self.rec.step(step)?.frame, reg);
        Some((place, self.rec.value(place, step)?))
    }

    /// What a write is made of.
    pub(crate) fn origin(&self, write: &Write) -> Origin {
        let (step, place) = (write.step, write.place);
        let Some(frame) = self.rec.step(step).map(|step| step.frame) else {
            return Origin::Entry;
        };
        let Some(op) = self.op(step) else {
            return Origin::Entry;
        };
        if place.frame > frame {
            return match (place.register(), op) {
                (Some(reg @ 1..=5), Op::Call(Call::Subprog { .. })) => Origin::Same(Place::reg(frame, reg)),
                _ => Origin::Entry,
            };
        }
        let Some(reg) = place.register() else {
            return self.slot_origin(write, op, frame);
        };
        if place.frame < frame {
            return match op {
                Op::Exit if reg == 0 => Origin::Same(Place::reg(frame, 0)),
                Op::Exit if reg <= 5 => Origin::Cleared,
                _ => Origin::Same(place),
            };
        }
        match op {
            Op::Alu(alu) if alu.dst() == reg => self.alu_origin(alu, frame),
            Op::Load(load) if load.dst == reg => self.load_origin(load, step),
            Op::LdImm64(load) if load.dst == reg => Origin::Constant,
            Op::Atomic(atomic) if atomic.loaded() == Some(reg) => Origin::Fetched,
            Op::Call(_) | Op::LdPacket(_) if reg == 0 => Origin::Called,
            Op::Call(_) | Op::LdPacket(_) => Origin::Cleared,
            Op::Jump(Jump::Branch(_)) => Origin::Compared,
            _ => Origin::Same(place),
        }
    }

    fn alu_origin(&self, alu: Alu, frame: u8) -> Origin {
        match alu {
            Alu::Mov {
                src: Operand::Imm(_), ..
            } => Origin::Constant,
            Alu::Mov {
                src: Operand::Reg(10),
                ..
            } => Origin::Constant,
            Alu::Mov {
                width,
                src: Operand::Reg(src),
                ..
            } => match width {
                Width::W64 => Origin::Same(Place::reg(frame, src)),
                Width::W32 => Origin::Part(Place::reg(frame, src), Part::Low32),
            },
            Alu::MovSx { src, bytes, .. } => Origin::Part(Place::reg(frame, src), Part::Signed(bytes)),
            Alu::AddrSpaceCast { src, .. } => Origin::Same(Place::reg(frame, src)),
            Alu::Binary { .. } | Alu::Neg { .. } | Alu::End { .. } => Origin::Computed(alu),
        }
    }

    fn load_origin(&self, load: Load, step: usize) -> Origin {
        match self.slot(step, load.src, load.off) {
            None => Origin::Loaded(load),
            Some((slot, within)) => match self.rec.before(slot, step) {
                Some(write) if load.size == Size::Dw && within == 0 => {
                    if self.is_overwritten(write, load, step) {
                        Origin::Bytes
                    } else {
                        Origin::Same(slot)
                    }
                }
                Some(_) => self.bytes_origin(slot, within..within + load.size.bytes(), step),
                None => Origin::Bytes,
            },
        }
    }

    /// Bytes of a slot: the store that wrote just these, if nothing was written over them.
    fn bytes_origin(&self, slot: Place, bytes: std::ops::Range<u32>, step: usize) -> Origin {
        let mut at = step;
        while let Some(write) = self.rec.before(slot, at) {
            let (stored, src) = match self.op(write.step) {
                Some(Op::Store(store)) => match self.slot(write.step, store.dst, store.off) {
                    Some((of, within)) if of == slot => (within..within + store.size.bytes(), store.src),
                    _ => return Origin::Bytes,
                },
                Some(Op::Jump(_)) => {
                    at = write.step;
                    continue;
                }
                _ => return Origin::Bytes,
            };
            let apart = stored.end <= bytes.start || bytes.end <= stored.start;
            if !apart {
                let frame = self.rec.step(write.step).map_or(0, |step| step.frame);
                return match src {
                    Operand::Reg(src) if stored == bytes => Origin::Stored {
                        of: Place::reg(frame, src),
                        step: write.step,
                        bytes: bytes.end - bytes.start,
                    },
                    Operand::Imm(_) if stored == bytes => Origin::Constant,
                    _ => Origin::Part(slot, Part::Bytes(bytes.end - bytes.start)),
                };
            }
            at = write.step;
        }
        Origin::Bytes
    }

    /// Whether less is known of what is loaded than was stored: something else has written to the slot, such as a function
    /// that was given its address.
    fn is_overwritten(&self, stored: &Write, load: Load, step: usize) -> bool {
        let place = Place::reg(self.rec.step(step).map_or(0, |step| step.frame), load.dst);
        let Some(loaded) = self.rec.writes_of(step).find(|write| write.place == place) else {
            return false;
        };
        let (before, after) = (&stored.value, &loaded.value);
        before.is_scalar()
            && after.is_scalar()
            && (after.b.smax() > before.b.smax() || after.b.smin() < before.b.smin())
    }

    fn slot_origin(&self, write: &Write, op: Op, frame: u8) -> Origin {
        match op {
            Op::Store(Store {
                src: Operand::Imm(_), ..
            }) => Origin::Constant,
            Op::Store(Store {
                size,
                src: Operand::Reg(src),
                ..
            }) => match size {
                Size::Dw => Origin::Same(Place::reg(frame, src)),
                size => Origin::Part(Place::reg(frame, src), Part::Bytes(size.bytes())),
            },
            Op::Atomic(Atomic { .. }) => Origin::Fetched,
            Op::Call(_) => Origin::Filled,
            Op::Jump(_) => Origin::Compared,
            Op::Alu(_) | Op::LdImm64(_) | Op::LdPacket(_) | Op::Load(_) | Op::Exit => {
                Origin::Same(write.place)
            }
        }
    }

    /// The slot that an address points into at a step, and how far into it.
    pub(crate) fn slot(&self, step: usize, address: u8, off: i16) -> Option<(Place, u32)> {
        let frame = self.rec.step(step)?.frame;
        let (of, base) = if address == 10 {
            (frame, 0)
        } else {
            let (_, reg) = self.reg(step, address)?;
            if reg.ty.base() != RegBase::Stack {
                return None;
            }
            let var = reg.b.const_value()? as i64;
            (reg.frameno.0 as u8, i64::from(reg.off).checked_add(var)?)
        };
        let at = base.checked_add(i64::from(off))?;
        let below = at.checked_neg().filter(|below| *below > 0)?;
        let spi = u32::try_from((below - 1) / 8).ok()?;
        let within = u32::try_from(at.rem_euclid(8)).ok()?;
        Some((Place::slot(of, Spi(spi))?, within))
    }

    /// Back through copies, spills, fills, arguments, results and comparisons to where a value was made.
    pub(crate) fn root(&self, place: Place, step: usize) -> Option<Root<'a>> {
        let (mut place, mut at) = (place, step);
        for _ in 0..MAX_WALK {
            let write = self.rec.before(place, at)?;
            let origin = self.origin(write);
            match origin {
                Origin::Same(of) => place = of,
                Origin::Compared => {}
                _ => return Some(Root { write, origin }),
            }
            at = write.step;
        }
        None
    }

    /// The last comparison that has taught something about a value, through copies.
    pub(crate) fn compared(&self, place: Place, step: usize) -> Option<&'a Write> {
        let (mut place, mut at) = (place, step);
        for _ in 0..64 {
            let write = self.rec.before(place, at)?;
            match self.origin(write) {
                Origin::Compared => return Some(write),
                Origin::Same(of) | Origin::Part(of, Part::Low32) => place = of,
                _ => return None,
            }
            at = write.step;
        }
        None
    }

    /// The same, but through narrower copies, too.
    pub(crate) fn deep_root(&self, place: Place, step: usize) -> Option<Root<'a>> {
        let mut root = self.root(place, step)?;
        for _ in 0..16 {
            let (of, at) = match root.origin {
                Origin::Part(of, _) => (of, root.write.step),
                Origin::Stored { of, step, .. } => (of, step),
                _ => break,
            };
            match self.root(of, at) {
                Some(next) => root = next,
                None => break,
            }
        }
        Some(root)
    }

    /// The same, but through operations with constants, too: the one number that a value is made of.
    pub(crate) fn first_root(&self, place: Place, step: usize) -> Option<Root<'a>> {
        let mut root = self.deep_root(place, step)?;
        for _ in 0..64 {
            let Origin::Computed(Alu::Binary {
                dst,
                src: Operand::Imm(_),
                ..
            }) = root.origin
            else {
                break;
            };
            let at = root.write.step;
            let frame = self.rec.step(at)?.frame;
            match self.deep_root(Place::reg(frame, dst), at) {
                Some(next) => root = next,
                None => break,
            }
        }
        Some(root)
    }

    /// The condition by which a constant was chosen that the compiler has put on a line of something else: the last one
    /// behind it.
    pub(crate) fn chosen(&self, write: &Write, until: usize) -> Option<u32> {
        let spot = self.code.spot(self.insn(write.step)?)?;
        let number = write.value.b.const_value()?.to_string();
        let says = |text: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|word| word == number || word.starts_with("0x"))
        };
        let other =
            spot.text.contains('(') && !says(spot.text) && !spot.text.trim_start().starts_with("return");
        let (step, ..) = self.branches(write.step, until).next_back().filter(|_| other)?;
        self.insn(step)
    }

    /// The instruction that shows a write: of what a function is given, its first one.
    pub(crate) fn shown_insn(&self, write: &Write) -> Option<u32> {
        let given = self
            .rec
            .step(write.step)
            .is_some_and(|step| place_is_callee(write.place, step.frame));
        if given {
            return self.insn(write.step + 1).or_else(|| self.insn(write.step));
        }
        self.insn(write.step).or_else(|| self.insn(write.step + 1))
    }

    /// A value by its name in the source: the variable it is assigned to, a parameter, an expression.
    pub(crate) fn name(&self, root: &Root<'_>) -> Option<String> {
        let by_line = self.name_by_line(root);
        if by_line.as_deref().is_some_and(words::is_variable) {
            return by_line;
        }
        self.local(root).or(by_line)
    }

    /// The variable that a value is made for, where DWARF knows it: behind the instruction, or a few later.
    pub(crate) fn local(&self, root: &Root<'_>) -> Option<String> {
        let (reg, step) = (root.write.place.register()?, root.write.step);
        self.code.locals?;
        (step + 1..=step + 4)
            .take_while(|at| {
                let write = self.rec.before(root.write.place, *at);
                write.is_some_and(|write| write.step == step)
            })
            .find_map(|at| self.code.local(self.insn(at)?, reg))
            .map(ToOwned::to_owned)
    }

    /// The same, by the expressions that line records point at.
    fn name_by_line(&self, root: &Root<'_>) -> Option<String> {
        let step = root.write.step;
        match root.origin {
            Origin::Entry => self.parameter(root.write),
            Origin::Loaded(load) => {
                let insn = self.insn(step)?;
                let of_context = self
                    .reg(step, load.src)
                    .is_some_and(|(_, reg)| reg.ty.base() == RegBase::Ctx);
                of_context
                    .then(|| self.code.macro_parameter(insn, load.off))
                    .flatten()
                    .or_else(|| self.named_at(insn))
            }
            // By what it was before.
            Origin::Cleared => {
                let before = self.root(root.write.place, step)?;
                match before.origin {
                    Origin::Cleared => None,
                    _ => self.name(&before),
                }
            }
            // The compiler puts constants on lines of what stands beside them.
            Origin::Constant => {
                let spot = self.code.spot(self.insn(step)?)?;
                spot.assigned().map(ToOwned::to_owned)
            }
            Origin::Computed(_) => {
                let insn = self.insn(step)?;
                let scaled = matches!(
                    root.origin,
                    Origin::Computed(Alu::Binary {
                        op: AluOp::Lsh | AluOp::Mul,
                        src: Operand::Imm(_),
                        ..
                    })
                );
                let other = if root.write.value.is_scalar() && scaled && self.code.subscript(insn).is_some() {
                    return None; // a multiple of it
                } else if root.write.value.is_scalar() {
                    self.code.subscript(insn)
                } else {
                    self.code.address(insn)
                };
                // The compiler moves additions to lines of what stands beside them.
                let sums =
                    |text: &str| text.contains(['+', '-', '[', '(', '&', '*', '/', '<', '>', '|', '^', '%']);
                let spot = self.code.spot(insn)?;
                let adds = matches!(
                    root.origin,
                    Origin::Computed(Alu::Binary {
                        op: AluOp::Add | AluOp::Sub,
                        src: Operand::Imm(_),
                        ..
                    })
                );
                let plain = spot
                    .expression()
                    .is_some_and(|text| !sums(&text.replace("->", ".")));
                if adds && plain && !root.write.value.is_scalar() {
                    return other;
                }
                other.or_else(|| self.named_at(insn))
            }
            _ => self.named_at(self.insn(step)?),
        }
    }

    /// A pointer by its name in the source where it is used by an access, if it was not moved since it was made, or else by
    /// how it was made.
    pub(crate) fn pointer_name(&self, root: &Root<'_>, place: Place, step: usize) -> Option<String> {
        let used = self.insn(step);
        let address = used.and_then(|insn| self.code.address(insn));
        if let (Some(address), Origin::Computed(_)) = (address, root.origin) {
            return Some(address);
        }
        // Of several accesses on one line, an inner one's result is what the outer one goes through.
        let spots = [self.insn(root.write.step), used].map(|insn| self.code.spot(insn?));
        if let [Some(made), Some(used)] = &spots
            && made.line == used.line
            && made.expression() == used.expression()
            && matches!(root.origin, Origin::Loaded(_))
            && let Some(object) = used.expression().and_then(expr::accessed_through)
        {
            return Some(object.to_owned());
        }
        let name = self.name(root);
        if name.as_deref().is_some_and(words::is_variable) {
            return name;
        }
        let now = self.rec.value(place, step);
        let unmoved = now.is_some_and(|now| now.off == root.write.value.off && now.b == root.write.value.b);
        used.filter(|_| unmoved)
            .and_then(|insn| {
                let element = || {
                    self.code
                        .spot(insn)?
                        .expression()
                        .and_then(expr::accessed_through)
                };
                self.code.object(insn).or_else(element)
            })
            .map(ToOwned::to_owned)
            .or(name)
    }

    /// The variable or expression that an instruction computes.
    pub(crate) fn named_at(&self, insn: u32) -> Option<String> {
        let spot = self.code.spot(insn)?;
        // A macro that declares a function is no value.
        let declares = |name: &&str| {
            let macros = [
                "BPF_PROG",
                "BPF_KPROBE",
                "BPF_KRETPROBE",
                "BPF_KSYSCALL",
                "BPF_UPROBE",
                "BPF_URETPROBE",
                "BPF_USDT",
            ];
            !macros.iter().any(|word| name.starts_with(word))
        };
        spot.assigned()
            .or_else(|| spot.expression())
            .filter(declares)
            .map(ToOwned::to_owned)
    }

    fn parameter(&self, write: &Write) -> Option<String> {
        let first = self.insn(write.step + 1)?;
        let number = usize::from(write.place.register()?).checked_sub(1)?;
        self.code.parameter(first, number).map(ToOwned::to_owned)
    }

    /// The conditional jumps of the path from one step to another, with whether they were taken.
    pub(crate) fn branches(
        &self,
        from: usize,
        to: usize,
    ) -> impl DoubleEndedIterator<Item = (usize, verdict_isa::Branch, bool)> + '_ {
        (from..to.min(self.rec.end())).filter_map(|step| {
            let Op::Jump(Jump::Branch(branch)) = self.op(step)? else {
                return None;
            };
            let taken = self.insn(step + 1)? != self.insn(step)?.wrapping_add(1);
            Some((step, branch, taken))
        })
    }
}
