//! The call stack of a state.

use std::ops::{Index, IndexMut};

use super::FrameSlot;

/// The frames of a state, outermost first; never empty.
///
/// The executing frame lies here itself: it is what nearly every access is about, and most programs have no
/// other.
#[derive(Clone, Debug)]
pub struct Frames {
    top: FrameSlot,
    callers: Vec<FrameSlot>,
}

impl Frames {
    /// One frame.
    pub fn new(only: FrameSlot) -> Frames {
        Frames {
            top: only,
            callers: Vec::new(),
        }
    }
    /// Number of frames.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.callers.len() + 1
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
    pub fn get(&self, frame: usize) -> Option<&FrameSlot> {
        if frame == self.callers.len() {
            Some(&self.top)
        } else {
            self.callers.get(frame)
        }
    }
    /// A frame for writing.
    #[inline]
    pub fn get_mut(&mut self, frame: usize) -> Option<&mut FrameSlot> {
        if frame == self.callers.len() {
            Some(&mut self.top)
        } else {
            self.callers.get_mut(frame)
        }
    }
    /// All frames.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &FrameSlot> {
        self.callers.iter().chain(std::iter::once(&self.top))
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

impl Index<usize> for Frames {
    type Output = FrameSlot;
    #[inline]
    fn index(&self, frame: usize) -> &FrameSlot {
        if frame == self.callers.len() {
            &self.top
        } else {
            &self.callers[frame]
        }
    }
}

impl IndexMut<usize> for Frames {
    #[inline]
    fn index_mut(&mut self, frame: usize) -> &mut FrameSlot {
        if frame == self.callers.len() {
            &mut self.top
        } else {
            &mut self.callers[frame]
        }
    }
}
