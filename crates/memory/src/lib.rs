//! Memory that keeps nothing.
//!
//! [`Wiping`] is an allocator that overwrites what is freed. Values pass through buffers of many
//! libraries on their way in and out, which know nothing of secrets; none of them leaves a copy
//! behind for whoever reads this process's memory later. [`Locked`] is a place for one key, in
//! memory that is neither written to swap nor to a core file nor seen by a child.
//!
//! **Architecture Invariant:** this is the one crate with `unsafe` code. Each piece of it says why
//! it is sound.

mod locked;
mod wiping;

pub use locked::Locked;
pub use wiping::Wiping;
