//! `waxseal init`: the first admin.

use crate::client::Client;
use crate::failure::Failure;
use crate::settings::Address;
use crate::token::lifetime;
use crate::{output, token_file};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use waxseal_proto::v1;
use waxseal_server::LOCAL_SOCKET;
use zeroize::Zeroizing;

/// Makes the first admin of a server that runs on this machine, and prints a token for it.
///
/// It speaks to the Unix socket in the server's data directory, as the user that the server runs as
/// or as root, and works once.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Init {
    /// The server's Unix socket; by default waxseal.sock in its data directory.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// The data directory of the server.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// The id of the admin.
    #[arg(long, value_name = "ID", default_value = "admin")]
    principal: String,

    /// For how long the token is good: a number and s, m, h or d, at most 366d.
    #[arg(long, value_name = "TIME", value_parser = lifetime, default_value = "90d")]
    expires: Duration,

    /// Writes the token to this new file, which only its owner may read, and does not print it.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,

    /// What to print: the token alone, or an object with token, principal and expires.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  waxseal init --data-dir /var/lib/waxseal
  waxseal init --data-dir /var/lib/waxseal --token-file ~/admin.token
  waxseal init --socket /run/waxseal/waxseal.sock --principal ann --expires 1d --output json";

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
}

#[derive(Serialize)]
struct Made<'a> {
    principal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    expires: String,
}

impl Init {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { socket, data_dir, principal, expires, token_file, output } = self;
        let socket = match (socket, data_dir) {
            (Some(socket), _) => socket,
            (None, Some(dir)) => dir.join(LOCAL_SOCKET),
            (None, None) => return Err(Failure::NoSocket),
        };
        let address: Address = format!("unix:{}", socket.display()).parse()?;
        // The file comes first: a token that could not be kept is not made.
        let file = token_file.as_deref().map(token_file::create).transpose()?;
        let client = Client::without_token(address, TIMEOUT)?;
        let life = prost_types::Duration { seconds: seconds(expires), nanos: 0 };
        let request = v1::InitializeRequest { principal_id: principal, token_life: Some(life) };
        // Once: an answer that is lost is not to be had again.
        let call =
            client.open(request, async |caller, request| caller.access().initialize(request).await);
        let v1::InitializeResponse { principal, token, token_expire_time } = match call.await {
            Ok(answer) => answer,
            Err(failure) => {
                if let Some(path) = &token_file {
                    let _ = fs::remove_file(path);
                }
                return Err(failure);
            }
        };
        let token = Zeroizing::new(token);
        if let (Some(mut file), Some(path)) = (file, token_file) {
            token_file::fill(&mut file, &token)
                .map_err(|source| Failure::TokenFile { path, source })?;
            return match output {
                Output::Text => Ok(()),
                Output::Json => print(&principal, None, token_expire_time),
            };
        }
        match output {
            Output::Text => output::print(&Zeroizing::new(format!("{}\n", *token))),
            Output::Json => print(&principal, Some(&token), token_expire_time),
        }
    }
}

fn print(
    principal: &Option<v1::Principal>,
    token: Option<&str>,
    expires: Option<prost_types::Timestamp>,
) -> Result<(), Failure> {
    let principal = principal.as_ref().map(|made| made.name.as_str()).unwrap_or_default();
    let expires = expires.map(|expires| expires.to_string()).unwrap_or_default();
    let json = serde_json::to_string(&Made { principal, token, expires });
    let json = Zeroizing::new(json.map_err(|error| Failure::Output(error.into()))? + "\n");
    output::print(&json)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
