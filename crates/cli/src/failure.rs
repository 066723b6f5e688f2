//! Why a command failed, in words for the person who gave it.

use crate::dev::Refused;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use waxseal_server::config::{ConfigError, Listen};
use waxseal_server::wiring::StartError;
use waxseal_server::{ListenError, RunError};

/// Why a command failed. Never holds a value or a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("core files and debuggers cannot be kept away from this process: {0}")]
    Harden(#[source] io::Error),
    #[error("the runtime does not start: {0}")]
    Runtime(#[source] io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(#[source] io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(#[source] io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("no data directory: set --data-dir (WAXSEAL_DATA_DIR)")]
    NoDataDir,
    #[error("neither XDG_DATA_HOME nor HOME says where to keep data: set --data-dir")]
    NoHome,
    #[error(
        "{0} can be reached from other machines, and a development server is for this one: listen \
         on 127.0.0.1, [::1] or unix:PATH"
    )]
    NotLocal(Listen),
    #[error("--reveal is a grant for builders: give --role builder, or leave --reveal out")]
    RevealGrant,
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(
        "cannot listen on {address}, it is taken by another process: choose another address with \
         --listen, or any free port with --listen 127.0.0.1:0"
    )]
    AddressTaken { address: Listen },
    #[error("the token cannot be made: {0}")]
    Token(#[source] waxseal_engine::Error),
    #[error("{path} exists already, and the store has no token yet: move the file away first")]
    TokenFileExists { path: PathBuf },
    #[error("the token file {path} cannot be written: {source}")]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("the server that was just started cannot be reached at {address}: {source}")]
    Connect { address: String, source: tonic::transport::Error },
    #[error("the first project cannot be made: {method} of {what} failed with {refused}")]
    FirstProject { method: &'static str, what: String, refused: Refused },
}

impl Failure {
    /// 2 where the command line or the configuration has to change, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_)
            | Self::Start(StartError::Config(_))
            | Self::Run(RunError::Config(_))
            | Self::NoDataDir
            | Self::NoHome
            | Self::NotLocal(_)
            | Self::RevealGrant => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// What binding came to, with a way out where the address is taken.
    pub(crate) fn bind(error: RunError) -> Self {
        match error {
            RunError::Listen(ListenError::Address { address, source })
                if source.kind() == io::ErrorKind::AddrInUse =>
            {
                Self::AddressTaken { address }
            }
            other => Self::Run(other),
        }
    }
}
