//! What can be said, by what was broken.

pub(crate) mod alternatives;
pub(crate) mod arrays;
pub(crate) mod calls;
pub(crate) mod checks;
pub(crate) mod cost;
pub(crate) mod nulls;
pub(crate) mod numbers;
pub(crate) mod offsets;
pub(crate) mod operands;
pub(crate) mod packet;
pub(crate) mod program;
pub(crate) mod resources;
pub(crate) mod stack;
pub(crate) mod values;
