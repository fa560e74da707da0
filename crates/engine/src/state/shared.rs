//! Content that states share until one of them writes to it.

use std::rc::Rc;

/// The content for writing, copied first if others share it.
///
/// As [`Rc::make_mut`], but small enough to be inlined wherever a register is written.
#[inline(always)]
pub(crate) fn unshared<T: Clone>(content: &mut Rc<T>) -> &mut T {
    if Rc::strong_count(content) != 1 {
        copy(content);
    }
    match Rc::get_mut(content) {
        Some(own) => own,
        None => shared_again(),
    }
}

#[inline(never)]
fn copy<T: Clone>(content: &mut Rc<T>) {
    Rc::make_mut(content);
}

/// A copy has one owner, and nothing here makes weak references.
#[cold]
fn shared_again() -> ! {
    unreachable!("a copy that was just made is not shared")
}

/// How many states share the content.
pub(crate) fn holders<T>(content: &Rc<T>) -> u64 {
    (Rc::strong_count(content) as u64).max(1)
}

/// The part of the content's own bytes that falls to each state that shares it.
pub(crate) fn share_of<T>(content: &Rc<T>) -> u64 {
    size_of::<T>() as u64 / holders(content)
}
