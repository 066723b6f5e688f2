//! The allocator.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use zeroize::optimization_barrier;

/// Hands memory out from another allocator, and overwrites it with zeros before it goes back.
///
/// What is written into a block is gone when it is freed, grown or shrunk; growing and shrinking
/// copy into another block, for the other allocator could move a block and leave the old bytes.
/// Memory that C libraries allocate for themselves does not pass here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wiping<A>(pub A);

// SAFETY: each block comes from the inner allocator and goes back to it, with the layout that it
// was asked for with; what the callers of these functions promise is what the inner one is owed.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Wiping<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, handed on.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, handed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller owns the whole block, and gives it up with this call.
        unsafe { wipe(block, layout.size()) };
        // SAFETY: the caller's promise, handed on; the block came from the inner allocator.
        unsafe { self.0.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size, rounded up to the alignment, is no overflow,
        // and the alignment is one already.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller promises that the size is not 0.
        let moved = unsafe { self.0.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks are that long at least, and the new one is no part of the old.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
            // SAFETY: the caller gives the old block up where there is a new one.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

/// Overwrites memory that is about to be given up. Written at the speed of `memset`, then shown to
/// an optimisation barrier, so that the compiler cannot call it a store that nobody reads.
///
/// # Safety
/// So many bytes from there on are valid to be written to, and nobody else uses them.
#[inline]
unsafe fn wipe(block: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { ptr::write_bytes(block, 0, length) };
    optimization_barrier(&block);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;
    use std::cell::RefCell;

    /// Looks at each block when it comes back.
    #[derive(Default)]
    struct Watched(RefCell<Vec<Vec<u8>>>);

    // SAFETY: the system's allocator, looked at.
    unsafe impl GlobalAlloc for Watched {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: handed on.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the block is still the caller's, and was written to as a whole.
            let seen = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            self.0.borrow_mut().push(seen.to_vec());
            // SAFETY: handed on.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[test]
    fn what_comes_back_is_wiped_and_what_is_moved_is_kept() {
        let wiping = Wiping(Watched::default());
        let layout = Layout::from_size_align(100, 16).unwrap();
        // SAFETY: the layout is not empty.
        let block = unsafe { wiping.alloc(layout) };
        // SAFETY: the block is 100 bytes long.
        unsafe { ptr::write_bytes(block, 7, 100) };
        let (mut block, mut layout) = (block, layout);
        for size in [300, 40] {
            // SAFETY: the block is of this layout, and the size is not 0.
            block = unsafe { wiping.realloc(block, layout, size) };
            layout = Layout::from_size_align(size, 16).unwrap();
            let kept = size.min(100);
            // SAFETY: so many bytes were copied.
            let bytes = unsafe { std::slice::from_raw_parts(block, kept) };
            assert_eq!(bytes, vec![7; kept]);
            // SAFETY: the block is that long.
            unsafe { ptr::write_bytes(block, 7, size) };
        }
        // SAFETY: the block is of this layout.
        unsafe { wiping.dealloc(block, layout) };
        let seen = wiping.0.0.into_inner();
        assert_eq!(seen, [100, 300, 40].map(|length| vec![0; length]));
    }
}
