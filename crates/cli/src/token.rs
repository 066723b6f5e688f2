//! `waxseal token`: API tokens, made by an admin, or by whoever may read the keys.

mod issue;
mod list;
mod revoke;

use crate::failure::{Complaint, Failure};
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{output, table, words};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use waxseal_domain::caller::{Role, ScopeName};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::{Clock as _, Timestamp};
use waxseal_engine::{NewToken, SystemClock};
use waxseal_proto::v1;
use waxseal_server::config::Engines;
use waxseal_server::{Config, wiring};
use zeroize::Zeroizing;

/// API tokens: made and revoked by an admin, or made on the machine of the server.
#[derive(clap::Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(Create),
    Issue(issue::Issue),
    List(list::List),
    Revoke(revoke::Revoke),
}

/// Makes a token on the machine that has the keys, and prints it, this once: the store keeps only a
/// hash of it.
///
/// It can be used at once, whether or not a server is running on the data directory. It is the way
/// back in for whoever has no token left: the principal and its binding are made where they are
/// missing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
struct Create {
    /// Whose token it is; a principal that is not there is made. Without it local-ROLE.
    #[arg(long, value_name = "ID", value_parser = principal)]
    principal: Option<PrincipalId>,

    /// What the token's bearer may do.
    #[arg(long, value_parser = roles(), value_name = "ROLE")]
    role: Role,

    /// Where: deployment, projects/PROJECT, or
    /// projects/PROJECT/environments/ENVIRONMENT/stages/STAGE with the stage draft or live.
    #[arg(long, value_name = "SCOPE")]
    scope: Where,

    /// For how long: a number and s, m, h or d, at most 366d.
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Duration,

    /// Lets a builder reveal the values of masked secrets.
    #[arg(long)]
    reveal: bool,

    /// What to print: the token alone, or an object with token, role, scope and expires.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,

    /// The data directory of the server.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    engines: Engines,
}

const EXAMPLES: &str = "\
Examples:
  waxseal token create --role builder --reveal --scope projects/demo --expires 8h --data-dir DIR
  waxseal token create --role runtime --expires 30d --data-dir DIR \\
    --scope projects/demo/environments/main/stages/live

Roles:
  admin      projects, environments and all that a builder may but reveal; never sees a value
  builder    creates, sets, overrides, clears and deletes secrets; reveals masked ones by --reveal
  runtime    resolves: what an agent does; nothing else
  viewer     metadata
  auditor    the audit trail
  keyholder  key status and rewrapping";

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
}

/// A scope, and how it was written.
#[derive(Clone)]
struct Where {
    text: String,
    name: ScopeName,
}

#[derive(Serialize)]
struct Created<'a> {
    token: &'a str,
    role: &'a str,
    scope: &'a str,
    expires: &'a str,
}

impl FromStr for Where {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { text: text.to_owned(), name: text.parse()? })
    }
}

impl Token {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => Ok(create.run().await?),
            Command::Issue(issue) => drive(issue, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Revoke(revoke) => drive(revoke, surroundings).await,
        }
    }
}

fn told(tokens: &[v1::ApiToken]) -> String {
    let rows = tokens.iter().map(|token| {
        [
            token.name.clone(),
            words::role(token.role(), token.reveal).to_owned(),
            token.scope.clone(),
            words::time(token.expire_time),
            words::time(token.revoke_time),
            words::time(token.last_use_time),
        ]
    });
    table::text(["TOKEN", "ROLE", "SCOPE", "EXPIRES", "REVOKED", "LAST USED"], rows.collect())
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let Self { principal, role, scope, expires, reveal, output, data_dir, engines } = self;
        if reveal && role != Role::Builder {
            return Err(Failure::RevealGrant);
        }
        if data_dir.is_none() && engines.needs_data_dir() {
            return Err(Failure::NoDataDir);
        }
        let config = Config { data_dir, engines, ..Config::default() };
        let engine = wiring::open_beside(&config).await?;
        let expires = SystemClock.now().after(expires);
        let principal = match principal {
            Some(principal) => principal,
            None => PrincipalId::parse(&format!("local-{}", role.as_str()))
                .map_err(|error| Failure::Token(waxseal_engine::Error::Internal(error.into())))?,
        };
        let new = NewToken { principal, role, reveal, scope: scope.name, expires };
        let token = engine.create_token(new).await.map_err(Failure::Token)?;
        let text = match output {
            Output::Text => Zeroizing::new(format!("{}\n", *token)),
            Output::Json => {
                let (role, scope, expires) = (role.as_str(), &scope.text, rfc3339(expires));
                json(&Created { token: &token, role, scope, expires: &expires })?
            }
        };
        output::print(&text)
    }
}

fn json(created: &Created<'_>) -> Result<Zeroizing<String>, Failure> {
    let json = serde_json::to_string(created).map_err(|error| Failure::Output(error.into()))?;
    Ok(Zeroizing::new(json + "\n"))
}

fn rfc3339(time: Timestamp) -> String {
    prost_types::Timestamp { seconds: time.micros().div_euclid(1_000_000), nanos: 0 }.to_string()
}

pub(crate) fn roles() -> impl TypedValueParser<Value = Role> {
    let role = |name: String| Role::ALL.into_iter().find(|role| role.as_str() == name);
    PossibleValuesParser::new(Role::ALL.map(Role::as_str))
        .try_map(move |name| role(name).ok_or("is not a role"))
}

fn principal(text: &str) -> Result<PrincipalId, String> {
    PrincipalId::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn lifetime(text: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "must be a whole number, at least 1, and s, m, h or d, as in 30d; at most \
                        366d";
    const LONGEST: u64 = 366 * 86_400;
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let (number, unit) = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(RULE)?;
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit)) {
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds)),
        _ => Err(RULE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "d", "0d", "30", "-1d", "+1d", "1.5h", "1 d", "367d", "99999999999999999d"]
        {
            assert!(lifetime(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn json_is_an_object_of_one_line() {
        let expires = rfc3339(Timestamp::from_micros(1_700_000_000_999_999));
        let created =
            Created { token: "wxs_x", role: "runtime", scope: "projects/demo", expires: &expires };
        assert_eq!(
            *json(&created).unwrap(),
            "{\"token\":\"wxs_x\",\"role\":\"runtime\",\"scope\":\"projects/demo\",\
             \"expires\":\"2023-11-14T22:13:20Z\"}\n"
        );
    }
}
