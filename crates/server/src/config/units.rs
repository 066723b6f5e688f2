//! Numbers with units, as options hold them.

use std::time::Duration;

/// In milliseconds.
const DURATIONS: [(u64, &str); 5] =
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
const SIZES: [(u64, &str); 4] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "")];

/// Reads digits and the unit that follows them.
fn scaled(input: &str, units: &[(u64, &str)]) -> Option<u64> {
    let digits = input.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = input.split_at(digits);
    let (scale, _) = units.iter().find(|(_, known)| *known == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Writes a number with the largest unit that loses nothing.
fn show(number: u64, units: &[(u64, &str)]) -> String {
    let whole = |scale: u64| number != 0 && number.is_multiple_of(scale);
    let (scale, unit) = units.iter().find(|(scale, _)| whole(*scale)).unwrap_or(&(1, ""));
    format!("{}{unit}", number / scale)
}

pub(super) fn duration(input: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "must be a whole number, at least 1, and ms, s, m, h or d, as in 30d";
    // A century is longer than anyone waits, and short enough for any clock.
    const CENTURY: u64 = 100 * 366 * 86_400_000;
    match scaled(input, &DURATIONS) {
        Some(millis @ 1..=CENTURY) => Ok(Duration::from_millis(millis)),
        _ => Err(RULE),
    }
}

/// As [`duration`], or 0.
pub(super) fn duration_or_none(input: &str) -> Result<Duration, &'static str> {
    match input {
        "0" => Ok(Duration::ZERO),
        input => duration(input)
            .map_err(|_| "must be 0, or a whole number and ms, s, m, h or d, as in 60s"),
    }
}

pub(super) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS)
}

pub(super) fn size(input: &str) -> Result<u64, &'static str> {
    scaled(input, &SIZES).ok_or("must be a whole number of bytes, or one with KiB, MiB or GiB")
}

pub(super) fn show_size(size: u64) -> String {
    show(size, &SIZES)
}

pub(super) fn count(input: &str) -> Result<usize, &'static str> {
    match input.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("must be a whole number from 1 to 1000000"),
    }
}

/// A limit; 0 for none.
pub(super) fn count_or_none(input: &str) -> Result<usize, &'static str> {
    match input.parse() {
        Ok(count @ 0..=1_000_000) => Ok(count),
        _ => Err("must be a whole number from 0 to 1000000; 0 is no limit"),
    }
}

/// More threads than any machine has cores for are a slip.
pub(super) const WORKERS_MAX: usize = 1_024;

pub(super) fn workers(input: &str) -> Result<usize, &'static str> {
    match input.parse() {
        Ok(count @ 0..=WORKERS_MAX) => Ok(count),
        _ => Err("must be a whole number from 0 to 1024"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("36h", 129_600), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
            assert_eq!(show_duration(Duration::from_secs(seconds)), text);
        }
        for (text, millis) in [("100ms", 100), ("1500ms", 1_500)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for (text, bytes) in [("0", 0), ("1000", 1_000), ("3KiB", 3_072), ("64MiB", 64 << 20)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(show_size(bytes), text);
        }
    }

    #[test]
    fn numbers_that_are_none_or_too_large_are_refused() {
        for bad in [
            "",
            "s",
            "ms",
            "0ms",
            "-1s",
            "+1s",
            " 1s",
            "1.5h",
            "1 d",
            "1us",
            "1sm",
            "99999999999d",
            "36501000d",
        ] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "MiB", "1MB", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }
}
