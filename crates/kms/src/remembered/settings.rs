//! How much is remembered, and for how long.

use std::time::Duration;

/// Settings of [`Remembered`](crate::Remembered).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedSettings {
    /// How many keys: at least one. Each takes about two hundred bytes.
    pub entries: usize,
    /// How long after it was unwrapped a key is used without asking again; at most `limit`.
    pub fresh: Duration,
    /// How long it is used if asking again fails because the provider is away. Afterwards it is
    /// forgotten. At most [`RememberedSettings::LONGEST`].
    pub limit: Duration,
}

impl RememberedSettings {
    /// A day.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for RememberedSettings {
    /// 65,536 keys, an hour, a day.
    fn default() -> Self {
        Self { entries: 65_536, fresh: Duration::from_secs(60 * 60), limit: Self::LONGEST }
    }
}
