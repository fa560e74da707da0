//! One file per class of instruction: what it does to the state, and where the walk goes next.

mod alu;
mod atomic;
mod compared;
mod exit;
mod jump;
mod ld_abs;
mod ld_imm;
mod lines;
mod load;
mod ret_code;
mod store;
mod straight;

pub(crate) use alu::MAX_VAR_OFF;
pub(crate) use compared::Compared;
pub(crate) use exit::malformed_rule;
pub(crate) use lines::Lines;
pub(crate) use straight::Plain;
