//! Values one by one, for what shows them otherwise than the log does.

use std::sync::Arc;

use verdict_engine::index::{Idx as _, Spi};
use verdict_engine::state::{Frame, Reg, SlotType, SlotTypes};
use verdict_kernel::Kernel;
use verdict_kernel::semantics::log::StateForm;
use verdict_syscall::{Map, Prog};

use super::{Context, folded, plain};

/// Writes values of registers and stack slots as this kernel's log does, without marks.
pub struct Values<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
    /// Maps, by their numbers in registers.
    maps: Vec<Arc<Map>>,
}

impl<'a> Values<'a> {
    /// Of this program on this kernel.
    pub fn new(kernel: &'a Kernel, prog: &'a Prog) -> Values<'a> {
        Values {
            kernel,
            prog,
            maps: Vec::new(),
        }
    }

    /// A map became known ([`Event::Map`](verdict_engine::observer::Event::Map)).
    pub fn add_map(&mut self, map: &Arc<Map>) {
        self.maps.push(Arc::clone(map));
    }

    fn context(&self) -> Context<'_> {
        Context {
            kernel: self.kernel,
            prog: self.prog,
            maps: &self.maps,
        }
    }

    /// Appends what a register of the frame holds; nothing for one that was not written.
    pub fn register(&self, out: &mut String, frame: &Frame, reg: &Reg) {
        if !reg.is_not_init() {
            self.value(out, frame, reg);
        }
    }

    fn value(&self, out: &mut String, frame: &Frame, reg: &Reg) {
        match self.kernel.semantics.log.state_form {
            StateForm::Whole | StateForm::Plain => plain::reg_text(out, &self.context(), frame, reg),
            StateForm::Folded => folded::reg_text(out, &self.context(), frame, reg),
        }
    }

    /// Appends what a stack slot holds: the value that is spilled there, or a letter for each byte; nothing for one that
    /// was not written.
    pub fn slot(&self, out: &mut String, frame: &Frame, at: Spi) {
        let Some(slot) = frame.stack.get(at).filter(|slot| slot.types != SlotTypes::NONE) else {
            return;
        };
        let letters = slot.types.iter().map(SlotType::letter);
        // Writing to a String cannot fail.
        let _ = match slot.types.get(7) {
            SlotType::Spill => {
                out.extend(letters.take_while(|letter| *letter != 'r'));
                self.value(out, frame, slot.reg());
                Ok(())
            }
            SlotType::Dynptr => {
                // The first slot of a dynptr is the one further down.
                let first = frame.stack.get(Spi::new(at.index() + 1));
                let of_first = first.filter(|_| !slot.reg().dynptr_first_slot());
                folded::dynptr(out, of_first.unwrap_or(slot).reg())
            }
            SlotType::Iter if slot.reg().ref_obj_id != 0 => {
                folded::iterator(out, &self.context(), slot.reg())
            }
            SlotType::Misc | SlotType::Zero | SlotType::Invalid | SlotType::Iter | SlotType::IrqFlag => {
                out.extend(letters);
                Ok(())
            }
        };
    }
}
