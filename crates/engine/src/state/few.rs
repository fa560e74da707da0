//! Lists that are nearly always empty.

use std::ops::{Deref, DerefMut};

/// A vector of which most copies are of none: those cost nothing.
#[derive(PartialEq, Eq, Debug)]
pub struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    #[inline]
    fn default() -> Self {
        Few(Vec::new())
    }
}

impl<T: Clone> Clone for Few<T> {
    #[inline]
    fn clone(&self) -> Self {
        match self.0.is_empty() {
            true => Few::default(),
            false => Few(self.0.clone()),
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = Vec<T>;
    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
