//! Looking into the memory of another process.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// How long what is on its way may take to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Memory {
    maps: String,
    memory: File,
}

impl Memory {
    /// The memory of a child. It has to be permitted: a test that cannot look has found nothing.
    pub fn of(process: u32) -> Self {
        let path = format!("/proc/{process}/mem");
        let memory = File::open(&path).unwrap_or_else(|error| {
            panic!(
                "{path}: {error}; this test needs root, or user namespaces: a server lets nobody \
                 else look into its memory"
            )
        });
        Self { maps: format!("/proc/{process}/maps"), memory }
    }

    /// How often a text is in memory that can be written to.
    pub fn count(&self, text: &str) -> usize {
        let maps = std::fs::read_to_string(&self.maps).unwrap();
        let (mut count, mut looked_at) = (0, 0);
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            if !rights.starts_with("rw") {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // What was unmapped since is gone.
            let Ok(read) = self.memory.read_at(&mut bytes, from) else { continue };
            looked_at += read;
            count += occurrences(&bytes[..read], text.as_bytes());
        }
        assert!(looked_at > 1 << 20, "{looked_at} bytes of memory");
        count
    }
}

fn occurrences(bytes: &[u8], text: &[u8]) -> usize {
    let (first, length) = (text[0], text.len());
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts.filter(|(at, _)| bytes.get(*at..at + length) == Some(text)).count()
}

/// Looks again and again until it is as wanted; gives what was seen last.
pub async fn patiently<T: Copy>(
    mut look: impl AsyncFnMut() -> T,
    is_wanted: impl Fn(T) -> bool,
) -> T {
    let begun = Instant::now();
    loop {
        let seen = look().await;
        if is_wanted(seen) || begun.elapsed() > PATIENCE {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
