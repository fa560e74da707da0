//! A frame's state with each attribute by itself (`print_verifier_state` before Linux 6.8): numbers in decimal, ranges
//! one by one where they differ, and of what is spilled only its kind, or the number if it is known. Before Linux 5.18
//! numbers have a kind, too, and attributes that say nothing are shown.

use std::fmt::{self, Write};

use verdict_domain::{Bounds, Tnum};
use verdict_engine::index::{FrameNo, Idx as _, RegNo};
use verdict_engine::reg_type_str;
use verdict_engine::state::{FP, Frame, Marks, Reg, SlotType, SlotTypes, State};
use verdict_kernel::semantics::log::StateForm;
use verdict_kernel::types::RegBase;

use super::{Context, Shown, frame_end, liveness, type_name};
use crate::digits::decimal;

/// Appends the text of a frame, newline included.
pub(super) fn frame_text(
    out: &mut String,
    cx: &Context<'_>,
    frame: &Frame,
    marks: &Marks,
    state: &State,
    shown: Shown,
) {
    let printer = Printer {
        cx,
        frame,
        marks,
        done: state.cleaned,
        whole: cx.kernel.semantics.log.state_form == StateForm::Whole,
    };
    // Writing to a String cannot fail.
    let _ = printer.frame(out, shown);
}

/// Appends the text of a value.
pub(super) fn reg_text(out: &mut String, cx: &Context<'_>, frame: &Frame, reg: &Reg) {
    let printer = Printer {
        cx,
        frame,
        marks: &Marks::NONE,
        done: false,
        whole: cx.kernel.semantics.log.state_form == StateForm::Whole,
    };
    // Writing to a String cannot fail.
    let _ = printer.reg(out, reg, false);
}

struct Printer<'a> {
    cx: &'a Context<'a>,
    frame: &'a Frame,
    marks: &'a Marks,
    done: bool,
    /// The older form.
    whole: bool,
}

impl Printer<'_> {
    fn frame(&self, out: &mut String, shown: Shown) -> fmt::Result {
        let (frame, m) = (self.frame, self.marks);
        if frame.frameno != FrameNo::OUTERMOST {
            write!(out, " frame{}:", frame.frameno)?;
        }
        for r in RegNo::all() {
            let reg = &frame.regs[r];
            if reg.is_not_init() || !r.is_in(shown.regs) {
                continue;
            }
            out.push_str(" R");
            decimal(out, r.index() as u64);
            let read = r.is_in(m.read32 | m.read64);
            liveness(out, read, r.is_in(m.written), self.done && r != FP);
            out.push('=');
            self.reg(out, reg, r.is_in(m.precise))?;
        }
        self.stack(out, shown)?;
        frame_end(out, frame, &frame.refs)
    }

    fn stack(&self, out: &mut String, shown: Shown) -> fmt::Result {
        let m = self.marks;
        for (spi, slot) in self.frame.stack.slots().enumerated() {
            if !spi.is_in(shown.slots) || slot.types == SlotTypes::NONE {
                continue;
            }
            write!(out, " fp{}", spi.off())?;
            let (read, written) = (spi.is_in(m.slot_read), spi.is_in(m.slot_written));
            liveness(out, read, written, self.done);
            out.push('=');
            if !slot.is_spill() {
                out.extend(slot.types.iter().map(SlotType::letter));
                continue;
            }
            let reg = slot.reg();
            if !reg.is_scalar() {
                out.push_str(&reg_type_str(reg.ty, self.cx.kernel.semantics.log.type_names));
                continue;
            }
            self.kind_of_number(out, spi.is_in(m.slot_precise));
            if reg.is_const() {
                number(out, reg)?;
            }
        }
        Ok(())
    }

    fn reg(&self, out: &mut String, reg: &Reg, precise: bool) -> fmt::Result {
        if reg.is_scalar() {
            self.kind_of_number(out, precise);
            if reg.is_const() {
                return number(out, reg);
            }
            out.push_str(if self.whole { "" } else { "scalar" });
        } else {
            out.push_str(&reg_type_str(reg.ty, self.cx.kernel.semantics.log.type_names));
        }
        if reg.ty.is(RegBase::Stack) && reg.is_const() {
            return number(out, reg);
        }
        if reg.is(RegBase::BtfId) {
            out.push_str(type_name(self.cx, reg.btf(), reg.btf_id()));
        }
        out.push('(');
        let mut list = List {
            out,
            first: true,
            end: "",
        };
        self.attributes(&mut list, reg)?;
        out.push(')');
        Ok(())
    }

    /// What stands before a number: that it must be known precisely, and in the older form its kind.
    fn kind_of_number(&self, out: &mut String, precise: bool) {
        out.push_str(if self.whole { "inv" } else { "" });
        if precise {
            out.push('P');
        }
    }

    fn attributes(&self, list: &mut List<'_>, reg: &Reg) -> fmt::Result {
        if reg.id != 0 || self.whole {
            list.item("id", reg.id)?;
        }
        if (reg.ref_obj_id != 0 || self.whole) && self.may_be_counted(reg) {
            list.item("ref_obj_id", reg.ref_obj_id)?;
        }
        if !reg.is_scalar() {
            list.item("off", reg.off)?;
        }
        if reg.is_pkt() {
            list.item("r", reg.range())?;
        } else if reg.is(RegBase::ConstMapPtr) || reg.is(RegBase::MapKey) || reg.is(RegBase::MapValue) {
            let map = self.cx.maps.get(reg.map().index());
            let (key, value) = map.map_or((0, 0), |map| (map.key_size, map.value_size));
            list.item("ks", key)?;
            list.item("vs", value)?;
        }
        if reg.is_const() {
            return list.item("imm", format_args!("{:x}", reg.b.var_off().value));
        }
        list.end = if self.whole { "_value" } else { "" };
        ranges(list, &reg.b)
    }

    /// Whether the log shows of this kind which resource it belongs to (`reg_type_may_be_refcounted_or_null`).
    fn may_be_counted(&self, reg: &Reg) -> bool {
        let kinds = [RegBase::Socket, RegBase::TcpSock, RegBase::Mem];
        kinds.into_iter().any(|base| reg.is(base)) || (reg.is(RegBase::BtfId) && !self.whole)
    }
}

/// A known number, or the place that a stack pointer points to.
fn number(out: &mut String, reg: &Reg) -> fmt::Result {
    let value = reg.b.var_off().value as i64;
    write!(out, "{}", value.wrapping_add(i64::from(reg.off)))
}

/// A list whose items are separated by commas.
struct List<'a> {
    out: &'a mut String,
    first: bool,
    /// What stands behind the names of limits.
    end: &'static str,
}

impl List<'_> {
    fn item(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
        write!(self.out, "{name}={value}")
    }

    /// An end of a range.
    fn limit(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        self.item(&format!("{name}{}", self.end), value)
    }
}

/// Ranges that are not the widest; a signed end that is the unsigned one is left out, and a 32-bit one that is the whole's.
fn ranges(list: &mut List<'_>, b: &Bounds) -> fmt::Result {
    if b.smin() as u64 != b.umin() && b.smin() != i64::MIN {
        list.limit("smin", b.smin())?;
    }
    if b.smax() as u64 != b.umax() && b.smax() != i64::MAX {
        list.limit("smax", b.smax())?;
    }
    if b.umin() != 0 {
        list.limit("umin", b.umin())?;
    }
    if b.umax() != u64::MAX {
        list.limit("umax", b.umax())?;
    }
    if !b.var_off().is_unknown() {
        list.item("var_off", tnum(b.var_off()))?;
    }
    if i64::from(b.s32_min()) != b.smin() && b.s32_min() != i32::MIN {
        list.limit("s32_min", b.s32_min())?;
    }
    if i64::from(b.s32_max()) != b.smax() && b.s32_max() != i32::MAX {
        list.limit("s32_max", b.s32_max())?;
    }
    if u64::from(b.u32_min()) != b.umin() && b.u32_min() != 0 {
        list.limit("u32_min", b.u32_min() as i32)?;
    }
    if u64::from(b.u32_max()) != b.umax() && b.u32_max() != u32::MAX {
        list.limit("u32_max", b.u32_max() as i32)?;
    }
    Ok(())
}

fn tnum(t: Tnum) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "({:#x}; {:#x})", t.value, t.mask))
}
