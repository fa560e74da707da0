//! What states hold: references, locks, saved interrupt flags.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::Ref;
use super::shared::{share_of, unshared};

/// A list of resources, in the order in which they were acquired. Most lists are empty; long ones are shared until they change.
#[derive(Clone, Default, Debug)]
pub struct Held(Option<Rc<Vec<Ref>>>);

impl Held {
    const NOTHING: &'static Vec<Ref> = &Vec::new();

    /// How many resources a change of the list would copy, as others share it.
    #[inline]
    pub(crate) fn shared(&self) -> u64 {
        match &self.0 {
            Some(list) if Rc::strong_count(list) > 1 => list.len() as u64,
            _ => 0,
        }
    }

    /// Bytes that it takes, of what is shared a part: all that share it take it together.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |list| {
            let content = (list.capacity() * size_of::<Ref>()) as u64;
            share_of(list) + content / super::shared::holders(list)
        })
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) if Rc::ptr_eq(one, two) => true,
            _ => **self == **other,
        }
    }
}

impl Eq for Held {}

impl Deref for Held {
    type Target = Vec<Ref>;
    #[inline]
    fn deref(&self) -> &Vec<Ref> {
        self.0.as_deref().unwrap_or(Held::NOTHING)
    }
}

impl DerefMut for Held {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<Ref> {
        unshared(self.0.get_or_insert_default())
    }
}

impl<'f> IntoIterator for &'f Held {
    type Item = &'f Ref;
    type IntoIter = std::slice::Iter<'f, Ref>;
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
