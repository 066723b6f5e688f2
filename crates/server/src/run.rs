//! Serving, and stopping.

use crate::checkpointing::Checkpointing;
use crate::config::{Config, ConfigError};
use crate::front::{Admission, Front, InFlight};
use crate::identity::{IssuersError, Workloads};
use crate::listeners::{ListenError, Listeners};
use crate::purging::Purging;
use crate::readiness::Readiness;
use crate::rpc::{self, Services, Streams};
use crate::tls::{Reloading, TlsError};
use crate::traces::{Traces, TracesError};
use crate::wiring::Opened;
use crate::workers::{Workers, course};
use futures::StreamExt as _;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

/// Left to peers, once no call is under way, to read their last answer and the notice to go away.
const FAREWELL: Duration = Duration::from_millis(300);
/// What cut connections take to notice. They do at once; this only bounds it.
const CUTTING: Duration = Duration::from_secs(2);

/// Why a server ended without being told to, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The list of issuers is refused.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] io::Error),
    /// The definitions that were compiled in do not read.
    #[error("the compiled definitions cannot be served: {0}")]
    Definitions(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The threads that serve cannot be started.
    #[error("cannot start the threads that serve: {0}")]
    Workers(#[source] io::Error),
}

/// Serves until `shutdown` is done, then stops in order: health says NOT_SERVING, nobody new is
/// accepted, every connection is told to go away, and as soon as no call is under way it is over.
///
/// It is over after the drain timeout of the configuration in any case. Open streams of health and
/// reflection, peers that are silent and peers that acknowledge nothing are not waited for: one of
/// them would hold up a stop for ever.
///
/// # Errors
/// See [`RunError`].
pub async fn run(
    config: &Config,
    opened: Opened,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    config.check()?;
    let (stop_streams, stopping_streams) = watch::channel(false);
    let metrics = opened.metrics.clone();
    let streams = Streams {
        max_age: config.watch_max_age,
        stopping: stopping_streams,
        metrics: metrics.clone(),
    };
    let services =
        rpc::services(&opened.engine, config.exposed().is_none(), streams, config.services);
    let Services { routes, runtime, methods, health } = services.map_err(RunError::Definitions)?;
    health.began().await;
    let workloads = config.identities.issuers().map(Workloads::open).transpose()?;
    let traces = Traces::start(&config.telemetry)?;
    let front = Front {
        engine: opened.engine.clone(),
        traces: traces.clone(),
        workloads: workloads.map(Arc::new),
        meter: metrics.meter(&methods.names()),
        methods: Arc::new(methods),
        in_flight: InFlight::default(),
        admission: Arc::new(Admission::new(&config.limits)),
        routes,
        runtime,
        background: Handle::current(),
    };
    let (helm, course) = course();
    let mut workers = Workers::start(config.workers, &front, &course).map_err(RunError::Workers)?;
    drop(front);
    let calls = workers.calls();
    let counted = calls.clone();
    metrics.in_flight(move || counted.count());
    metrics.connections(listeners.connections());
    if let Some(certificates) = listeners.certificates() {
        metrics.certificates(&certificates);
    }
    let reloading = listeners.certificates().map(Reloading::start);
    let reloading = reloading.transpose().map_err(RunError::Signals)?;

    // One kind of host does it: where keys are rewrapped or views resolved, nothing is managed.
    let purging = config
        .services
        .serve("SecretService")
        .then(|| Purging::start(opened.engine.clone(), config.purge_interval));
    let interval = config.audit.audit_checkpoint_interval;
    let checkpointing = Checkpointing::start(opened.engine.clone(), interval, &metrics);
    let readiness = Readiness::start(opened.engine.clone(), health.clone(), &metrics);
    {
        let mut accepted = pin!(listeners.accepted());
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(accepted) = accepted.next() => workers.deal(accepted),
            }
        }
        // First of all, so that what it has under way is over when the last call is.
        drop((purging, readiness, reloading));
        tracing::info!(under_way = calls.count(), "stopping");
        health.not_serving().await;
        // Here the sockets are closed.
    }
    stop_streams.send_replace(true);
    helm.leave();
    let ended = async {
        tokio::select! {
            () = calls.quiet(FAREWELL) => {}
            () = workers.gone() => {}
        }
    };
    if timeout(config.drain_timeout, ended).await.is_err() {
        tracing::warn!(cut_off = calls.count(), "the drain timeout has passed");
    }
    helm.cut();
    let _ = timeout(CUTTING, workers.gone()).await;
    checkpointing.finish(&opened.engine).await;
    traces.finish().await;
    drop(opened);
    Ok(())
}
