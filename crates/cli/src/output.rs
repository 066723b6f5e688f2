//! Standard output, for people and scripts, and on standard error the one line that says why a
//! command failed. Logs are the server's business.

use crate::failure::{Complaint, Failure};
use crate::options::Format;
use crate::table;
use serde::Serialize;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write as _};

/// Writes what a command was asked for; not being able to is a failure of the command.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same, for what need not be text.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// An answer that no message of the API is.
pub(crate) fn print_json(answer: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(answer).map_err(|error| Failure::Output(error.into()))?;
    print(&(json + "\n"))
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

/// Tells a person, on standard error, what is not an error.
pub(crate) fn remark(kind: &str, text: &str) {
    let _ = writeln!(io::stderr().lock(), "waxseal: {kind}: {}", table::plain(text));
}

/// Says why a command failed, unless it has said so itself.
pub(crate) fn complain(complaint: &Complaint) {
    let Complaint { failure, format } = complaint;
    match (failure, format) {
        (Failure::Told(_), _) => {}
        (_, Format::Table) => remark("error", &with_causes(failure)),
        (_, Format::Json) => {
            let json = serde_json::to_string(&Told { error: Reported::of(failure) });
            let _ = writeln!(io::stderr().lock(), "{}", json.unwrap_or_default());
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    error: Reported<'a>,
}

/// A failure for scripts; code, reason and metadata where it is the server's.
#[derive(Serialize)]
struct Reported<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a HashMap<String, String>>,
}

impl<'a> Reported<'a> {
    fn of(failure: &'a Failure) -> Self {
        let message = with_causes(failure);
        match failure {
            Failure::Call(call) => Self {
                code: Some(call.refused.code_name()),
                reason: Some(call.refused.reason()).filter(|reason| !reason.is_empty()),
                message: call.message(),
                advice: call.advice(),
                metadata: Some(call.refused.metadata()).filter(|metadata| !metadata.is_empty()),
            },
            _ => Self { code: None, reason: None, message, advice: None, metadata: None },
        }
    }
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

    #[test]
    fn a_failure_of_this_side_is_a_message_alone() {
        let told = Told { error: Reported::of(&Failure::NoStage) };
        let json = serde_json::to_value(told).unwrap();
        let error = json["error"].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["message"]);
        assert!(error["message"].as_str().unwrap().contains("--stage"));
    }
}
