//! Which program may call which helper by which prototype.

use super::{HelperId, HelperProto, HelperQuery};
use crate::Kernel;

pub(crate) fn look_up(
    _kernel: &Kernel,
    _query: &HelperQuery<'_>,
    _id: HelperId,
) -> Option<&'static HelperProto> {
    None
}
