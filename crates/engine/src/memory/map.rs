//! Values of maps: bounds, the map's access flags, and the special fields that only helpers may touch.

use verdict_kernel::ctx::Access;
use verdict_kernel::rule::{By, Rule};
use verdict_kernel::semantics::log::PointerWords;
use verdict_kernel::types::RegBase;
use verdict_syscall::{Field, FieldKind, FieldMask};

use super::{MemAccess, Source};
use crate::error::{Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A load from or store into a map's value.
    pub(super) fn access_map_value(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        self.check_map_access_type(reg, m.off, m.size, m.access)?;
        self.check_map_access(m.regno, m.off, m.size, false, Source::Direct)?;
        if let Some(field) = self.kptr_at(reg, m.off)? {
            return self.check_map_kptr_access(m, &field);
        }
        let Some(value) = m.loaded() else { return Ok(()) };
        let map = self.map_of(reg)?;
        if reg.is_const() && map.is_rdonly() && map.has_direct_value() {
            let at = i64::from(m.off).wrapping_add(reg.b.var_off().value as i64) as u32;
            let read = map.read_constant(at, m.size.unsigned_abs(), m.sign);
            let number = read.by(Rule::DirectValue)?;
            self.set_known_zero(value, RegBase::Scalar.into());
            self.walk.cur.reg_mut(value).set_known(number);
        } else {
            self.set_unknown(value);
        }
        Ok(())
    }

    /// The kernel pointer field that starts where the access does.
    fn kptr_at(&self, reg: &Reg, off: i32) -> Res<Option<Field>> {
        let Some(record) = self.map_of(reg)?.record.as_ref() else {
            return Ok(None);
        };
        if !reg.is_const() {
            return Ok(None);
        }
        let at = (reg.b.var_off().value as u32).wrapping_add(off as u32);
        let field = record.find(at, FieldMask::KPTR).copied();
        Ok(field.map(|field| self.owned_field(reg, field)))
    }

    /// Whether the map lets programs read or write (`check_map_access_type`).
    pub(crate) fn check_map_access_type(&self, reg: &Reg, off: i32, size: i32, access: Access) -> Res<()> {
        let map = self.map_of(reg)?;
        let value_size = map.value_size as i32;
        match access {
            Access::Write if !map.prog_can_write() => {
                reject!(
                    MapAccessFlags,
                    EACCES,
                    "write into map forbidden, value_size={value_size} off={off} size={size}\n"
                )
            }
            Access::Read if !map.prog_can_read() => {
                reject!(
                    MapAccessFlags,
                    EACCES,
                    "read from map forbidden, value_size={value_size} off={off} size={size}\n"
                )
            }
            Access::Read | Access::Write => Ok(()),
        }
    }

    /// Checks bytes of a map's value, wherever in it the variable offset leads (`check_map_access`).
    pub(crate) fn check_map_access(
        &mut self,
        regno: RegNo,
        off: i32,
        size: i32,
        zero_ok: bool,
        source: Source,
    ) -> Res<()> {
        let value_size = self.map_of(self.reg(regno))?.value_size;
        self.check_mem_region_access(regno, off, size, value_size, zero_ok)?;
        let reg = self.reg(regno);
        let map = self.map_of(reg)?;
        let Some(record) = &map.record else { return Ok(()) };
        let least = reg.b.smin().wrapping_add(i64::from(off));
        let end = reg
            .b
            .umax()
            .wrapping_add(i64::from(off) as u64)
            .wrapping_add(i64::from(size) as u64);
        let words = self.env.kernel.semantics.log.pointer_words;
        for field in &record.fields {
            let field_end = field.offset.wrapping_add(field.size);
            if least < i64::from(field_end) && u64::from(field.offset) < end {
                check_field_access(reg, field, off, size, source, words)?;
            }
        }
        Ok(())
    }
}

/// An access touches a special field: only a kernel pointer may be, directly and as a whole.
fn check_field_access(
    reg: &Reg,
    field: &Field,
    off: i32,
    size: i32,
    source: Source,
    words: PointerWords,
) -> Res<()> {
    let FieldKind::Kptr(..) = field.kind else {
        reject!(
            SpecialFieldAccess,
            EACCES,
            "{} cannot be accessed directly by load/store\n",
            field.kind.name()
        );
    };
    let name = match words {
        PointerWords::Kptr => "kptr",
        PointerWords::ByKind => field.kind.name(),
    };
    if source != Source::Direct {
        reject!(
            KptrAccess,
            EACCES,
            "{name} cannot be accessed indirectly by helper\n"
        );
    }
    if !reg.is_const() {
        reject!(KptrAccess, EACCES, "{name} access cannot have variable offset\n");
    }
    let at = (i64::from(off) as u64).wrapping_add(reg.b.var_off().value);
    if u64::from(field.offset) != at {
        reject!(
            KptrAccess,
            EACCES,
            "{name} access misaligned expected={} off={at}\n",
            field.offset
        );
    }
    if size != 8 {
        reject!(KptrAccess, EACCES, "{name} access size must be BPF_DW\n");
    }
    Ok(())
}
