//! How AWS KMS is reached, and which keys are ours.

use std::time::Duration;

/// Settings of [`Aws`](crate::Aws). They cannot be printed, since they may hold credentials.
#[derive(Clone)]
pub struct AwsSettings {
    /// What new data keys are wrapped under: the ARN of a key, its id or an alias. An alias is
    /// followed once; pointing it elsewhere takes effect at the next start.
    pub key: String,
    /// Further keys that may unwrap, named in the same ways. Whatever else a stored key names is
    /// not asked for.
    pub also: Vec<String>,
    /// Where KMS is, if not where AWS has it: `http://` or `https://`, a host and maybe a port.
    pub endpoint: Option<String>,
    /// The region. By default that of `key`, if it is an ARN, and else what the environment, the
    /// profile or the instance says.
    pub region: Option<String>,
    /// An access key's id and its secret, for emulators. By default what the environment, the
    /// profile, the workload's identity or the instance gives.
    pub credentials: Option<(String, String)>,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// How long a call may take, all attempts and the pauses between them included.
    pub operation_timeout: Duration,
    /// How often a call is attempted: at least once.
    pub max_attempts: u32,
    /// How many calls may run at a time: at least one.
    pub concurrency: usize,
    /// How often the canary is decrypted while that succeeds.
    pub canary_interval: Duration,
    /// How often it is tried while it does not.
    pub canary_interval_unhealthy: Duration,
    /// How long calls fail at once after five failures in a row that tell of an outage.
    pub breaker_pause: Duration,
}

impl AwsSettings {
    /// For this key, in the place and with the credentials that the process's surroundings give.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            also: Vec::new(),
            endpoint: None,
            region: None,
            credentials: None,
            attempt_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(3),
            max_attempts: 3,
            concurrency: 64,
            canary_interval: Duration::from_secs(30),
            canary_interval_unhealthy: Duration::from_secs(10),
            breaker_pause: Duration::from_secs(5),
        }
    }
}
