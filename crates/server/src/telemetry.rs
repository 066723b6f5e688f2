//! The log: to standard error, and never a value in it.
//!
//! **Architecture Invariant:** what this workspace logs is ids, names of failures and counts, in
//! [fields](lines) of known names. Of what libraries say only that they said it is written, and
//! below info not even that: they print frames and messages, which hold values and tokens.
//!
//! There is no line for each call: that is what the audit is for. A line is written where a call
//! fails for a cause that its caller is not told.

mod lines;
mod queue;

pub use queue::LogGuard;
pub(crate) use queue::dropped as lines_dropped;

use crate::config::{Config, ConfigError};
use lines::Lines;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Panics in this process since [`init`].
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Starts logging as configured, and makes panics tell where they were but not what they said:
/// the text of a panic can hold anything. Does nothing where a log is already set up. Logging
/// never waits for whoever reads the log; the guard waits for the last lines, for a second.
///
/// # Errors
/// A filter that does not parse, or no thread to be had.
pub fn init(config: &Config) -> Result<LogGuard, ConfigError> {
    let filter = filter(&config.log)?;
    let (queue, guard) = queue::begin().map_err(|_| ConfigError::LogThread)?;
    let lines = fmt::layer()
        .with_ansi(false)
        .event_format(Lines(config.log_format))
        .with_writer(move || queue.clone());
    let started = registry().with(filter).with(lines.with_filter(filter_fn(is_ours_or_tame)));
    if started.try_init().is_err() {
        return Ok(LogGuard::of_another());
    }
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic; its text is not logged");
    }));
    Ok(guard)
}

/// Reads a filter.
pub(crate) fn filter(filter: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder().parse(filter).map_err(|_| ConfigError::LogFilter)
}

fn is_ours_or_tame(line: &Metadata<'_>) -> bool {
    line.target().starts_with("waxseal") || *line.level() <= Level::INFO
}
