//! What may differ between the bounds of two verifiers.

use crate::Product;

/// The settings under which bounds are computed.
///
/// They are chosen once and handed to every function that depends on one of them. A deduction that is switched
/// off is only a loss: bounds are sound under any setting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    /// Whether the ranges of a width learn from each other by the sign alone, and nothing from the other width's but
    /// where a value changes its width: the deductions before Linux 6.8. The three rules below do not matter then.
    pub by_sign: bool,
    /// How often [`Bounds::sync`](crate::Bounds::sync) repeats the deductions between the ranges.
    pub rounds: u8,
    /// Whether a signed 64-bit range that crosses zero narrows an unsigned one that meets only one of its sides,
    /// and is narrowed by it.
    pub split_64: bool,
    /// The same for the 32-bit ranges.
    pub split_32: bool,
    /// Whether two values that are known to differ in a bit are known to be unequal.
    pub unequal_by_bits: bool,
    /// Whether an unsigned 64-bit range with only one number that has the known bits makes it known.
    pub single_value: bool,
    /// Whether ranges that contradict each other are left as they are: they tell that a branch is never taken.
    pub keeps_contradiction: bool,
    /// Whether quotients and remainders by a known number have ranges.
    pub quotients: bool,
    /// Whether the bits of the low half are learnt from those that the whole's ranges tell; otherwise from those that
    /// were known before.
    pub low_from_whole: bool,
    /// Whether the unsigned range of a sum or difference is kept when both its ends wrap.
    pub keep_wrapped: bool,
    /// Whether products keep their ranges as long as no end overflows, negative factors among them; otherwise
    /// only those of factors that are not negative and at most half as wide as the register.
    pub signed_product: bool,
    /// How the known bits of a product are computed.
    pub product_bits: Product,
    /// Whether `<<= 32` moves the signed range of the low half up even if it has negative numbers.
    pub shift_sign: bool,
    /// Whether a comparison teaches only about a number compared with a known one (and of two equal numbers what both
    /// are), and only a known number decides one.
    pub by_constants: bool,
    /// Whether the signed range of a bitwise result is known where neither operand can be negative; otherwise
    /// where the unsigned one does not cross the sign boundary. Only ranges that contradict each other tell the two
    /// apart: of others, [`Bounds::sync`](crate::Bounds::sync) finds the same.
    pub bitwise_by_signs: bool,
    /// Whether only sums, differences and intersections are computed when the second operand is not known.
    pub known_operand: bool,
}
