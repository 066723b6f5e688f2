//! Points in time.

use super::invalid;
use prost_types::Timestamp as Message;
use waxseal_domain::time::Timestamp;
use waxseal_engine::Error;

pub(crate) fn message(time: Timestamp) -> Message {
    const SECOND: i64 = 1_000_000;
    let (seconds, micros) = (time.micros().div_euclid(SECOND), time.micros().rem_euclid(SECOND));
    // Less than a million micros are less than a billion nanos, so it fits.
    Message { seconds, nanos: i32::try_from(micros * 1_000).unwrap_or_default() }
}

/// A point in time, as exactly as it is kept: to the microsecond.
pub(crate) fn read(field: &str, sent: Message) -> Result<Timestamp, Error> {
    let Message { seconds, nanos } = sent;
    let whole = seconds.checked_mul(1_000_000).filter(|_| (0..1_000_000_000).contains(&nanos));
    let micros = whole.and_then(|whole| whole.checked_add(i64::from(nanos / 1_000)));
    micros.map(Timestamp::from_micros).ok_or_else(|| invalid(field, "be a valid timestamp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_refused() {
        let at = |seconds, nanos| read("at", Message { seconds, nanos }).map(Timestamp::micros);
        assert_eq!(at(1, 500_000_999).unwrap(), 1_500_000);
        assert_eq!(at(-1, 999_999_000).unwrap(), -1);
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert!(at(seconds, nanos).is_err(), "{seconds} {nanos}");
        }
    }

    #[test]
    fn micros_become_seconds_and_nanos() {
        let at = |micros| message(Timestamp::from_micros(micros));
        assert_eq!(at(1_500_000), Message { seconds: 1, nanos: 500_000_000 });
        assert_eq!(at(-1), Message { seconds: -1, nanos: 999_999_000 });
    }
}
