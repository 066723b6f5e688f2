//! The log: to standard error, and never a value in it.
//!
//! **Architecture Invariant:** what this workspace logs is ids, names of failures and counts.
//! Libraries below it are cut off at info, whatever the filter says: at debug and trace they
//! print frames and messages, which hold values and tokens.

use crate::config::{Config, ConfigError, LogFormat};
use std::io::{self, IsTerminal};
use std::panic;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

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
