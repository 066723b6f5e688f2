//! Sealed views in Redis or Valkey: a single server or a Cluster.
//!
//! Only `GET` and `SET` with `NX` and `PX` are used: no script, no subscription, no deletion. A user
//! of the server who may do nothing else is enough, with `CLUSTER SLOTS` for a Cluster.

mod breaker;
mod counts;
mod link;
mod settings;

pub use counts::Counts;
pub use settings::{RedisSettings, RedisUrlError};

use crate::{SCHEMA, SharedCache, ViewKey};
use ::redis::{Cmd, Value, cmd};
use async_trait::async_trait;
use breaker::Breaker;
use bytes::Bytes;
use counts::{Counters, add};
use link::Link;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A sealed view of the largest size, and some.
const LARGEST: usize = 5 * 1024 * 1024;

/// How many views may be on their way into the cache; more are not put.
const PUTS: usize = 64;

/// How long a view may be on its way. Nobody waits for it.
const PUT_BUDGET: Duration = Duration::from_secs(1);

/// A shared cache in Redis 7 or later, or Valkey.
///
/// It connects in the background, when it is told to or first used and whenever the connection was
/// lost.
/// Without a connection, and while a server that keeps failing is left alone, there is nothing at
/// hand, at once.
pub struct Redis {
    link: Arc<Link>,
    breaker: Breaker,
    counters: Arc<Counters>,
    puts: Arc<Semaphore>,
    ttl: Duration,
    budget: Duration,
}

impl Redis {
    /// A cache at the servers of these settings. Does not connect.
    ///
    /// If TLS is asked for and the process has no provider of cryptography yet, ring's becomes it.
    ///
    /// # Errors
    /// Which setting cannot be used.
    pub fn new(settings: &RedisSettings) -> Result<Self, RedisUrlError> {
        let counters = Arc::new(Counters::default());
        Ok(Self {
            link: Arc::new(Link::new(settings.target()?, counters.clone())),
            breaker: Breaker::default(),
            counters,
            puts: Arc::new(Semaphore::new(PUTS)),
            ttl: settings.ttl,
            budget: settings.budget,
        })
    }

    /// Begins to connect, in the background of the runtime that this is called in. Otherwise the
    /// first view that is asked for finds no connection, and is filled though it may be here.
    pub fn connect(&self) {
        let _ = self.link.connected();
    }

    /// What happened since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    async fn ask(&self, key: &ViewKey) -> Option<Bytes> {
        let connected = self.link.connected();
        let Some((connection, pass)) = connected.zip(self.breaker.admit()) else {
            add(&self.counters.skipped);
            return None;
        };
        let command = get(key);
        let opened = match timeout(self.budget, connection.send(&command)).await {
            Ok(Ok(value)) => {
                pass.answered();
                self.link.answered();
                return match value {
                    Value::BulkString(sealed) if sealed.len() <= LARGEST => Some(sealed.into()),
                    // Also a reply of another shape: nothing that was put here.
                    _ => None,
                };
            }
            Ok(Err(error)) => {
                add(&self.counters.failures);
                self.link.failed(&connection, &error);
                pass.failed()
            }
            Err(_) => {
                add(&self.counters.timeouts);
                pass.failed()
            }
        };
        if opened {
            // It may be the connection that is broken, and not the server.
            self.link.drop_connection(&connection, "no answers in time");
        }
        None
    }
}

#[async_trait]
impl SharedCache for Redis {
    async fn get(&self, key: &ViewKey) -> Option<Bytes> {
        let sealed = self.ask(key).await;
        add(if sealed.is_some() { &self.counters.hits } else { &self.counters.misses });
        sealed
    }

    /// Returns at once; what cannot be put within a second is not.
    async fn put(&self, key: &ViewKey, sealed: Bytes) {
        let place = self.puts.clone().try_acquire_owned().ok();
        let connected = if self.breaker.is_closed() { self.link.connected() } else { None };
        let (Some(place), Some(connection), ..=LARGEST) = (place, connected, sealed.len()) else {
            add(&self.counters.skipped);
            return;
        };
        let key = *key;
        let ttl = settings::jittered(self.ttl, 0.8..1.2);
        let (link, counters) = (self.link.clone(), self.counters.clone());
        tokio::spawn(async move {
            let _place = place;
            // Whether the server is well is for those to say whom somebody waits for. One that is
            // full, or a replica, still answers them.
            match timeout(PUT_BUDGET, connection.send(&set(&key, &sealed, ttl))).await {
                Ok(Ok(_)) => add(&counters.puts),
                Ok(Err(error)) => {
                    add(&counters.failures);
                    link.failed(&connection, &error);
                }
                Err(_) => add(&counters.timeouts),
            }
        });
    }
}

/// Never has a URL: it may hold a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis(redacted)")
    }
}

fn get(key: &ViewKey) -> Cmd {
    let mut command = cmd("GET");
    command.arg(name(key));
    command
}

/// What is there stays: it was put under the same key.
fn set(key: &ViewKey, sealed: &[u8], ttl: Duration) -> Cmd {
    let mut command = cmd("SET");
    let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    command.arg(name(key)).arg(sealed).arg("NX").arg("PX").arg(milliseconds);
    command
}

/// The schema stands in the name, so that replicas of two versions do not keep one another from
/// putting. There is no hash tag: no command names two keys, so the views of one project need not
/// share a slot, and a busy project is spread over the nodes of a Cluster.
fn name(key: &ViewKey) -> String {
    let ViewKey { incarnation, project, environment, stage, revision } = key;
    let [incarnation, project, environment] =
        [incarnation.bytes(), project.bytes(), environment.bytes()]
            .map(|uid| u128::from_be_bytes(*uid));
    let stage = stage.as_str();
    format!("wxs:v{SCHEMA}:{incarnation:032x}:{project:032x}:{environment:032x}:{stage}:{revision}")
}

#[cfg(test)]
mod tests;
