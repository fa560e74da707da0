//! Changes of width: zero extension, truncation, sign extension.

use crate::tnum::low_bytes;
use crate::{Bounds, Rules, Tnum};

impl Bounds {
    /// The low 32 bits extended with zeros (`zext_32_to_64`). Not [synced](Bounds::sync).
    ///
    /// The signed 64-bit range takes the signed 32-bit one if that has no negative number; otherwise it is
    /// `0..=u32::MAX`, to be narrowed by a sync.
    #[inline]
    pub fn zext_32(&mut self) {
        self.var_off = self.var_off.subreg();
        self.umin = u64::from(self.u32_min);
        self.umax = u64::from(self.u32_max);
        if self.s32_min >= 0 && self.s32_max >= 0 {
            self.smin = i64::from(self.s32_min);
            self.smax = i64::from(self.s32_max);
        } else {
            self.smin = 0;
            self.smax = i64::from(u32::MAX);
        }
    }

    /// The lowest `bytes` bytes (1, 2 or 4) extended with zeros, synced (`coerce_reg_to_size`; where deductions go by the
    /// sign, four bytes are left unsynced).
    #[inline]
    pub fn truncate(&mut self, bytes: u32, rules: Rules) {
        let keep = low_bytes(bytes);
        self.var_off = self.var_off.cast(bytes);
        if self.umin & !keep == self.umax & !keep {
            self.umin &= keep;
            self.umax &= keep;
        } else {
            self.umin = 0;
            self.umax = keep;
        }
        self.smin = self.umin as i64;
        self.smax = self.umax as i64;
        if rules.by_sign {
            if bytes < 4 {
                self.low_from_whole(rules);
            }
            return;
        }
        if bytes < 4 {
            self.set_unbounded_32();
        }
        self.sync(rules);
    }

    /// Replaces the ranges of the low half by the whole's, where those fit, and [syncs](Bounds::sync)
    /// (`__reg_combine_64_into_32`, before Linux 6.8).
    pub(crate) fn low_from_whole(&mut self, rules: Rules) {
        self.set_unbounded_32();
        if let (Ok(min), Ok(max)) = (i32::try_from(self.smin), i32::try_from(self.smax)) {
            (self.s32_min, self.s32_max) = (min, max);
        }
        if let (Ok(min), Ok(max)) = (u32::try_from(self.umin), u32::try_from(self.umax)) {
            (self.u32_min, self.u32_max) = (min, max);
        }
        self.sync(rules);
    }

    /// Replaces the whole's ranges by those of the low half if the rest is zero, else forgets them, and
    /// [syncs](Bounds::sync) (`__reg_combine_32_into_64`, before Linux 6.8).
    pub(crate) fn whole_from_low(&mut self, rules: Rules) {
        if self.var_off.clear_subreg() == Tnum::constant(0) {
            self.zext_32();
        } else {
            self.set_unbounded_64();
        }
        self.sync(rules);
    }

    /// The lowest `bytes` bytes (1, 2 or 4) extended with their sign to 64 bits (`coerce_reg_to_size_sx`).
    /// Complete as it is: the kernel does not sync here.
    #[inline]
    pub fn sign_extend(&mut self, bytes: u32) {
        if let Some(value) = self.const_value() {
            *self = Bounds::constant(sign_extended(value, bytes) as u64);
            return;
        }
        let shift = bytes.min(8) * 8;
        let same_high = shift == 64 || (self.smin as u64) >> shift == (self.smax as u64) >> shift;
        if same_high {
            let (a, b) = (
                sign_extended(self.smin as u64, bytes),
                sign_extended(self.smax as u64, bytes),
            );
            let (min, max) = (a.min(b), a.max(b));
            if (min >= 0) == (max >= 0) {
                *self = Bounds {
                    var_off: Tnum::range(min as u64, max as u64),
                    smin: min,
                    smax: max,
                    umin: min as u64,
                    umax: max as u64,
                    s32_min: min as i32,
                    s32_max: max as i32,
                    u32_min: min as u32,
                    u32_max: max as u32,
                };
                return;
            }
        }
        let (min, max) = signed_limits(bytes);
        *self = Bounds {
            smin: min,
            smax: max,
            s32_min: min as i32,
            s32_max: max as i32,
            ..Bounds::UNKNOWN
        };
    }

    /// The lowest `bytes` bytes (1 or 2) extended with their sign to 32 bits (`coerce_subreg_to_size_sx`).
    ///
    /// The 64-bit ranges are left behind: a [`zext_32`](Bounds::zext_32) and a [`sync`](Bounds::sync) follow.
    #[inline]
    pub fn sign_extend_subreg(&mut self, bytes: u32) {
        if let Some(value) = self.const_value() {
            let value = sign_extended(value, bytes);
            self.var_off = Tnum::constant(value as u64);
            (self.s32_min, self.s32_max) = (value as i32, value as i32);
            (self.u32_min, self.u32_max) = (value as u32, value as u32);
            return;
        }
        let shift = bytes.min(4) * 8;
        let same_high = shift == 32 || (self.s32_min as u32) >> shift == (self.s32_max as u32) >> shift;
        if same_high {
            let a = sign_extended(self.s32_min as u64, bytes) as i32;
            let b = sign_extended(self.s32_max as u64, bytes) as i32;
            let (min, max) = (a.min(b), a.max(b));
            if (min >= 0) == (max >= 0) {
                (self.s32_min, self.s32_max) = (min, max);
                (self.u32_min, self.u32_max) = (min as u32, max as u32);
                self.var_off = Tnum::range(min as u64, max as u64).subreg();
                return;
            }
        }
        let (min, max) = signed_limits(bytes);
        (self.s32_min, self.s32_max) = (min as i32, max as i32);
        (self.u32_min, self.u32_max) = (0, u32::MAX);
        self.var_off = Tnum::UNKNOWN.subreg();
    }
}

/// The lowest `bytes` bytes of `value` as a signed number.
#[inline]
const fn sign_extended(value: u64, bytes: u32) -> i64 {
    match bytes {
        1 => value as i8 as i64,
        2 => value as i16 as i64,
        4 => value as i32 as i64,
        _ => value as i64,
    }
}

/// The smallest and the largest signed number of `bytes` bytes.
#[inline]
const fn signed_limits(bytes: u32) -> (i64, i64) {
    match bytes {
        1 => (i8::MIN as i64, i8::MAX as i64),
        2 => (i16::MIN as i64, i16::MAX as i64),
        _ => (i32::MIN as i64, i32::MAX as i64),
    }
}
