//! The connection: made in the background, and made again when it is lost.

use super::counts::{Counters, add};
use super::settings::jittered;
use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The pauses between attempts to connect double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// What is connected to.
pub(super) enum Target {
    Single(Box<(Client, AsyncConnectionConfig)>),
    Cluster(Box<ClusterClient>, Duration),
}

impl Target {
    pub(super) fn single(client: Client, config: AsyncConnectionConfig) -> Self {
        Self::Single(Box::new((client, config)))
    }

    pub(super) fn cluster(client: ClusterClient, connect_timeout: Duration) -> Self {
        Self::Cluster(Box::new(client), connect_timeout)
    }

    /// A connection, or in a word why there is none.
    async fn connect(&self) -> Result<Commands, String> {
        let word = |error: RedisError| error.category().to_owned();
        match self {
            Self::Single(single) => {
                let (client, config) = &**single;
                let connection = client.get_multiplexed_async_connection_with_config(config).await;
                connection.map(Commands::Single).map_err(word)
            }
            Self::Cluster(client, limit) => timeout(*limit, client.get_async_connection())
                .await
                .map_err(|_| "timeout".to_owned())?
                .map(Commands::Cluster)
                .map_err(word),
        }
    }
}

enum Commands {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A connection that many calls share. Closed when the last of them lets go of it.
#[derive(Clone)]
pub(super) struct Connection(Arc<Commands>);

impl Connection {
    /// The server's answer; an error that it answered with is an error.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match &*self.0 {
            Commands::Single(connection) => command.query_async(&mut connection.clone()).await,
            Commands::Cluster(connection) => command.query_async(&mut connection.clone()).await,
        }
    }

    /// Whether the connection is of no more use. That of a Cluster finds its nodes again by itself.
    fn is_lost(&self, error: &RedisError) -> bool {
        matches!(*self.0, Commands::Single(_))
            && (error.is_io_error() || error.is_unrecoverable_error())
    }
}

pub(super) struct Link {
    target: Target,
    state: Mutex<State>,
    /// Attempts to connect since there was an answer.
    attempts: AtomicU32,
    /// Whether it was said that there are none, so that it is said once.
    unwell: AtomicBool,
    counters: Arc<Counters>,
}

enum State {
    Down,
    Connecting,
    Up(Connection),
}

impl Link {
    pub(super) fn new(target: Target, counters: Arc<Counters>) -> Self {
        Self {
            target,
            state: Mutex::new(State::Down),
            attempts: AtomicU32::new(0),
            unwell: AtomicBool::new(false),
            counters,
        }
    }

    /// The connection, if there is one; if not, one is being made from now on.
    pub(super) fn connected(self: &Arc<Self>) -> Option<Connection> {
        let mut state = self.state();
        match &*state {
            State::Up(connection) => Some(connection.clone()),
            State::Connecting => None,
            State::Down => {
                *state = State::Connecting;
                tokio::spawn(connect(Attempts(Arc::downgrade(self))));
                None
            }
        }
    }

    /// The server answered a call that somebody waited for.
    pub(super) fn answered(&self) {
        if self.attempts.load(Ordering::Relaxed) != 0 {
            self.attempts.store(0, Ordering::Relaxed);
        }
        if self.unwell.load(Ordering::Relaxed) && self.unwell.swap(false, Ordering::Relaxed) {
            tracing::info!("the shared cache answers again");
        }
    }

    /// A command failed.
    pub(super) fn failed(&self, connection: &Connection, error: &RedisError) {
        if connection.is_lost(error) {
            self.drop_connection(connection, error.category());
        }
    }

    /// Lets go of this connection, if no other took its place.
    pub(super) fn drop_connection(&self, connection: &Connection, why: &str) {
        let mut state = self.state();
        if matches!(&*state, State::Up(current) if Arc::ptr_eq(&current.0, &connection.0)) {
            *state = State::Down;
            drop(state);
            self.is_unwell(why);
        }
    }

    fn is_unwell(&self, why: &str) {
        if !self.unwell.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "the shared cache fails; views are filled without it");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Attempts to connect, until one succeeds or nobody needs it any more. However they end, the link
/// does not wait for them for ever.
struct Attempts(Weak<Link>);

impl Drop for Attempts {
    fn drop(&mut self) {
        if let Some(link) = self.0.upgrade() {
            let mut state = link.state();
            if matches!(*state, State::Connecting) {
                *state = State::Down;
            }
        }
    }
}

async fn connect(attempts: Attempts) {
    loop {
        let Some(link) = attempts.0.upgrade() else { return };
        let attempt = link.attempts.fetch_add(1, Ordering::Relaxed);
        drop(link);
        if attempt > 0 {
            sleep(pause(attempt)).await;
        }
        let Some(link) = attempts.0.upgrade() else { return };
        match link.target.connect().await {
            Ok(commands) => {
                tracing::debug!("connected to the shared cache");
                *link.state() = State::Up(Connection(Arc::new(commands)));
                return;
            }
            Err(why) => {
                add(&link.counters.failures);
                link.is_unwell(&why);
            }
        }
    }
}

/// The pause before an attempt to connect, the first after a failed one being number 1.
fn pause(attempt: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(16));
    jittered(doubled.min(LAST_PAUSE), 0.5..1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_last_and_vary() {
        for (attempt, longest) in [(1, 50), (2, 100), (3, 200), (5, 800), (6, 1_000)] {
            let longest = Duration::from_millis(longest);
            for _ in 0..100 {
                let pause = pause(attempt);
                assert!((longest / 2..=longest).contains(&pause), "{attempt}: {pause:?}");
            }
        }
        assert!(pause(u32::MAX) <= LAST_PAUSE);
        assert_ne!(pause(8), pause(8));
    }
}
