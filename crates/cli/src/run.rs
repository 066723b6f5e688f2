//! `waxseal run`

use crate::failure::Failure;
use crate::options::{Flags, ViewOptions};
use crate::resolve::resolve;
use crate::session::{Session, Verb};
use crate::surroundings::variable;
use crate::{payload, words};
use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use waxseal_proto::v1;

/// Starts a command with the values of one environment and stage as its environment variables.
///
/// The command takes the place of this process. It sees the values as they are at its start, in its
/// environment and nowhere else: not this token, and no core file is written of it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Starts it also if secrets have no value there; it does without them.
    #[arg(long)]
    allow_unset: bool,

    /// Injects only this secret; may be given several times.
    #[arg(long = "only", value_name = "SECRET")]
    ids: Vec<String>,

    /// Begins the name of each variable with this.
    #[arg(
        long,
        value_name = "PREFIX",
        value_parser = prefix,
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,

    #[command(flatten)]
    view: ViewOptions,

    /// The command and its arguments.
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  waxseal run -p shop -e staging --stage live -- ./agent --port 80
  waxseal run -p shop -e staging --stage live --only STRIPE_KEY --prefix APP_ -- ./agent

It takes a runtime's token. The exit code is that of the command; 127 if there is no such command,
126 if it cannot be started.";

impl Verb for Run {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { allow_unset, ids, prefix, view: _, command } = self;
        // Which of them are unset is told here, with what to do.
        let view = resolve(session, ids, true).await?;
        if !allow_unset && !view.unset.is_empty() {
            let named = |unset: &v1::UnsetSecret| {
                format!("{} ({})", unset.secret, words::unset(unset.reason()))
            };
            let names = words::list(&view.unset.iter().map(named).collect::<Vec<_>>());
            return Err(Failure::Unset { names });
        }
        let variables = view.secrets.into_iter().map(|secret| variable_of(&prefix, secret));
        let variables = variables.collect::<Result<Vec<_>, _>>()?;
        become_command(command, variables, session).map(|never| match never {})
    }
}

/// The variable that a secret becomes.
fn variable_of(prefix: &str, secret: v1::ResolvedSecret) -> Result<(String, OsString), Failure> {
    let v1::ResolvedSecret { secret, payload, .. } = secret;
    let name = format!("{prefix}{secret}");
    let bytes = payload::bytes(payload)?;
    if bytes.contains(&0) {
        return Err(Failure::NotAVariable { name, why: "its value holds a NUL" });
    }
    if is_for_the_loader(&name) {
        let why = "it would change which code is loaded; --prefix gives it another name";
        return Err(Failure::NotAVariable { name, why });
    }
    Ok((name, OsString::from_vec(bytes.to_vec())))
}

/// Whoever may set a secret must not thereby choose what runs here.
fn is_for_the_loader(name: &str) -> bool {
    const NAMES: [&str; 5] = ["PATH", "IFS", "ENV", "BASH_ENV", "NODE_OPTIONS"];
    name.starts_with("LD_") || name.starts_with("DYLD_") || NAMES.contains(&name)
}

fn become_command(
    command: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    session: &Session<'_>,
) -> Result<Infallible, Failure> {
    let mut words = command.into_iter();
    let program = words.next().unwrap_or_default();
    // The hardening of this process is not the command's, but that no core file holds the values.
    rustix::process::umask(session.surroundings.umask);
    let source = Command::new(&program)
        .args(words)
        .env_remove(variable::TOKEN)
        .env_remove(variable::TOKEN_FILE)
        .env_remove(variable::CERT)
        .env_remove(variable::KEY)
        .envs(variables)
        .exec();
    let command = program.to_string_lossy().into_owned();
    Err(Failure::Exec { command, source })
}

fn prefix(text: &str) -> Result<String, &'static str> {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let proper = text.bytes().next().is_none_or(first)
        && text.bytes().all(|byte| first(byte) || byte.is_ascii_digit());
    match proper {
        true => Ok(text.to_owned()),
        false => Err("must have letters, digits and underscores, and not a digit first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(prefix: &str, name: &str, value: &[u8]) -> Result<(String, OsString), Failure> {
        let payload = Some(payload::data(value));
        variable_of(
            prefix,
            v1::ResolvedSecret { secret: name.to_owned(), payload, ..Default::default() },
        )
    }

    #[test]
    fn a_secret_becomes_a_variable() {
        let (name, value) = injected("APP_", "KEY", b"v\xff").unwrap();
        assert_eq!((name.as_str(), value.into_vec()), ("APP_KEY", b"v\xff".to_vec()));
    }

    #[test]
    fn what_no_variable_can_be_or_should_is_refused() {
        for (name, value) in
            [("KEY", &b"can\0ary"[..]), ("LD_PRELOAD", b"canary"), ("PATH", b"canary")]
        {
            let refused = injected("", name, value).unwrap_err().to_string();
            assert!(refused.starts_with(name) && !refused.contains("canary"), "{refused}");
        }
        assert!(injected("APP_", "PATH", b"x").is_ok());
    }

    #[test]
    fn a_prefix_begins_a_name() {
        for good in ["", "APP_", "_", "a1"] {
            assert_eq!(prefix(good).as_deref(), Ok(good));
        }
        for bad in ["1", "A-", "A=", "Ä"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }
}
