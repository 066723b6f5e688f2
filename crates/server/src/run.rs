//! Serving, and stopping.

use crate::config::{Config, ConfigError};
use crate::front::{Front, InFlight};
use crate::listeners::{ListenError, Listeners, cut};
use crate::purging::Purging;
use crate::rpc::{self, Services, Streams};
use crate::wiring::Opened;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tonic::transport::Server;

/// Calls that one connection may have under way.
const STREAMS: u32 = 200;
/// Metadata of one call, in bytes.
const HEADERS: u32 = 16 * 1024;
/// How often a quiet connection is asked whether it is still there, and how long it may take.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_TIME: Duration = Duration::from_secs(20);
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
    /// The definitions that were compiled in do not read.
    #[error("the compiled definitions cannot be served: {0}")]
    Definitions(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Serving ended by itself.
    #[error("serving has ended: {0}")]
    Transport(#[from] tonic::transport::Error),
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
    let in_flight = InFlight::default();
    let (stop_streams, stopping_streams) = watch::channel(false);
    let streams = Streams { max_age: config.watch_max_age, stopping: stopping_streams };
    let services = rpc::services(&opened.engine, config.exposed().is_none(), streams);
    let Services { routes, methods, health } = services.map_err(RunError::Definitions)?;
    let front = Front {
        engine: opened.engine.clone(),
        methods: Arc::new(methods),
        in_flight: in_flight.clone(),
        routes,
    };
    let (cutter, cut) = cut();
    let (stop, stopping) = oneshot::channel::<()>();

    let mut serving = pin!(
        Server::builder()
            .max_concurrent_streams(STREAMS)
            .http2_max_header_list_size(HEADERS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIME))
            .serve_with_incoming_shutdown(front, listeners.accepted(cut), async {
                // An error means that this function is being dropped.
                let _ = stopping.await;
            })
    );
    let purging = Purging::start(opened.engine.clone(), config.purge_interval);
    health.serving().await;
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = shutdown => {}
    }
    // First of all, so that what it has under way is over when the last call is.
    drop(purging);

    tracing::info!(under_way = in_flight.count(), "stopping");
    health.not_serving().await;
    stop_streams.send_replace(true);
    let _ = stop.send(());
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        waited = timeout(config.drain_timeout, quiet(&in_flight)) => {
            if waited.is_err() {
                tracing::warn!(cut_off = in_flight.count(), "the drain timeout has passed");
            }
        }
    }
    cutter.cut();
    let _ = timeout(CUTTING, &mut serving).await;
    drop(opened);
    Ok(())
}

/// Returns once no call is under way, and none has come in while the last peers said farewell.
async fn quiet(in_flight: &InFlight) {
    loop {
        in_flight.none().await;
        tokio::time::sleep(FAREWELL).await;
        if in_flight.count() == 0 {
            return;
        }
    }
}
