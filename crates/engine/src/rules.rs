//! The settings of the domain, from the kernel's switches.

use verdict_domain::Rules;
use verdict_kernel::semantics::bounds::{
    Bounds, DeductionRounds, ProductBits, ProductRange, S32Into64, ShiftBy32, SplitS32, SplitS64,
    UnequalBits, WrappedSum,
};

/// How bounds are computed under these switches.
pub(crate) fn domain_rules(bounds: &Bounds) -> Rules {
    Rules {
        rounds: match bounds.deduction_rounds {
            DeductionRounds::Two => 2,
            DeductionRounds::Three => 3,
        },
        split_64: bounds.split_s64 == SplitS64::Narrows,
        split_32: bounds.split_s32 == SplitS32::Narrows,
        low_signed: bounds.s32_into_64 == S32Into64::Narrows,
        unequal_by_bits: bounds.unequal_bits == UnequalBits::Decide,
        keep_wrapped: bounds.wrapped_sum == WrappedSum::Kept,
        signed_product: bounds.product_range == ProductRange::Unless,
        product_by_union: bounds.product_bits == ProductBits::Union,
        shift_sign: bounds.shift_by_32 == ShiftBy32::Both,
    }
}
