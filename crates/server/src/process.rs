//! What a process that holds values asks of the kernel before it does anything else.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io;

/// Keeps this process's memory out of core files, and away from debuggers of the same user.
///
/// Called by the binary first thing. It lasts for the life of the process, so that nothing a test
/// needs to look at is in its way.
///
/// # Errors
/// What the kernel says; neither call fails in an ordinary environment.
pub fn harden() -> io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    // Also takes /proc/self/mem and ptrace from everyone but root.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
