//! The person at the terminal: asked on /dev/tty, whatever the standard streams are.

use crate::failure::Failure;
use crate::signals;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use zeroize::Zeroizing;

/// A terminal gives a line of at most 4,095 bytes and its end, and drops what is beyond it.
const LINE_BYTES: usize = 4_096;

/// Whether somebody is there to be asked.
pub(crate) fn is_attended() -> bool {
    (io::stdin().is_terminal() || io::stderr().is_terminal()) && open().is_ok()
}

/// Asks for a yes; anything else is a no.
pub(crate) async fn confirm(question: &str) -> Result<bool, Failure> {
    let answer = ask(&format!("{question} [y/N] "), true).await?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

/// Asks for a text that is not shown while it is typed. Empty if nothing was.
pub(crate) async fn hidden(question: &str) -> Result<Zeroizing<String>, Failure> {
    ask(question, false).await
}

/// The terminal of this process, whatever its standard streams are.
pub(crate) fn open() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}

/// A terminal that does not show what is typed, and that is as it was before when this is dropped.
pub(crate) struct Unechoed {
    tty: File,
    before: Termios,
}

impl Unechoed {
    pub(crate) fn on(tty: &File) -> io::Result<Self> {
        let tty = tty.try_clone()?;
        let before = tcgetattr(&tty)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&tty, OptionalActions::Flush, &silent)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // What was typed meanwhile is meant for nobody.
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
    }
}

async fn ask(question: &str, echo: bool) -> Result<Zeroizing<String>, Failure> {
    let mut tty = open().map_err(Failure::Terminal)?;
    let interrupted = signals::interrupted()?;
    let unechoed = match echo {
        true => None,
        false => Some(Unechoed::on(&tty).map_err(Failure::Terminal)?),
    };
    tty.write_all(question.as_bytes()).map_err(Failure::Terminal)?;
    let from = tty.try_clone().map_err(Failure::Terminal)?;
    let typed = tokio::task::spawn_blocking(move || line(from));
    let line = tokio::select! {
        line = typed => line.map_err(io::Error::other).and_then(|line| line),
        () = interrupted => {
            drop(unechoed);
            let _ = tty.write_all(b"\n");
            return Err(Failure::Interrupted);
        }
    };
    if unechoed.is_some() {
        let _ = tty.write_all(b"\n");
    }
    let line = line.map_err(Failure::Terminal)?;
    text(&line)
}

fn line(mut tty: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(vec![0; LINE_BYTES]);
    // A terminal gives one line at a time.
    let length = tty.read(&mut line)?;
    line.truncate(length);
    Ok(line)
}

fn text(line: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() + 1 >= LINE_BYTES {
        return Err(Failure::LineTooLong);
    }
    let text = str::from_utf8(line).map_err(|_| Failure::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_the_terminal_cut_off_is_refused() {
        assert_eq!(**text(b"a b \n").unwrap(), *"a b ");
        assert_eq!(**text(b"").unwrap(), *"");
        let longest = vec![b'a'; LINE_BYTES - 2];
        assert_eq!(text(&[&longest[..], b"\n"].concat()).unwrap().len(), LINE_BYTES - 2);
        let cut = vec![b'a'; LINE_BYTES - 1];
        assert!(matches!(text(&[&cut[..], b"\n"].concat()), Err(Failure::LineTooLong)));
        assert!(matches!(text(b"\xff\n"), Err(Failure::NotText)));
    }
}
