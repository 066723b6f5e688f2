//! Which process runs on which core.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::sync::OnceLock;

/// The core of the servers; `None` where there are not two.
pub(crate) fn server() -> Option<usize> {
    pair().map(|(server, _)| server)
}

/// The core of the load generator, likewise.
pub(crate) fn generator() -> Option<usize> {
    pair().map(|(_, generator)| generator)
}

fn pair() -> Option<(usize, usize)> {
    // Once: this process is on one of the two from then on.
    static PAIR: OnceLock<Option<(usize, usize)>> = OnceLock::new();
    *PAIR.get_or_init(|| {
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Some((cores.next()?, cores.next()?))
    })
}

/// Keeps this thread, and those that it starts, on a core.
pub(crate) fn to(core: Option<usize>) {
    if let Some(core) = core {
        let mut set = CpuSet::new();
        set.set(core);
        // Where it is not allowed, the figures are only less steady.
        let _ = sched_setaffinity(None, &set);
    }
}
