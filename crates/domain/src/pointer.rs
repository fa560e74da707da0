//! A pointer's variable offset: the arithmetic of `adjust_ptr_min_max_vals`.

use crate::Bounds;

impl Bounds {
    /// Whether these, as the offset added to a pointer, contradict themselves; the result is then an unknown
    /// scalar rather than a pointer.
    #[inline]
    pub const fn is_contradictory_offset(&self) -> bool {
        (self.is_const() && (self.smin != self.smax || self.umin != self.umax))
            || self.smin > self.smax
            || self.umin > self.umax
    }

    /// The variable offset `self` of a pointer after `offset`, not a foldable constant, was added.
    ///
    /// The result has no 32-bit ranges and is not yet [synced](Bounds::sync): the kernel checks that the
    /// offset is sane in between.
    #[inline]
    #[must_use]
    pub fn add_to_pointer(&self, offset: &Bounds) -> Bounds {
        let mut sum = Bounds {
            var_off: self.var_off + offset.var_off,
            ..Bounds::UNKNOWN
        };
        if let (Some(min), Some(max)) = (
            self.smin.checked_add(offset.smin),
            self.smax.checked_add(offset.smax),
        ) {
            (sum.smin, sum.smax) = (min, max);
        }
        if let (Some(min), Some(max)) = (
            self.umin.checked_add(offset.umin),
            self.umax.checked_add(offset.umax),
        ) {
            (sum.umin, sum.umax) = (min, max);
        }
        sum
    }

    /// The variable offset `self` of a pointer after `offset`, not a foldable constant, was subtracted.
    ///
    /// As for [`Bounds::add_to_pointer`], without 32-bit ranges and not yet synced.
    #[inline]
    #[must_use]
    pub fn sub_from_pointer(&self, offset: &Bounds) -> Bounds {
        let mut diff = Bounds {
            var_off: self.var_off - offset.var_off,
            ..Bounds::UNKNOWN
        };
        if let (Some(min), Some(max)) = (
            self.smin.checked_sub(offset.smax),
            self.smax.checked_sub(offset.smin),
        ) {
            (diff.smin, diff.smax) = (min, max);
        }
        if self.umin >= offset.umax {
            diff.umin = self.umin.wrapping_sub(offset.umax);
            diff.umax = self.umax.wrapping_sub(offset.umin);
        }
        diff
    }
}
