//! What things are named by: a type for each kind of index, and vectors that are indexed by their kind alone.
//!
//! An index may lie outside of what it is to name, as a jump's target does before it was checked: indexing is for
//! indices that are known to be valid, `get` for others.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut, Range};

use crate::state::{MAX_FRAMES, REGS};

/// A kind of index.
pub trait Idx: Copy {
    /// The index of an element of a vector.
    fn new(at: usize) -> Self;
    /// Where the element is in its vector.
    fn index(self) -> usize;
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl Idx for $name {
            #[inline]
            fn new(at: usize) -> Self {
                $name(at as u32)
            }
            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl $name {
            /// Those from the first to before the second.
            #[inline]
            pub fn range(range: Range<$name>) -> impl DoubleEndedIterator<Item = $name> + Clone {
                (range.start.0..range.end.0).map($name)
            }
        }

        impl From<$name> for u32 {
            #[inline]
            fn from(at: $name) -> u32 {
                at.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index!(
    /// An instruction of the program.
    InsnIdx
);

index!(
    /// A function of the program, in the order of their starts.
    SubprogIdx
);

impl SubprogIdx {
    /// The main program.
    pub const MAIN: SubprogIdx = SubprogIdx(0);

    /// The one behind it.
    #[inline]
    pub fn next(self) -> SubprogIdx {
        SubprogIdx(self.0 + 1)
    }
}

index!(
    /// A map that the program knows, in the order of their first use.
    MapIdx
);

index!(
    /// A frame of a state: the outermost is the first.
    FrameNo
);

impl FrameNo {
    /// The frame that nothing in the program called.
    pub const OUTERMOST: FrameNo = FrameNo(0);

    /// The frame that called this one.
    #[inline]
    pub fn caller(self) -> Option<FrameNo> {
        self.0.checked_sub(1).map(FrameNo)
    }
    /// The frame that this one calls.
    #[inline]
    pub fn callee(self) -> FrameNo {
        FrameNo(self.0 + 1)
    }
    /// The frames below this one, outermost first.
    #[inline]
    pub fn callers(self) -> impl DoubleEndedIterator<Item = FrameNo> {
        (0..self.0).map(FrameNo)
    }
    /// This frame and those below it, outermost first.
    #[inline]
    pub fn with_callers(self) -> impl DoubleEndedIterator<Item = FrameNo> {
        (0..self.0 + 1).map(FrameNo)
    }
}

impl From<u8> for FrameNo {
    #[inline]
    fn from(frame: u8) -> FrameNo {
        FrameNo(frame.into())
    }
}

index!(
    /// A slot of a frame's stack: eight bytes. The first ends at the frame pointer, the others lie below it.
    Spi
);

impl Spi {
    /// The slot alone, as marks of slots have it; nothing for one that is in no mask.
    #[inline]
    pub fn bit(self) -> u64 {
        1u64.checked_shl(self.0).unwrap_or(0)
    }
    /// Whether a mask has the slot, which is one that masks can have.
    #[inline]
    pub fn is_in(self, mask: u64) -> bool {
        mask >> self.0 & 1 != 0
    }
    /// The offset of its lowest byte from the frame pointer.
    #[inline]
    pub fn off(self) -> i32 {
        -8 * (self.0 as i32 + 1)
    }
    /// The slot that lies so many slots higher, if that is one.
    #[inline]
    pub fn above(self, slots: usize) -> Option<Spi> {
        self.index().checked_sub(slots).map(Spi::new)
    }
    /// The slot that lies below it.
    #[inline]
    pub fn below(self) -> Spi {
        Spi(self.0.wrapping_add(1))
    }
}

impl InsnIdx {
    /// The one behind it.
    #[inline]
    pub fn next(self) -> InsnIdx {
        InsnIdx(self.0.wrapping_add(1))
    }
    /// The one before it; none before the first.
    #[inline]
    pub fn prev(self) -> Option<InsnIdx> {
        self.0.checked_sub(1).map(InsnIdx)
    }
    /// The number of the instruction that a jump or call here goes to, if there is one.
    #[inline]
    pub fn target(self, off: i32) -> i64 {
        i64::from(self.0) + 1 + i64::from(off)
    }
    /// Where a jump or call here goes that is known to stay within the program.
    #[inline]
    pub fn jump(self, off: i32) -> InsnIdx {
        InsnIdx(self.target(off) as u32)
    }
}

/// A register, R0 to R10. An instruction that was not checked yet may name others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RegNo(pub u8);

/// What calls give back.
pub const R0: RegNo = RegNo(0);
/// The first argument of a call.
pub const R1: RegNo = RegNo(1);
/// The second argument of a call.
pub const R2: RegNo = RegNo(2);
/// The third argument of a call.
pub const R3: RegNo = RegNo(3);
/// The fourth argument of a call.
pub const R4: RegNo = RegNo(4);
/// The fifth argument of a call.
pub const R5: RegNo = RegNo(5);

impl Idx for RegNo {
    #[inline]
    fn new(at: usize) -> Self {
        RegNo(at as u8)
    }
    #[inline]
    fn index(self) -> usize {
        self.0.into()
    }
}

impl fmt::Display for RegNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl RegNo {
    /// All registers.
    #[inline]
    pub fn all() -> impl DoubleEndedIterator<Item = RegNo> {
        (0..REGS as u8).map(RegNo)
    }
    /// Those of the arguments of a call.
    #[inline]
    pub fn args() -> impl Iterator<Item = RegNo> {
        (1..6).map(RegNo)
    }
    /// Those that a call does not preserve.
    #[inline]
    pub fn caller_saved() -> impl Iterator<Item = RegNo> {
        (0..6).map(RegNo)
    }
    /// Those with smaller numbers.
    #[inline]
    pub fn below(self) -> impl Iterator<Item = RegNo> {
        (0..self.0).map(RegNo)
    }
    /// That of an argument, counted from 0.
    #[inline]
    pub fn of_arg(arg: usize) -> RegNo {
        RegNo(arg as u8 + 1)
    }
    /// Which argument it is of, counted from 0.
    #[inline]
    pub fn arg(self) -> usize {
        self.index().saturating_sub(1)
    }
    /// The one before it: a size is behind the memory that it is of.
    #[inline]
    pub fn prev(self) -> RegNo {
        RegNo(self.0.wrapping_sub(1))
    }
    /// The register alone, as masks of registers have it.
    #[inline]
    pub fn bit(self) -> u16 {
        1 << self.0
    }
    /// Whether a mask has the register.
    #[inline]
    pub fn is_in(self, mask: impl Into<u32>) -> bool {
        mask.into() >> self.0 & 1 != 0
    }
}

/// A vector whose elements are named by one kind of index.
#[derive(Clone, Debug)]
pub struct IndexVec<I, T> {
    elements: Vec<T>,
    by: PhantomData<fn(I)>,
}

impl<I: Idx, T> IndexVec<I, T> {
    /// No elements.
    pub const fn new() -> Self {
        IndexVec {
            elements: Vec::new(),
            by: PhantomData,
        }
    }
    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.elements.len()
    }
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
    /// The index that the next element would have.
    #[inline]
    pub fn end(&self) -> I {
        I::new(self.elements.len())
    }
    /// An element, if there is one by that index.
    #[inline]
    pub fn get(&self, at: I) -> Option<&T> {
        self.elements.get(at.index())
    }
    /// An element for writing, if there is one by that index.
    #[inline]
    pub fn get_mut(&mut self, at: I) -> Option<&mut T> {
        self.elements.get_mut(at.index())
    }
    /// All elements.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.elements
    }
    /// The elements from the first to before the second; none where there are not all.
    #[inline]
    pub fn slice(&self, range: Range<I>) -> &[T] {
        let range = range.start.index()..range.end.index();
        self.elements.get(range).unwrap_or_default()
    }
    /// All elements, in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.elements.iter()
    }
    /// All elements for writing, in order.
    #[inline]
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.elements.iter_mut()
    }
    /// The index of the first element of which something holds.
    pub fn position(&self, is: impl FnMut(&T) -> bool) -> Option<I> {
        self.elements.iter().position(is).map(I::new)
    }
    /// The indices of all elements, in order.
    #[inline]
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.elements.len()).map(I::new)
    }
    /// All elements with their indices, in order.
    #[inline]
    pub fn enumerated(&self) -> impl Iterator<Item = (I, &T)> {
        self.elements.iter().enumerate().map(|(at, e)| (I::new(at), e))
    }
    /// Adds an element before the one that has the index now.
    pub fn insert(&mut self, at: I, element: T) {
        self.elements.insert(at.index(), element);
    }
    /// Adds an element behind the others; its index.
    pub fn push(&mut self, element: T) -> I {
        let at = self.end();
        self.elements.push(element);
        at
    }
}

impl<I, T: Default> IndexVec<I, T> {
    /// Adds elements until there are `len`.
    pub fn grow(&mut self, len: usize) {
        if len > self.elements.len() {
            self.elements.resize_with(len, T::default);
        }
    }
}

impl<I, T: Clone> IndexVec<I, T> {
    /// The same element `len` times.
    pub fn filled(element: T, len: usize) -> Self {
        vec![element; len].into()
    }
}

impl<I, T> Default for IndexVec<I, T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<I, T> From<Vec<T>> for IndexVec<I, T> {
    fn from(elements: Vec<T>) -> Self {
        IndexVec {
            elements,
            by: PhantomData,
        }
    }
}

impl<I, T> FromIterator<T> for IndexVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(elements: A) -> Self {
        Vec::from_iter(elements).into()
    }
}

impl<I: Idx, T> Index<I> for IndexVec<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, at: I) -> &T {
        &self.elements[at.index()]
    }
}

impl<I: Idx, T> IndexMut<I> for IndexVec<I, T> {
    #[inline]
    fn index_mut(&mut self, at: I) -> &mut T {
        &mut self.elements[at.index()]
    }
}

/// Something for each frame that a state may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PerFrame<T>([T; MAX_FRAMES]);

impl<T: Copy> PerFrame<T> {
    /// The same for all of them.
    #[inline(always)]
    pub const fn filled(element: T) -> Self {
        PerFrame([element; MAX_FRAMES])
    }
}

impl<T> PerFrame<T> {
    /// For each frame what is made for it.
    pub fn from_fn(mut of: impl FnMut(FrameNo) -> T) -> Self {
        PerFrame(std::array::from_fn(|at| of(FrameNo::new(at))))
    }
    /// That of the frames below one.
    #[inline]
    pub fn of_callers(&self, of: FrameNo) -> &[T] {
        &self.0[..of.index()]
    }
    /// That of a frame for writing, if a state may have it.
    #[inline]
    pub fn get_mut(&mut self, of: FrameNo) -> Option<&mut T> {
        self.0.get_mut(of.index())
    }
    /// That of all frames for writing, outermost first.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }
    /// That of all frames with their numbers, outermost first.
    #[inline]
    pub fn enumerated(&self) -> impl Iterator<Item = (FrameNo, &T)> {
        self.0.iter().enumerate().map(|(at, e)| (FrameNo::new(at), e))
    }
}

impl<T> IntoIterator for PerFrame<T> {
    type Item = T;
    type IntoIter = std::array::IntoIter<T, MAX_FRAMES>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> Index<FrameNo> for PerFrame<T> {
    type Output = T;
    #[inline]
    fn index(&self, of: FrameNo) -> &T {
        &self.0[of.index()]
    }
}

impl<T> IndexMut<FrameNo> for PerFrame<T> {
    #[inline]
    fn index_mut(&mut self, of: FrameNo) -> &mut T {
        &mut self.0[of.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameNo, IndexVec, InsnIdx, PerFrame, RegNo, Spi};

    #[test]
    fn jumps() {
        let at = InsnIdx(3);
        assert_eq!((at.target(-5), at.target(2)), (-1, 6));
        assert_eq!((at.jump(-4), at.jump(0)), (InsnIdx(0), at.next()));
        assert_eq!((at.prev(), InsnIdx(0).prev()), (Some(InsnIdx(2)), None));
        assert_eq!(InsnIdx::range(at..InsnIdx(1)).next(), None);
    }

    #[test]
    fn slots() {
        assert_eq!((Spi(0).off(), Spi(63).off()), (-8, -512));
        assert_eq!((Spi(1).above(1), Spi(1).above(2)), (Some(Spi(0)), None));
        assert_eq!((Spi(63).bit(), Spi(64).bit()), (1 << 63, 0));
        assert!(Spi(2).is_in(0b100) && !Spi(1).is_in(0b100));
    }

    #[test]
    fn frames() {
        assert_eq!(FrameNo::OUTERMOST.caller(), None);
        assert_eq!(FrameNo(2).callers().collect::<Vec<_>>(), [FrameNo(0), FrameNo(1)]);
        let of = PerFrame::from_fn(|frame| frame.0);
        assert_eq!((of[FrameNo(7)], of.of_callers(FrameNo(2))), (7, &[0, 1][..]));
    }

    #[test]
    fn registers() {
        assert_eq!(RegNo::of_arg(0), super::R1);
        assert_eq!(super::R5.arg(), 4);
        assert_eq!(RegNo::args().fold(0, |mask, reg| mask | reg.bit()), 0b11_1110);
        assert!(super::R2.is_in(0b100u16) && !super::R2.is_in(0b11u16));
    }

    #[test]
    fn vectors() {
        let mut insns: IndexVec<InsnIdx, char> = ['a', 'c'].into_iter().collect();
        insns.insert(InsnIdx(1), 'b');
        assert_eq!(insns.push('d'), InsnIdx(3));
        assert_eq!(insns.as_slice(), ['a', 'b', 'c', 'd']);
        assert_eq!((insns[InsnIdx(1)], insns.get(insns.end())), ('b', None));
        assert_eq!(insns.position(|c| *c == 'c'), Some(InsnIdx(2)));
    }
}
