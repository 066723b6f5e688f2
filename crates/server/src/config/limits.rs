//! How much is taken of a caller, and of all of them together.

use super::units;
use std::fmt::Display;
use std::time::Duration;

/// What keeps one caller, or all of them, from taking more than there is.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Limits {
    /// The longest that a call may take, whatever its caller allows: a number and ms, s, m, h or
    /// d. What a stream may take is --watch-max-age.
    #[arg(
        long,
        env = "WAXSEAL_MAX_DEADLINE",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "30s"
    )]
    pub max_deadline: Duration,

    /// Calls a second that one principal may make; those of one second may come at once. 0 for no
    /// limit.
    #[arg(
        long,
        env = "WAXSEAL_RATE_LIMIT",
        value_name = "COUNT",
        value_parser = units::count_or_none,
        default_value_t = Self::default().rate_limit
    )]
    pub rate_limit: usize,

    /// Calls a second with wrong credentials that may come from one address; those of one second
    /// may come at once. Above it only credentials that were good lately are taken from that address.
    /// 0 for no limit.
    #[arg(
        long,
        env = "WAXSEAL_FAILURE_LIMIT",
        value_name = "COUNT",
        value_parser = units::count_or_none,
        default_value_t = Self::default().failure_limit
    )]
    pub failure_limit: usize,

    /// Calls under way at once. The last quarter is kept for the runtime's, and one principal
    /// gets at most half.
    #[arg(
        long,
        env = "WAXSEAL_MAX_CALLS",
        value_name = "COUNT",
        value_parser = units::count,
        default_value_t = Self::default().max_calls
    )]
    pub max_calls: usize,

    /// Streams that one principal may have open at once.
    #[arg(
        long,
        env = "WAXSEAL_MAX_STREAMS",
        value_name = "COUNT",
        value_parser = units::count,
        default_value_t = Self::default().max_streams
    )]
    pub max_streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_deadline: Duration::from_secs(30),
            rate_limit: 10_000,
            failure_limit: 100,
            max_calls: 2_000,
            max_streams: 1_000,
        }
    }
}

impl Limits {
    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self { max_deadline, rate_limit, failure_limit, max_calls, max_streams } = self;
        line("MAX_DEADLINE", &units::show_duration(*max_deadline));
        line("RATE_LIMIT", rate_limit);
        line("FAILURE_LIMIT", failure_limit);
        line("MAX_CALLS", max_calls);
        line("MAX_STREAMS", max_streams);
    }
}
