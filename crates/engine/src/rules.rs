//! The settings of the domain, from the kernel's switches; bounds that contradict each other.

use verdict_domain::{Bounds as RegBounds, Product, Rules};
use verdict_kernel::semantics::bounds::{
    Bounds, ComparedNumbers, Contradiction, DeductionRounds, LowBits, ProductBits, ProductRange,
    QuotientRange, ShiftBy32, SingleValue, SplitS32, SplitS64, UnequalBits, UnknownOperand, WrappedSum,
};

use crate::error::Res;
use crate::index::RegNo;
use crate::observer::Observer;
use crate::verifier::Verifier;

/// How bounds are computed under these switches.
pub(crate) fn domain_rules(bounds: &Bounds) -> Rules {
    Rules {
        by_sign: bounds.deduction_rounds == DeductionRounds::BySign,
        rounds: match bounds.deduction_rounds {
            DeductionRounds::BySign => 0,
            DeductionRounds::Two => 2,
            DeductionRounds::Three => 3,
        },
        split_64: bounds.split_s64 == SplitS64::Narrows,
        split_32: bounds.split_s32 == SplitS32::Narrows,
        unequal_by_bits: bounds.unequal_bits == UnequalBits::Decide,
        low_from_whole: bounds.low_bits == LowBits::Whole,
        keep_wrapped: bounds.wrapped_sum == WrappedSum::Kept,
        signed_product: bounds.product_range == ProductRange::Unless,
        product_bits: match bounds.product_bits {
            ProductBits::Masks => Product::Masks,
            ProductBits::Doubt => Product::Doubt,
            ProductBits::Union => Product::Union,
        },
        shift_sign: bounds.shift_by_32 == ShiftBy32::Both,
        by_constants: bounds.compared_numbers == ComparedNumbers::WithConstants,
        bitwise_by_signs: bounds.contradiction == Contradiction::Unnoticed,
        quotients: bounds.quotient_range == QuotientRange::Constant,
        single_value: bounds.single_value == SingleValue::Known,
        keeps_contradiction: bounds.contradiction == Contradiction::DeadBranch,
        known_operand: bounds.unknown_operand == UnknownOperand::Additive,
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Reports bounds that contradict each other and forgets the ranges (`reg_bounds_sanity_check`).
    #[inline]
    pub(crate) fn check_bounds(&mut self, bounds: &mut RegBounds, context: &str) -> Res<()> {
        match bounds.violation() {
            None => Ok(()),
            Some(_) if self.ignores_contradictions() => Ok(()),
            Some(_) => self.mend_bounds(bounds, context),
        }
    }

    /// As [`Verifier::check_bounds`], of a register.
    #[inline]
    pub(crate) fn check_reg_bounds(&mut self, reg: RegNo, context: &str) -> Res<()> {
        match self.reg(reg).b.violation() {
            None => Ok(()),
            Some(_) if self.ignores_contradictions() => Ok(()),
            Some(_) => self.mend_reg_bounds(reg, context),
        }
    }

    fn ignores_contradictions(&self) -> bool {
        self.env.kernel.semantics.bounds.contradiction == Contradiction::Unnoticed
    }

    #[cold]
    fn mend_bounds(&mut self, bounds: &mut RegBounds, context: &str) -> Res<()> {
        if self.bounds_are_violated(bounds, context)? {
            bounds.set_unbounded();
        }
        Ok(())
    }

    #[cold]
    fn mend_reg_bounds(&mut self, reg: RegNo, context: &str) -> Res<()> {
        let mut bounds = self.reg(reg).b;
        self.mend_bounds(&mut bounds, context)?;
        self.walk.cur.reg_mut(reg).b = bounds;
        Ok(())
    }
}
