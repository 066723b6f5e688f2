//! Lines on their way to the log.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait to be read; those beyond are dropped.
const WAITING: usize = 4_096;
/// How long the last lines may take when the process ends.
const LAST: Duration = Duration::from_secs(1);

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines that were dropped in this process because nobody read the log.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    /// Tells that everything before it is written.
    Flush(SyncSender<()>),
}

/// Takes lines and never waits: a log that nobody reads holds up no call.
#[derive(Clone)]
pub(super) struct Queue(SyncSender<Message>);

/// While this lives, lines are written; dropping it waits a moment for the last ones.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(Option<SyncSender<Message>>);

/// Writes what comes in to standard error, on a thread of its own.
pub(super) fn begin() -> io::Result<(Queue, LogGuard)> {
    let (sender, lines) = sync_channel(WAITING);
    thread::Builder::new().name("log".to_owned()).spawn(move || write(&lines, io::stderr()))?;
    Ok((Queue(sender.clone()), LogGuard(Some(sender))))
}

fn write(lines: &Receiver<Message>, mut log: impl io::Write) {
    for message in lines {
        match message {
            // A log that is closed is no reason to end.
            Message::Line(line) => drop(log.write_all(&line)),
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

impl LogGuard {
    /// Where a log is set up already.
    pub(super) const fn of_another() -> Self {
        Self(None)
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        let (done, flushed) = sync_channel(1);
        // Where it is full nobody reads.
        if queue.try_send(Message::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(LAST);
        }
    }
}

/// One whole line at a time, as the formatting layer writes them.
impl io::Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Message::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_cannot_wait_is_dropped_and_counted() {
        let (sender, lines) = sync_channel(2);
        let mut queue = Queue(sender);
        let before = dropped();
        for line in ["one\n", "two\n", "three\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(dropped() - before, 1);
        drop(queue);
        let mut log = Vec::new();
        write(&lines, &mut log);
        assert_eq!(log, b"one\ntwo\n");
    }

    #[test]
    fn the_guard_waits_for_lines_that_are_being_written() {
        let (sender, lines) = sync_channel(2);
        let mut queue = Queue(sender.clone());
        queue.write_all(b"last\n").unwrap();
        let writing = thread::spawn(move || {
            let mut log = Vec::new();
            write(&lines, &mut log);
            log
        });
        drop(LogGuard(Some(sender)));
        drop(queue);
        assert_eq!(writing.join().unwrap(), b"last\n");
    }
}
