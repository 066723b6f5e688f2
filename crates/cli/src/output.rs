//! Standard output, for people and scripts, and the one line on standard error that says why a
//! command failed. Logs are the server's business.

use crate::failure::Failure;
use std::error::Error;
use std::io::{self, Write as _};

/// Writes what a command was asked for; not being able to is a failure of the command.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Tells what goes on. When nobody reads it any more, that is no reason to stop serving.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// The ready lines, on which scripts wait.
pub(crate) fn ready(addresses: &[String]) {
    for address in addresses {
        say(&format!("waxseal: serving on {address}"));
    }
}

/// Says why a command failed.
pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(io::stderr().lock(), "waxseal: error: {}", with_causes(failure));
}

/// An error and its causes in one line, but for those that it mentions by itself.
fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the cause")]
    struct Cause;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("it failed")]
        Silent(#[source] Cause),
        #[error("it failed for {0}")]
        Telling(#[source] Cause),
    }

    #[test]
    fn a_cause_is_told_once() {
        assert_eq!(with_causes(&Outer::Silent(Cause)), "it failed: the cause");
        assert_eq!(with_causes(&Outer::Telling(Cause)), "it failed for the cause");
    }
}
