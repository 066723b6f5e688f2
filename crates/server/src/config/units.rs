//! Numbers with units, as options hold them.

use std::time::Duration;

const DURATIONS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
const SIZES: [(u64, &str); 4] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "")];

/// Reads a number with the unit that ends it; the first unit that fits is taken.
fn scaled(input: &str, units: &[(u64, &str)]) -> Option<u64> {
    let (scale, number) =
        units.iter().find_map(|(scale, unit)| Some((scale, input.strip_suffix(unit)?)))?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Writes a number with the largest unit that loses nothing.
fn show(number: u64, units: &[(u64, &str)]) -> String {
    let whole = |scale: u64| number != 0 && number.is_multiple_of(scale);
    let (scale, unit) = units.iter().find(|(scale, _)| whole(*scale)).unwrap_or(&units[3]);
    format!("{}{unit}", number / scale)
}

pub(super) fn duration(input: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "must be a whole number, at least 1, and s, m, h or d, as in 30d";
    // A century is longer than anyone waits, and short enough for any clock.
    const CENTURY: u64 = 100 * 366 * 86_400;
    match scaled(input, &DURATIONS) {
        Some(seconds @ 1..=CENTURY) => Ok(Duration::from_secs(seconds)),
        _ => Err(RULE),
    }
}

pub(super) fn show_duration(duration: Duration) -> String {
    show(duration.as_secs(), &DURATIONS)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("36h", 129_600), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
            assert_eq!(show_duration(Duration::from_secs(seconds)), text);
        }
        for (text, bytes) in [("0", 0), ("1000", 1_000), ("3KiB", 3_072), ("64MiB", 64 << 20)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(show_size(bytes), text);
        }
    }

    #[test]
    fn numbers_that_are_none_or_too_large_are_refused() {
        for bad in ["", "s", "-1s", "+1s", " 1s", "1.5h", "1 d", "99999999999d", "36501000d"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "MiB", "1MB", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }
}
