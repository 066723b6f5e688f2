//! What goes together into one call.

use crate::env_file::Entry;

const MOST: usize = 100;
const MOST_BYTES: usize = 1 << 20;

/// The entries in their order, in batches that a server takes.
pub(super) fn batches(mut entries: &[Entry]) -> Vec<&[Entry]> {
    let mut batches = Vec::new();
    while !entries.is_empty() {
        let mut bytes = 0;
        let fit = entries.iter().take(MOST).take_while(|entry| {
            bytes += entry.value.len();
            bytes <= MOST_BYTES
        });
        // A single value always fits.
        let (batch, rest) = entries.split_at(fit.count().max(1));
        batches.push(batch);
        entries = rest;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn lengths(entries: usize, bytes: usize) -> Vec<usize> {
        let entry = |line| Entry {
            name: format!("A{line}"),
            value: Zeroizing::new("a".repeat(bytes)),
            line,
            expandable: false,
        };
        let entries: Vec<Entry> = (0..entries).map(entry).collect();
        batches(&entries).iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn a_batch_is_as_large_as_a_server_takes() {
        assert_eq!(lengths(0, 1), [0; 0]);
        assert_eq!(lengths(100, 1), [100]);
        assert_eq!(lengths(201, 1), [100, 100, 1]);
        assert_eq!(lengths(33, 65_536), [16, 16, 1]);
    }
}
