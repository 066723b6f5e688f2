//! The options that many commands share.

mod change;
mod format;
mod slot;
mod stage;

pub(crate) use change::{Change, Consent, Once};
pub(crate) use format::Format;
pub(crate) use slot::SlotOptions;
pub(crate) use stage::StageName;

use std::path::PathBuf;
use std::time::Duration;

const SERVER: &str = "Server and output";
const PLACE: &str = "Place";

/// What was said on the command line; what was not comes from the environment, then a profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) address: Option<String>,
    pub(crate) tls: TlsFlags,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) output: Option<Format>,
    pub(crate) timeout: Duration,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) stage: Option<StageName>,
}

/// The options about TLS.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFlags {
    /// The authorities of the server's certificate, PEM [env: WAXSEAL_CA_FILE] [default: those of this
    /// machine].
    #[arg(long, value_name = "PATH", help_heading = SERVER)]
    pub(crate) ca: Option<PathBuf>,

    /// A certificate to be known by, PEM, instead of a token [env: WAXSEAL_CERT_FILE].
    #[arg(long, value_name = "PATH", help_heading = SERVER)]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of the certificate, PEM [env: WAXSEAL_KEY_FILE].
    #[arg(long, value_name = "PATH", help_heading = SERVER)]
    pub(crate) key: Option<PathBuf>,
}

/// The options of every command that speaks to a server.
#[derive(clap::Args, Debug)]
pub(crate) struct ServerOptions {
    /// Where the server is: https://HOST:PORT, http://HOST:PORT or unix:PATH [env:
    /// WAXSEAL_ADDRESS] [default: http://127.0.0.1:7466].
    #[arg(long, value_name = "ADDRESS", help_heading = SERVER)]
    address: Option<String>,

    #[command(flatten)]
    tls: TlsFlags,

    /// The file that holds the API token [env: WAXSEAL_TOKEN_FILE]. The token itself may stand in
    /// the environment variable WAXSEAL_TOKEN, and never on the command line.
    #[arg(long, value_name = "PATH", help_heading = SERVER)]
    token_file: Option<PathBuf>,

    /// Which profile of $XDG_CONFIG_HOME/waxseal/profiles.toml fills in what neither an option nor
    /// the environment says [env: WAXSEAL_PROFILE] [default: default, if there is one].
    #[arg(long, value_name = "NAME", help_heading = SERVER)]
    profile: Option<String>,

    /// What to print: tables, or JSON as the API has it [env: WAXSEAL_OUTPUT] [default: table].
    #[arg(long, value_name = "FORMAT", value_enum, help_heading = SERVER)]
    output: Option<Format>,

    /// How long to wait for an answer: a number and ms, s or m.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = time,
        default_value = "30s",
        help_heading = SERVER
    )]
    timeout: Duration,
}

/// The options of every command that looks into a project.
#[derive(clap::Args, Debug)]
pub(crate) struct ProjectOptions {
    /// The id of the project [env: WAXSEAL_PROJECT].
    #[arg(long, short, value_name = "PROJECT", help_heading = PLACE)]
    project: Option<String>,

    #[command(flatten)]
    server: ServerOptions,
}

/// The options of every command about what one environment and stage sees.
#[derive(clap::Args, Debug)]
pub(crate) struct ViewOptions {
    /// The id of the environment [env: WAXSEAL_ENVIRONMENT].
    #[arg(long, short, value_name = "ENVIRONMENT", help_heading = PLACE)]
    environment: Option<String>,

    /// The stage of the environment [env: WAXSEAL_STAGE].
    #[arg(long, value_name = "STAGE", value_enum, help_heading = PLACE)]
    stage: Option<StageName>,

    #[command(flatten)]
    project: ProjectOptions,
}

impl ServerOptions {
    pub(crate) fn flags(&self) -> Flags {
        let Self { address, tls, token_file, profile, output, timeout } = self;
        Flags {
            address: address.clone(),
            tls: tls.clone(),
            token_file: token_file.clone(),
            profile: profile.clone(),
            output: *output,
            timeout: *timeout,
            ..Flags::default()
        }
    }
}

impl ProjectOptions {
    pub(crate) fn flags(&self) -> Flags {
        let Self { project, server } = self;
        Flags { project: project.clone(), ..server.flags() }
    }
}

impl ViewOptions {
    pub(crate) fn flags(&self) -> Flags {
        let Self { environment, stage, project } = self;
        Flags { environment: environment.clone(), stage: *stage, ..project.flags() }
    }

    /// Whether the command line itself names an environment or a stage.
    pub(crate) fn is_given(&self) -> bool {
        self.environment.is_some() || self.stage.is_some()
    }
}

fn time(text: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "must be a whole number, at least 1, and ms, s or m, as in 30s";
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let (number, unit) = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(RULE)?;
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit)) {
        Some(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
        _ => Err(RULE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (text, millis) in [("250ms", 250), ("30s", 30_000), ("2m", 120_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "0s", "30", "-1s", "1.5s", "1 s", "1h", "99999999999999999999s"] {
            assert!(time(bad).is_err(), "{bad:?}");
        }
    }
}
