//! A value on a terminal, for a while.
//!
//! It is shown on the alternate screen, which has no scrollback: when the time is over, or at any
//! signal, the screen is wiped and the terminal is as it was before.

use crate::failure::Failure;
use crate::terminal::Unechoed;
use crate::{signals, terminal};
use rustix::termios::tcgetwinsize;
use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const OPEN: &str = "\x1b[?1049h\x1b[H\x1b[2J";
const CLOSE: &str = "\x1b[H\x1b[2J\x1b[?1049l";
/// Wipes the line on which the cursor is.
const WIPE: &str = "\r\x1b[2K";
const SECOND: Duration = Duration::from_secs(1);

/// Shows a value for `time`, or until a signal comes. `title` stands above it, with the time left.
pub(crate) async fn show(title: &str, value: &[u8], time: Duration) -> Result<(), Failure> {
    let tty = terminal::open().map_err(Failure::Terminal)?;
    let lines = lines(value);
    let (rows, columns) = size(&tty);
    // Two rows for the title and a blank, and one to spare.
    if needed(&lines, columns) + 3 > rows {
        return Err(Failure::DoesNotFit);
    }
    let interrupted = signals::interrupted()?;
    let mut screen = Screen::open(tty).map_err(Failure::Terminal)?;
    screen.write(&format!("\r\n\r\n{}", lines.join("\r\n"))).map_err(Failure::Terminal)?;
    let mut line = |left: u64| screen.write(&format!("\x1b[H{WIPE}{}", heading(title, left)));
    count_down(time, interrupted, &mut line).await.map_err(Failure::Terminal)
}

/// Says on one line of the terminal for how long something lasts, until it is over or a signal
/// comes, and wipes the line.
pub(crate) async fn wait(title: &str, time: Duration) -> Result<(), Failure> {
    let mut tty = terminal::open().map_err(Failure::Terminal)?;
    let interrupted = signals::interrupted()?;
    let mut line = |left: u64| tty.write_all(format!("{WIPE}{}", heading(title, left)).as_bytes());
    let waited = count_down(time, interrupted, &mut line).await;
    let _ = tty.write_all(WIPE.as_bytes());
    waited.map_err(Failure::Terminal)
}

async fn count_down(
    time: Duration,
    interrupted: impl Future<Output = ()>,
    line: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<()> {
    let end = Instant::now() + time;
    let mut interrupted = std::pin::pin!(interrupted);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        line(left.as_secs_f64().ceil() as u64)?;
        tokio::select! {
            () = sleep_until(end.min(Instant::now() + SECOND)) => {}
            () = &mut interrupted => return Ok(()),
        }
    }
}

fn heading(title: &str, left: u64) -> String {
    format!("{title} {left} s; Ctrl-C: at once")
}

/// The alternate screen. Wiped and left when dropped.
struct Screen {
    tty: File,
    _unechoed: Unechoed,
}

impl Screen {
    fn open(tty: File) -> io::Result<Self> {
        let mut screen = Self { _unechoed: Unechoed::on(&tty)?, tty };
        screen.write(OPEN)?;
        Ok(screen)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.tty.write_all(text.as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.write(CLOSE);
    }
}

/// The rows and columns of a terminal; of one that does not know them, those of old.
fn size(tty: &File) -> (usize, usize) {
    match tcgetwinsize(tty) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => (24, 80),
    }
}

/// The lines of a value, in which nothing does anything to a terminal.
fn lines(value: &[u8]) -> Vec<String> {
    match str::from_utf8(value) {
        Ok(text) => text.split('\n').map(crate::table::plain).collect(),
        Err(_) => vec![value.escape_ascii().to_string()],
    }
}

/// The rows that the lines take. A character may be two columns wide.
fn needed(lines: &[String], columns: usize) -> usize {
    let width = |line: &String| {
        line.chars().map(|char| if char.is_ascii() { 1 } else { 2 }).sum::<usize>().max(1)
    };
    lines.iter().map(|line| width(line).div_ceil(columns)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_does_nothing_to_the_terminal() {
        assert_eq!(lines(b"a\nb\x1b[2J\r"), ["a", "b\\u{1b}[2J\\r"]);
        assert_eq!(lines(b"\xff\x1b"), ["\\xff\\x1b"]);
    }

    #[test]
    fn rows_are_counted_as_the_terminal_breaks_them() {
        let lines = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(needed(&lines(&["", "abcde", "abcdef"]), 5), 1 + 1 + 2);
        assert_eq!(needed(&lines(&["äöü"]), 5), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_counted_down_and_a_signal_ends_it() {
        let mut told = Vec::new();
        let mut tell = |left| {
            told.push(left);
            Ok(())
        };
        let time = Duration::from_millis(2_500);
        count_down(time, std::future::pending(), &mut tell).await.unwrap();
        assert_eq!(told, [3, 2, 1]);

        let mut told = 0;
        let mut tell = |_| {
            told += 1;
            Ok(())
        };
        let signal = tokio::time::sleep(Duration::from_millis(100));
        count_down(time, signal, &mut tell).await.unwrap();
        assert_eq!(told, 1);
    }
}
