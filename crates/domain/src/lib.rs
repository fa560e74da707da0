//! What the verifier knows about a number: known bits, and ranges seen as signed and unsigned, 64 and 32
//! bits wide.
//!
//! A [`Tnum`] says which bits are known. A [`Bounds`] is the product of a tnum with four ranges, and its
//! [`Bounds::sync`] lets each part learn from the others. On top stand arithmetic ([`Bounds::alu`]),
//! changes of width ([`Bounds::zext_32`], [`Bounds::truncate`], [`Bounds::sign_extend`]), the outcome of
//! comparisons ([`branch_taken`]) and what a comparison teaches ([`refine`]).
//!
//! The rules are those of `kernel/bpf/tnum.c` and of the bounds functions of `kernel/bpf/verifier.c` in
//! the kernel, to the bit: results are printed in logs and decide which states are equal, so a tighter
//! or a looser answer would be as wrong as an unsound one. Where verifiers differ, [`Rules`] say how.
//!
//! **Architecture invariant:** nothing here knows registers, instructions' encoding, or kernels. Every type
//! is `Copy`, nothing allocates, and no input can panic: bounds that contradict each other (they occur on
//! branches that cannot happen) wrap as they do in the kernel.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod alu;
mod bounds;
mod branch;
mod constant;
mod pointer;
mod quotient;
mod resize;
mod rules;
mod span;
mod sync;
mod tnum;

pub use alu::{AluOp, SignMaskFork};
pub use bounds::{Bounds, Violation, ViolationText};
pub use branch::{JmpOp, branch_taken, branch_taken_by_itself, refine, refine_same};
pub use constant::{Learned, refine_by_constants};
pub use rules::Rules;
pub use tnum::{Product, Tnum};

/// The part of a register that an operation looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Width {
    /// The low 32 bits (`w0`…).
    W32,
    /// The whole register (`r0`…).
    W64,
}

impl Width {
    /// The number of bits: 32 or 64.
    #[inline]
    pub const fn bits(self) -> u32 {
        match self {
            Width::W32 => 32,
            Width::W64 => 64,
        }
    }

    /// Whether this is the whole register.
    #[inline]
    pub const fn is_64(self) -> bool {
        matches!(self, Width::W64)
    }
}
