//! Points in time.

use prost_types::Timestamp as Message;
use waxseal_domain::time::Timestamp;

pub(crate) fn message(time: Timestamp) -> Message {
    const SECOND: i64 = 1_000_000;
    let (seconds, micros) = (time.micros().div_euclid(SECOND), time.micros().rem_euclid(SECOND));
    // Less than a million micros are less than a billion nanos, so it fits.
    Message { seconds, nanos: i32::try_from(micros * 1_000).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_become_seconds_and_nanos() {
        let at = |micros| message(Timestamp::from_micros(micros));
        assert_eq!(at(1_500_000), Message { seconds: 1, nanos: 500_000_000 });
        assert_eq!(at(-1), Message { seconds: -1, nanos: 999_999_000 });
    }
}
