//! The call stack of a state.

use std::ops::{Index, IndexMut};

use super::{Few, FrameSlot};
use crate::index::{FrameNo, Idx};

/// The frames of a state, outermost first; never empty.
///
/// The executing frame lies here itself: it is what nearly every access is about, and most programs have no
/// other.
#[derive(Clone, Debug)]
pub struct Frames {
    top: FrameSlot,
    callers: Few<FrameSlot>,
}

impl Frames {
    /// One frame.
    pub fn new(only: FrameSlot) -> Frames {
        Frames {
            top: only,
            callers: Few::default(),
        }
    }
    /// Number of frames.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.callers.len() + 1
    }
    /// Number of the executing frame.
    #[inline]
    pub fn executing(&self) -> FrameNo {
        FrameNo::new(self.callers.len())
    }
    /// The numbers of all frames.
    #[inline]
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = FrameNo> + use<> {
        self.executing().with_callers()
    }
    /// The executing frame.
    #[inline]
    pub fn top(&self) -> &FrameSlot {
        &self.top
    }
    /// The executing frame for writing.
    #[inline]
    pub fn top_mut(&mut self) -> &mut FrameSlot {
        &mut self.top
    }
    /// A frame.
    #[inline]
    pub fn get(&self, frame: FrameNo) -> Option<&FrameSlot> {
        if frame.index() == self.callers.len() {
            Some(&self.top)
        } else {
            self.callers.get(frame.index())
        }
    }
    /// A frame for writing.
    #[inline]
    pub fn get_mut(&mut self, frame: FrameNo) -> Option<&mut FrameSlot> {
        if frame.index() == self.callers.len() {
            Some(&mut self.top)
        } else {
            self.callers.get_mut(frame.index())
        }
    }
    /// All frames.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &FrameSlot> {
        self.callers.iter().chain(std::iter::once(&self.top))
    }
    /// All frames with their numbers.
    #[inline]
    pub fn enumerated(&self) -> impl Iterator<Item = (FrameNo, &FrameSlot)> {
        self.iter().enumerate().map(|(at, slot)| (FrameNo::new(at), slot))
    }
    /// All frames for writing.
    #[inline]
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut FrameSlot> {
        self.callers.iter_mut().chain(std::iter::once(&mut self.top))
    }
    /// Calls: the new frame executes.
    pub fn push(&mut self, callee: FrameSlot) {
        let caller = std::mem::replace(&mut self.top, callee);
        self.callers.push(caller);
    }
    /// Returns to the caller, if there is one.
    pub fn pop(&mut self) {
        if let Some(caller) = self.callers.pop() {
            self.top = caller;
        }
    }
}

impl Index<FrameNo> for Frames {
    type Output = FrameSlot;
    #[inline]
    fn index(&self, frame: FrameNo) -> &FrameSlot {
        if frame.index() == self.callers.len() {
            &self.top
        } else {
            &self.callers[frame.index()]
        }
    }
}

impl IndexMut<FrameNo> for Frames {
    #[inline]
    fn index_mut(&mut self, frame: FrameNo) -> &mut FrameSlot {
        if frame.index() == self.callers.len() {
            &mut self.top
        } else {
            &mut self.callers[frame.index()]
        }
    }
}
