//! Why a command failed, in words for the person who gave it.

use crate::client::{CallError, Refused};
use crate::options::Format;
use crate::{env_file, settings};
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
    #[error("no socket: set --socket, or --data-dir (WAXSEAL_DATA_DIR) of the server")]
    NoSocket,
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
    Settings(#[from] settings::Error),
    #[error("no project: set --project (WAXSEAL_PROJECT)")]
    NoProject,
    #[error(
        "no project: set --project (WAXSEAL_PROJECT), or --deployment for what was done anywhere"
    )]
    NoProjectNorDeployment,
    #[error("no environment: set --environment (WAXSEAL_ENVIRONMENT)")]
    NoEnvironment,
    #[error("no stage: set --stage (WAXSEAL_STAGE) to draft or live")]
    NoStage,
    #[error("nothing to change: {options}")]
    NothingToChange { options: &'static str },
    #[error("{new} of the secrets are new: say --visibility masked or restricted")]
    VisibilityNeeded { new: usize },
    #[error("--raw prints one value: name one secret")]
    RawIsOne,
    #[error("this wants a confirmation, and nobody is there to give it: add --yes")]
    NobodyToAsk,
    #[error("not confirmed; nothing was changed")]
    NotConfirmed,
    #[error("interrupted; nothing was changed")]
    Interrupted,
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[source] io::Error),
    #[error(
        "a terminal gives at most 4,095 bytes of a line, and this may be cut off: use --file, or \
         standard input from a pipe"
    )]
    LineTooLong,
    #[error(
        "the value does not fit on the screen, from which it has to be erased again: use a pipe, a \
         larger terminal, or --copy"
    )]
    DoesNotFit,
    #[error("nothing was typed: a value is not empty; to take one away use `clear`")]
    NothingTyped,
    #[error("the two are not the same; nothing was changed")]
    NotTheSame,
    #[error(
        "there is no value: what was given is empty, and a value is not; `clear` takes one away, \
         and `secret create --placeholder` makes a secret without one"
    )]
    EmptyValue,
    #[error("the value has more than 65,536 bytes")]
    ValueTooLong,
    #[error("the value is not UTF-8: give it as --file PATH --binary")]
    NotText,
    #[error("the text is not UTF-8")]
    TextNotUtf8,
    #[error("standard input cannot be read: {0}")]
    Input(#[source] io::Error),
    #[error("{path} cannot be read: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} cannot be written: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("it is too large: more than {most} bytes")]
    TooLarge { most: usize },
    #[error("what the server sent was damaged on its way: try again")]
    Damaged,
    #[error("the connection cannot be set up: {0}")]
    Endpoint(#[source] tonic::transport::Error),
    #[error("{}", match identity {
        true => "--cert (WAXSEAL_CERT_FILE) and --key (WAXSEAL_KEY_FILE) cannot be used: they must be a \
                 certificate and its private key, in PEM",
        false => "this machine has no list of authorities: set --ca (WAXSEAL_CA_FILE)",
    })]
    Tls { identity: bool },
    #[error(transparent)]
    Call(#[from] Box<CallError>),
    #[error(transparent)]
    EnvFile(#[from] env_file::Error),
    #[error("line {line}: {name} {obstacle}")]
    Obstacle { line: usize, name: String, obstacle: String },
    #[error(
        "not in the project: {names}; `waxseal secret create` or `waxseal secret import` makes them"
    )]
    UnknownNames { names: String },
    #[error("{done} of {total} were written, then {secret} was refused: {source}")]
    Partly { done: usize, total: usize, secret: String, source: Box<Failure> },
    #[error("the data keys cannot be moved: {0}")]
    Keys(#[source] waxseal_engine::Error),
    #[error(transparent)]
    CopyStore(#[from] waxseal_engine::CopyError),
    #[error("the copy is not in order, use it no further: {0}")]
    Copy(#[source] waxseal_engine::Error),
    #[error("{failed} data keys could not be rewrapped; the old wrapping keys are still needed")]
    KeysLeft { failed: u64 },
    #[error("{references} of the references cannot be rendered")]
    Unrendered { references: usize },
    #[error(
        "without a value there: {names}; set them, or start the command without them by \
         --allow-unset"
    )]
    Unset { names: String },
    #[error("{name} cannot be a variable: {why}")]
    NotAVariable { name: String, why: &'static str },
    #[error("{command} cannot be started: {source}")]
    Exec { command: String, source: io::Error },
    /// All is said already.
    #[error("")]
    Told(u8),
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
    #[error("{path} exists already: move the file away first")]
    TokenFileExists { path: PathBuf },
    #[error("the token file {path} cannot be written: {source}")]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("the server that was just started cannot be reached at {address}: {source}")]
    Connect { address: String, source: tonic::transport::Error },
    #[error("the first project cannot be made: {method} of {what} failed with {refused}")]
    FirstProject { method: &'static str, what: String, refused: Box<Refused> },
}

/// A failure, and the format in which its command speaks.
pub(crate) struct Complaint {
    pub(crate) failure: Failure,
    pub(crate) format: Format,
}

impl<F: Into<Failure>> From<F> for Complaint {
    fn from(failure: F) -> Self {
        Self { failure: failure.into(), format: Format::Table }
    }
}

/// What the candidate of `secret verify` comes to when it is not the value.
pub(crate) const DIFFERS: u8 = 4;

impl Failure {
    /// 2 where the command line or the configuration has to change, 3 where what was named is not
    /// there, else 1; and what shells use for a command that does not start, or was interrupted.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_)
            | Self::Start(StartError::Config(_))
            | Self::Run(RunError::Config(_))
            | Self::Settings(_)
            | Self::Endpoint(_)
            | Self::NoDataDir
            | Self::NoHome
            | Self::NoSocket
            | Self::NotLocal(_)
            | Self::RevealGrant
            | Self::NoProject
            | Self::NoProjectNorDeployment
            | Self::NoEnvironment
            | Self::NoStage
            | Self::NothingToChange { .. }
            | Self::VisibilityNeeded { .. }
            | Self::RawIsOne
            | Self::NobodyToAsk => ExitCode::from(2),
            Self::Call(call) if call.refused.is_absent() => ExitCode::from(3),
            Self::Partly { source, .. } => source.exit_code(),
            Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ExitCode::from(127)
            }
            Self::Exec { .. } => ExitCode::from(126),
            Self::Interrupted => ExitCode::from(130),
            Self::Told(code) => ExitCode::from(*code),
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
