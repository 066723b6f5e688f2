//! The log: to standard error, and never a value in it.
//!
//! **Architecture Invariant:** what this workspace logs is ids, names of failures and counts.
//! Libraries below it are cut off at info, whatever the filter says: at debug and trace they
//! print frames and messages, which hold values and tokens.

use crate::config::{Config, ConfigError, LogFormat};
use std::io::{self, IsTerminal};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

static PANICS: AtomicU64 = AtomicU64::new(0);
static LINES_DROPPED: AtomicU64 = AtomicU64::new(0);

/// Panics in this process since [`init`].
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Lines that were not logged in this process because nobody read the log.
pub(crate) fn lines_dropped() -> u64 {
    LINES_DROPPED.load(Ordering::Relaxed)
}

/// Starts logging as configured, and makes panics tell where they were but not what they said:
/// the text of a panic can hold anything. Does nothing where a log is already set up.
///
/// # Errors
/// A filter that does not parse.
pub fn init(config: &Config) -> Result<(), ConfigError> {
    let filter = filter(&config.log)?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().with_ansi(false).boxed(),
    };
    let started = registry().with(filter).with(lines.with_filter(filter_fn(is_ours_or_tame)));
    if started.try_init().is_ok() {
        panic::set_hook(Box::new(|panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a panic; its text is not logged");
        }));
    }
    Ok(())
}

/// Reads a filter.
pub(crate) fn filter(filter: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder().parse(filter).map_err(|_| ConfigError::LogFilter)
}

fn is_ours_or_tame(line: &Metadata<'_>) -> bool {
    line.target().starts_with("waxseal") || *line.level() <= Level::INFO
}
