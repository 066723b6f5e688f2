//! Who serves connections: a thread for each core, each with a runtime of its own.
//!
//! One acceptor deals connections out in turn. A call is served from its first byte to its last by
//! the thread of its connection: no task moves between cores, and no scheduler is shared, which
//! costs half as much again per call. What outlives a call, or serves many of them, runs on the
//! runtime that called [`run`](crate::run).

mod serving;

pub(crate) use serving::{Course, course};

use crate::front::{Front, InFlight};
use crate::listeners::Accepted;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime;
use tokio::sync::mpsc;

/// Workers, until this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    hands: Vec<mpsc::UnboundedSender<Accepted>>,
    next: usize,
    calls: Calls,
    /// Never says anything. It is closed when the last worker is gone.
    gone: mpsc::Receiver<Infallible>,
}

/// The calls that all workers have under way. Each counts its own, so that cores do not take the
/// one counter from each other with every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Vec<InFlight>);

impl Workers {
    /// Starts so many threads, or, with 0, one task on the present runtime.
    pub(crate) fn start(count: usize, front: &Front, course: &Course) -> io::Result<Self> {
        let (alive, gone) = mpsc::channel(1);
        let (mut hands, mut calls) = (Vec::new(), Calls::default());
        for number in 0..count.max(1) {
            // As long as there are places for connections.
            let (hand, dealt) = mpsc::unbounded_channel();
            let in_flight = InFlight::default();
            calls.0.push(in_flight.clone());
            let meter = front.meter.for_another();
            let front = Arc::new(Front { in_flight, meter, ..front.clone() });
            let serving = serving::serve(dealt, front, course.clone());
            // Dropped last, so that whoever is told that a worker is gone finds nothing of it: it
            // holds the engine, and that the files of the store.
            let alive = alive.clone();
            if count == 0 {
                tokio::spawn(async move {
                    serving.await;
                    drop(alive);
                });
            } else {
                let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
                thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
                    runtime.block_on(serving);
                    // Dropping it would wait for whatever still blocks.
                    runtime.shutdown_background();
                    drop(alive);
                })?;
            }
            hands.push(hand);
        }
        Ok(Self { hands, next: 0, calls, gone })
    }

    pub(crate) fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// Gives a connection to the worker whose turn it is.
    pub(crate) fn deal(&mut self, accepted: Accepted) {
        // A worker that is gone takes nothing: the connection is closed.
        let _ = self.hands[self.next].send(accepted);
        self.next = (self.next + 1) % self.hands.len();
    }

    /// Returns when nothing more is dealt and every connection has ended.
    pub(crate) async fn gone(&mut self) {
        self.hands.clear();
        let _ = self.gone.recv().await;
    }
}

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(InFlight::count).sum()
    }

    /// Returns once no call is under way, and none has come in for so long.
    pub(crate) async fn quiet(&self, farewell: Duration) {
        loop {
            for in_flight in &self.0 {
                in_flight.none().await;
            }
            tokio::time::sleep(farewell).await;
            if self.count() == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::listeners::Listeners;
    use futures::StreamExt as _;
    use std::pin::pin;

    #[tokio::test]
    async fn connections_are_dealt_in_turn() {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let listeners = Listeners::bind(&Config { listen, ..Config::default() }).await.unwrap();
        let address = listeners.tcp_addr().unwrap();
        let mut accepted = pin!(listeners.accepted());
        let (hands, mut dealt): (Vec<_>, Vec<_>) =
            (0..3).map(|_| mpsc::unbounded_channel()).unzip();
        let (_alive, gone) = mpsc::channel(1);
        let mut workers = Workers { hands, next: 0, calls: Calls::default(), gone };
        for turn in 0..7 {
            let _caller = std::net::TcpStream::connect(address).unwrap();
            workers.deal(accepted.next().await.unwrap());
            for (worker, dealt) in dealt.iter_mut().enumerate() {
                assert_eq!(dealt.try_recv().is_ok(), worker == turn % 3, "{turn} {worker}");
            }
        }
    }

    #[tokio::test]
    async fn it_is_quiet_when_no_worker_has_a_call() {
        let calls = Calls(vec![InFlight::default(), InFlight::default()]);
        let under_way = [&calls.0[1], &calls.0[0], &calls.0[1]].map(InFlight::enter);
        assert_eq!(calls.count(), 3);
        let mut quiet = pin!(calls.quiet(Duration::from_millis(1)));
        for guard in under_way {
            let waited = tokio::time::timeout(Duration::from_millis(20), &mut quiet).await;
            assert!(waited.is_err(), "a call is under way");
            drop(guard);
        }
        quiet.await;
    }
}
