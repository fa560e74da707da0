//! Where in the sources a refusal was made.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;

/// The place in verdict's own sources that refused, for measuring which of them real kernels were compared at. It says
/// nothing to users: refusals are equal wherever they were made, and no form of an answer has it.
#[derive(Clone, Copy)]
pub struct RefusedAt(&'static Location<'static>);

impl RefusedAt {
    /// The place that calls.
    #[track_caller]
    pub const fn here() -> RefusedAt {
        RefusedAt(Location::caller())
    }

    /// The source file, from the workspace's root.
    pub fn file(self) -> &'static str {
        self.0.file()
    }

    /// The line in it, from 1.
    pub fn line(self) -> u32 {
        self.0.line()
    }
}

impl PartialEq for RefusedAt {
    fn eq(&self, _other: &RefusedAt) -> bool {
        true
    }
}

impl Eq for RefusedAt {}

impl Hash for RefusedAt {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl fmt::Debug for RefusedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusedAt")
    }
}

#[cfg(test)]
mod tests {
    use crate::errno::Errno;
    use crate::rule::Rule;

    #[test]
    fn a_refusal_knows_its_place_and_is_equal_to_one_of_another() {
        let (here, there) = (
            Rule::MapAttributes.with(Errno::EINVAL),
            Rule::MapAttributes.with(Errno::EINVAL),
        );
        assert!(here.site.file().ends_with("refused_at.rs"));
        assert_eq!(here.site.line() + 1, there.site.line());
        assert_eq!(here, there);
        assert_eq!(format!("{here:?}"), format!("{there:?}"));
    }
}
