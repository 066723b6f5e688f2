//! Connections: the pool's, and those that are held for the heads.

use super::failure;
use super::holders;
use super::identity;
use super::settings::{Settings, Target};
use super::shared::Shared;
use crate::{Error, Result};
use deadpool_postgres::{
    ClientWrapper, Connect, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError,
    RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection of the pool that was not used for this long is tried out before it is lent.
const IDLE: Duration = Duration::from_secs(30);

/// For a connection to say that it is alive, and for a cancellation to be delivered.
const BRIEFLY: Duration = Duration::from_millis(500);

type DriverResult<T> = std::result::Result<T, tokio_postgres::Error>;

/// What every session needs.
pub(super) struct Core {
    pool: Pool,
    pub(super) shared: Arc<Shared>,
    pub(super) line: Line,
    pub(super) query_timeout: Duration,
    pub(super) head_timeout: Duration,
    /// Commits that are not answered: as many as the pool has connections, and as many again that
    /// nobody waits for any more.
    commits: Arc<Semaphore>,
}

/// Makes connections outside the pool.
#[derive(Clone)]
pub(super) struct Line {
    target: Target,
    setup: Arc<str>,
    timeout: Duration,
}

impl Line {
    pub(super) fn new(settings: &Settings, target: Target) -> Self {
        let setup = format!(
            "-- connect()
             SET statement_timeout = {}; SET lock_timeout = {};
             SET idle_in_transaction_session_timeout = '5s';
             SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') = 'off'",
            settings.statement_timeout.as_millis(),
            settings.lock_timeout.as_millis(),
        );
        Self { target, setup: setup.into(), timeout: settings.connect_timeout }
    }

    /// The database's name.
    pub(super) fn name(&self) -> &str {
        &self.target.name
    }

    /// A connection, as the server gives it.
    pub(super) async fn raw(&self) -> Result<ClientWrapper> {
        let connect = connect(&self.target.config, &self.target.tls);
        match tokio::time::timeout(self.timeout, connect).await {
            Ok(Ok((client, task))) => Ok(ClientWrapper::new(client, task)),
            Ok(Err(error)) => Err(failure::to_connect(&error)),
            Err(_) => Err(failure::unavailable(failure::SILENT)),
        }
    }

    /// A connection with this store's settings, to the database that it knows.
    pub(super) async fn open(&self, shared: &Shared) -> Result<ClientWrapper> {
        let client = self.raw().await?;
        self.prepare(&client, shared).await?;
        Ok(client)
    }

    async fn prepare(&self, client: &ClientWrapper, shared: &Shared) -> Result<()> {
        let setup = async {
            // Not everybody may set the second, and its default is what it is set to.
            let quiet = "SET log_parameter_max_length_on_error = 0";
            let joined = async {
                // What is attached beside the servers leaves data keys alone, or is alone itself.
                if shared.attached { Ok(()) } else { holders::join(client).await }
            };
            let (set, _, joined) = futures::join!(
                client.batch_execute(&self.setup),
                client.batch_execute(quiet),
                joined
            );
            set.map_err(|error| failure::of(&error))?;
            joined?;
            identity::check(client, shared).await
        };
        match tokio::time::timeout(self.timeout, setup).await {
            Ok(done) => done,
            Err(_) => Err(failure::unavailable(failure::SILENT)),
        }
    }
}

async fn connect(
    config: &Config,
    tls: &MakeRustlsConnect,
) -> DriverResult<(Client, JoinHandle<()>)> {
    let (client, connection) = config.connect(tls.clone()).await?;
    // How it ends shows in what is asked of it; the driver's own text is kept out of the log.
    let task = tokio::spawn(async move { drop(connection.await) });
    Ok((client, task))
}

struct Connector(MakeRustlsConnect);

impl Connect for Connector {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = DriverResult<(Client, JoinHandle<()>)>> + Send + '_>> {
        let config = config.clone();
        Box::pin(async move { connect(&config, &self.0).await })
    }
}

fn pool(settings: &Settings, line: &Line, shared: &Arc<Shared>) -> Result<Pool> {
    let manager = Manager::from_connect(
        line.target.config.clone(),
        Connector(line.target.tls.clone()),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let (prepared, known) = (line.clone(), shared.clone());
    let prepare = Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let (line, shared) = (prepared.clone(), known.clone());
        Box::pin(async move {
            let done = line.prepare(client, &shared).await;
            done.map_err(|error| HookError::message(error.to_string()))
        })
    });
    let alive = Hook::async_fn(|client: &mut ClientWrapper, metrics| {
        Box::pin(async move {
            if metrics.last_used() < IDLE {
                return Ok(());
            }
            let answer = failure::within(BRIEFLY, client.batch_execute("")).await;
            answer.map_err(|error| HookError::message(error.to_string()))
        })
    });
    Pool::builder(manager)
        .max_size(settings.max_connections.max(1))
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(settings.acquire_timeout),
            create: Some(settings.connect_timeout),
            recycle: Some(BRIEFLY),
        })
        .post_create(prepare)
        .pre_recycle(alive)
        .build()
        .map_err(|_| failure::unavailable("the pool of connections could not be made"))
}

impl Core {
    pub(super) fn new(settings: &Settings, line: Line, shared: Arc<Shared>) -> Result<Self> {
        Ok(Self {
            pool: pool(settings, &line, &shared)?,
            shared,
            line,
            query_timeout: settings.query_timeout,
            head_timeout: settings.head_timeout,
            commits: Arc::new(Semaphore::new(2 * settings.max_connections.max(1))),
        })
    }

    /// A connection of the pool.
    pub(super) async fn borrow(&self) -> Result<Loan> {
        self.shared.alive()?;
        match self.pool.get().await {
            Ok(client) => Ok(Loan {
                client: Some(Arc::new(client)),
                tls: self.line.target.tls.clone(),
                busy: false,
                committing: None,
            }),
            Err(error) => {
                self.shared.alive()?;
                Err(refused(error))
            }
        }
    }

    /// Leave to commit.
    pub(super) fn may_commit(&self) -> Result<OwnedSemaphorePermit> {
        let place = self.commits.clone().try_acquire_owned();
        place.map_err(|_| failure::unavailable("PostgreSQL leaves too many commits unanswered"))
    }

    /// Closes the pool's idle connections: they are to a server that went away, or that is no
    /// longer the one to write to.
    pub(super) fn drain(&self) {
        self.pool.retain(|_, _| false);
    }
}

fn refused(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => {
            failure::unavailable("every connection to PostgreSQL is in use")
        }
        PoolError::Timeout(_) => failure::unavailable(failure::SILENT),
        PoolError::Backend(error) => failure::to_connect(&error),
        // Our own words, from `prepare`.
        PoolError::PostCreateHook(HookError::Message(_)) => {
            failure::unavailable("a new connection to PostgreSQL could not be prepared")
        }
        _ => failure::unavailable("the pool of connections is closed"),
    }
}

/// A connection on loan from the pool. Dropped while `busy`, it is cancelled and thrown away; a
/// commit, though, is left alone. One that waits for a standby would be over by a cancellation: seen
/// by everybody, though the standby may never have it.
pub(super) struct Loan {
    client: Option<Arc<Object>>,
    tls: MakeRustlsConnect,
    /// Whether there is something on it that the server has not answered, or not ended.
    pub(super) busy: bool,
    /// Whether that is a commit, and its place among those that are not answered.
    pub(super) committing: Option<OwnedSemaphorePermit>,
}

impl Loan {
    pub(super) fn client(&self) -> Result<&Arc<Object>> {
        self.client.as_ref().ok_or_else(|| failure::unavailable("the connection was given up"))
    }

    /// Throws away a connection that is known to be gone.
    pub(super) fn discard(mut self) {
        drop(self.client.take().and_then(Arc::into_inner).map(Object::take));
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if !self.busy {
            return;
        }
        // Whoever else held it was a future that asked something, and is dropped before this.
        let Some(client) = Arc::into_inner(client).map(Object::take) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if let Some(place) = self.committing.take() {
            runtime.spawn(async move {
                // What is asked after the commit is answered after it, or when the connection ends.
                let _ = client.batch_execute("").await;
                drop(place);
            });
            return;
        }
        let (token, tls) = (client.cancel_token(), self.tls.clone());
        runtime.spawn(async move {
            // The server does not look whether we are still there while it waits for a lock.
            let _ = tokio::time::timeout(2 * BRIEFLY, token.cancel_query(tls)).await;
            drop(client);
        });
    }
}
