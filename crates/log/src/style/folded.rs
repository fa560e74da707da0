//! A frame's state with ranges that share their number (`print_verifier_state`): `smin=smax=5`.
//!
//! Kernels that keep read and write marks show them behind each name: `R1_rw=0`.

use std::fmt::{self, Write};

use verdict_domain::{Bounds, Tnum};
use verdict_engine::index::{FrameNo, Idx, RegNo, Spi};
use verdict_engine::reg_type_str;
use verdict_engine::state::{ADD_CONST, FP, Frame, IterState, Marks, Ref, Reg, SlotType, SlotTypes, State};
use verdict_kernel::semantics::log::StateMarks;
use verdict_kernel::types::{Flags, RegBase};

use super::{Context, Shown, frame_end, liveness, type_name};
use crate::digits::{decimal, hex, signed};

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
        marks_shown: cx.kernel.semantics.log.state_marks == StateMarks::Shown,
        done: state.cleaned,
        // Frames hold resources, or states do.
        held: if frame.refs.is_empty() {
            &state.refs
        } else {
            &frame.refs
        },
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
        marks_shown: false,
        done: false,
        held: &[],
    };
    // Writing to a String cannot fail.
    let _ = printer.reg(out, reg, false);
}

struct Printer<'a> {
    cx: &'a Context<'a>,
    frame: &'a Frame,
    marks: &'a Marks,
    marks_shown: bool,
    done: bool,
    held: &'a [Ref],
}

impl Printer<'_> {
    fn frame(&self, out: &mut String, shown: Shown) -> fmt::Result {
        let frame = self.frame;
        if frame.frameno != FrameNo::OUTERMOST {
            write!(out, " frame{}:", frame.frameno)?;
        }
        for r in RegNo::all() {
            let reg = &frame.regs[r];
            if reg.is_not_init() || !r.is_in(shown.regs) {
                continue;
            }
            out.push_str(" R");
            decimal(out, r.0.into());
            let m = self.marks;
            self.liveness(out, r.is_in(m.read32 | m.read64), r.is_in(m.written), r != FP);
            out.push('=');
            self.reg(out, reg, r.is_in(m.precise))?;
        }
        self.stack(out, shown)?;
        frame_end(out, frame, self.held)
    }

    fn liveness(&self, out: &mut String, read: bool, written: bool, can_be_done: bool) {
        if self.marks_shown {
            liveness(out, read, written, self.done && can_be_done);
        }
    }

    fn slot_head(&self, out: &mut String, spi: Spi) -> fmt::Result {
        out.push_str(" fp-");
        decimal(out, spi.off().unsigned_abs().into());
        let m = self.marks;
        self.liveness(out, spi.is_in(m.slot_read), spi.is_in(m.slot_written), true);
        out.push('=');
        Ok(())
    }

    fn stack(&self, out: &mut String, shown: Shown) -> fmt::Result {
        let slots = self.frame.stack.slots();
        let mut spi = Spi(0);
        while let Some(slot) = slots.get(spi) {
            let at = spi;
            spi = spi.below();
            if !at.is_in(shown.slots) || slot.types == SlotTypes::NONE {
                continue;
            }
            let types = slot.types.iter().map(SlotType::letter);
            match slot.types.get(7) {
                SlotType::Spill => {
                    self.slot_head(out, at)?;
                    out.extend(types.take_while(|c| *c != 'r'));
                    self.reg(out, slot.reg(), at.is_in(self.marks.slot_precise))?;
                }
                SlotType::Dynptr => {
                    // The first slot of a dynptr is the one further down.
                    let first = spi;
                    spi = spi.below();
                    let Some(main) = slots.get(first) else { continue };
                    self.slot_head(out, first)?;
                    dynptr(out, main.reg())?;
                }
                SlotType::Iter => {
                    let reg = slot.reg();
                    if reg.ref_obj_id == 0 {
                        continue;
                    }
                    self.slot_head(out, at)?;
                    iterator(out, self.cx, reg)?;
                }
                SlotType::Misc | SlotType::Zero | SlotType::Invalid | SlotType::IrqFlag => {
                    self.slot_head(out, at)?;
                    out.extend(types);
                }
            }
        }
        Ok(())
    }

    /// One register (`print_reg_state`).
    fn reg(&self, out: &mut String, reg: &Reg, precise: bool) -> fmt::Result {
        if reg.is_scalar() && precise {
            out.push('P');
        }
        if reg.is_scalar() && reg.is_const() {
            return snum(out, reg.b.var_off().value as i64);
        }
        if reg.is_scalar() {
            out.push_str("scalar");
        } else {
            out.push_str(&reg_type_str(reg.ty, self.cx.kernel.semantics.log.type_names));
        }
        if reg.ty.is(RegBase::Arena) {
            return Ok(());
        }
        if reg.ty.is(RegBase::Stack) {
            if reg.frameno != self.frame.frameno {
                write!(out, "[{}]", reg.frameno)?;
            }
            if reg.is_const() {
                return snum(
                    out,
                    (reg.b.var_off().value as i64).wrapping_add(i64::from(reg.off)),
                );
            }
        }
        if reg.is(RegBase::BtfId) {
            out.push_str(type_name(self.cx, reg.btf(), reg.btf_id()));
        }
        out.push('(');
        let mut list = List { out, first: true };
        self.attributes(&mut list, reg)?;
        out.push(')');
        Ok(())
    }

    fn attributes(&self, list: &mut List<'_>, reg: &Reg) -> fmt::Result {
        if reg.id != 0 {
            list.name("id=");
            decimal(list.out, u64::from(reg.id & !ADD_CONST));
        }
        if reg.id & ADD_CONST != 0 {
            write!(list.out, "{:+}", reg.off)?;
        }
        if reg.ref_obj_id != 0 {
            list.item(format_args!("ref_obj_id={}", reg.ref_obj_id))?;
        }
        if reg.is(RegBase::BtfId) && reg.ty.has(Flags::NON_OWN_REF) {
            list.item(format_args!("non_own_ref"))?;
        }
        let of_map = reg.is(RegBase::ConstMapPtr) || reg.is(RegBase::MapKey) || reg.is(RegBase::MapValue);
        if let (true, Some(map)) = (of_map, self.cx.maps.get(reg.map().index())) {
            if !map.name.is_empty() {
                list.name("map=");
                list.out.push_str(&map.name);
            }
            list.name("ks=");
            decimal(list.out, u64::from(map.key_size));
            list.name("vs=");
            decimal(list.out, u64::from(map.value_size));
        }
        if !reg.is_scalar() && reg.off != 0 {
            list.name("off=");
            snum(list.out, i64::from(reg.off))?;
        }
        if reg.is_pkt() {
            list.name("r=");
            unum(list.out, i64::from(reg.range()) as u64)?;
        }
        if reg.is(RegBase::Mem) {
            list.name("sz=");
            unum(list.out, u64::from(reg.mem_size()))?;
        }
        if reg.ty.is(RegBase::ConstDynptr) {
            list.item(format_args!("type={}", reg.dynptr_kind().name()))?;
        }
        if reg.is_const() {
            if reg.b.var_off().value != 0 {
                list.name("imm=");
                snum(list.out, reg.b.var_off().value as i64)?;
            }
            return Ok(());
        }
        ranges(list, &reg.b)?;
        if !reg.b.var_off().is_unknown() {
            list.name("var_off=");
            tnum(list.out, reg.b.var_off())?;
        }
        Ok(())
    }
}

/// A list whose items are separated by commas.
struct List<'a> {
    out: &'a mut String,
    first: bool,
}

impl List<'_> {
    /// Begins an item with its name.
    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
        self.out.push_str(name);
    }

    fn item(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
        self.out.write_fmt(text)
    }
}

pub(super) fn iterator(out: &mut String, cx: &Context<'_>, reg: &Reg) -> fmt::Result {
    let name = type_name(cx, reg.btf(), reg.btf_id());
    let name = name.strip_prefix("bpf_iter_").unwrap_or(name);
    let state = match reg.iter_state() {
        IterState::Active => "active",
        IterState::Drained => "drained",
        IterState::Invalid => "<invalid>",
    };
    let (id, depth) = (reg.ref_obj_id, reg.iter_depth());
    write!(out, "iter_{name}(ref_id={id},state={state},depth={depth})")
}

pub(super) fn dynptr(out: &mut String, reg: &Reg) -> fmt::Result {
    write!(out, "dynptr_{}(", reg.dynptr_kind().name())?;
    let mut list = List { out, first: true };
    for (name, value) in [
        ("id", reg.id),
        ("ref_id", reg.ref_obj_id),
        ("dynptr_id", reg.dynptr_id()),
    ] {
        if value != 0 {
            list.item(format_args!("{name}={value}"))?;
        }
    }
    out.push(')');
    Ok(())
}

fn unum(out: &mut String, value: u64) -> fmt::Result {
    if value <= u64::from(u16::MAX) {
        decimal(out, value);
    } else {
        hex(out, value);
    }
    Ok(())
}

fn snum(out: &mut String, value: i64) -> fmt::Result {
    if i16::try_from(value).is_ok() {
        signed(out, value);
    } else {
        hex(out, value as u64);
    }
    Ok(())
}

fn tnum(out: &mut String, t: Tnum) -> fmt::Result {
    if t.mask == 0 {
        return unum(out, t.value);
    }
    out.push('(');
    hex(out, t.value);
    out.push_str("; ");
    hex(out, t.mask);
    out.push(')');
    Ok(())
}

/// Ranges that are not the widest; equal ones of a kind share their number (`print_scalar_ranges`).
fn ranges(list: &mut List<'_>, b: &Bounds) -> fmt::Result {
    // Without sign extension where a number is shown in hex.
    let narrow = |v: i32| {
        if i16::try_from(v).is_ok() {
            i64::from(v) as u64
        } else {
            u64::from(v as u32)
        }
    };
    let rows = [
        ("smin", b.smin() as u64, b.smin() == i64::MIN),
        ("smax", b.smax() as u64, b.smax() == i64::MAX),
        ("umin", b.umin(), b.umin() == 0),
        ("umax", b.umax(), b.umax() == u64::MAX),
        ("smin32", narrow(b.s32_min()), b.s32_min() == i32::MIN),
        ("smax32", narrow(b.s32_max()), b.s32_max() == i32::MAX),
        ("umin32", u64::from(b.u32_min()), b.u32_min() == 0),
        ("umax32", u64::from(b.u32_max()), b.u32_max() == u32::MAX),
    ];
    let is_negative = |row: &(&str, u64, bool)| row.0.starts_with('s') && (row.1 as i64) < 0;
    let mut omit = rows.map(|r| r.2);
    for (i, row) in rows.iter().enumerate() {
        if omit[i] {
            continue;
        }
        list.name(row.0);
        list.out.push('=');
        for j in (i + 2..rows.len()).step_by(2) {
            let other = &rows[j];
            if !omit[j] && other.1 == row.1 && is_negative(other) == is_negative(row) {
                omit[j] = true;
                list.out.push_str(other.0);
                list.out.push('=');
            }
        }
        if row.0.starts_with('s') {
            snum(list.out, row.1 as i64)?;
        } else {
            unum(list.out, row.1)?;
        }
    }
    Ok(())
}
