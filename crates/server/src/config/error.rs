//! What is said of a configuration that is refused.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A configuration that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An environment variable that begins with `WAXSEAL_` and is none of ours: more likely a slip
    /// than something to ignore.
    #[error("the environment variable {name} is not known; did you mean {nearest}?")]
    UnknownVariable {
        /// The variable. Its content is not looked at.
        name: String,
        /// The known one that differs least.
        nearest: String,
    },
    /// Nowhere to listen.
    #[error("nowhere to listen: set --listen (WAXSEAL_LISTEN) to ADDR:PORT or unix:PATH")]
    NowhereToListen,
    /// A network address without TLS.
    #[error(
        "{address} can be reached from other machines, and this server has no TLS: values and \
         tokens would cross the network in clear. Set --tls-cert (WAXSEAL_TLS_CERT) and --tls-key \
         (WAXSEAL_TLS_KEY), listen on 127.0.0.1, [::1] or unix:PATH, or set \
         WAXSEAL_ALLOW_PLAINTEXT=true if the network encrypts by itself"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error(
        "TLS needs both --tls-cert (WAXSEAL_TLS_CERT) and --tls-key (WAXSEAL_TLS_KEY), or neither"
    )]
    HalfOfTls,
    /// Client certificates are asked for, and cannot be verified.
    #[error(
        "client certificates need --tls-client-ca (WAXSEAL_TLS_CLIENT_CA), --tls-cert \
         (WAXSEAL_TLS_CERT) and --tls-key (WAXSEAL_TLS_KEY)"
    )]
    ClientCertificates,
    /// A drain that could take longer than a stop may.
    #[error("--drain-timeout (WAXSEAL_DRAIN_TIMEOUT) must be at most 25s")]
    DrainTooLong,
    /// A production database whose keys are in a file beside it.
    #[error(
        "the database is PostgreSQL, and its wrapping keys would be in a file: set --kms-key \
         (WAXSEAL_KMS_KEY), or WAXSEAL_ALLOW_LOCAL_KEYS=true if that is meant"
    )]
    LocalKeys,
    /// Settings of KMS without a key.
    #[error("KMS is configured without a key: set --kms-key (WAXSEAL_KMS_KEY)")]
    NoKmsKey,
    /// A variable of OpenTelemetry that cannot be followed.
    #[error("{name} {why}; --otlp-endpoint (WAXSEAL_OTLP_ENDPOINT) would go before it")]
    OpenTelemetry {
        /// The variable. What it is set to is not told.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// A file with a setting that cannot be read.
    #[error("cannot read the setting in {path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: String,
    },
    /// A log filter that does not parse.
    #[error(
        "--log (WAXSEAL_LOG) is not a filter: write a level (info) or levels of single modules \
         (warn,waxseal_engine=debug)"
    )]
    LogFilter,
    /// There is no thread to be had that writes the log.
    #[error("cannot start the thread that writes the log")]
    LogThread,
}
