//! What a process that holds values asks of the kernel before it does anything else.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;

/// Keeps this process's memory out of core files and away from debuggers of the same user, and
/// every file it makes from everybody else.
///
/// Called by the binary first thing. It lasts for the life of the process, so that nothing a test
/// needs to look at is in its way.
///
/// # Errors
/// What the kernel says; neither call fails in an ordinary environment.
pub fn harden() -> io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // Also takes /proc/self/mem and ptrace from everyone but root.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
