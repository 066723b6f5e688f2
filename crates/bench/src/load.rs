//! The load generator.

use crate::Fault;
use crate::call::{Call, Caller};
use crate::child::{Running, own_cpu};
use crate::latency::Latency;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many calls at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Over all connections.
    pub(crate) in_flight: usize,
}

/// What a run has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) calls_per_s: f64,
    /// Of the server.
    pub(crate) cpu_us_per_call: f64,
    /// Of the load generator, as a share of its core: at 1 it may be what is measured.
    pub(crate) generator: f64,
}

async fn connect(address: SocketAddr, call: &Call, load: Load) -> Result<Vec<Caller>, Fault> {
    let mut callers = Vec::new();
    for _ in 0..load.connections {
        callers.push(Caller::connect(address, call).await?);
    }
    Ok(callers)
}

/// Each caller makes its next call when the last is answered.
pub(crate) async fn closed(
    server: &Running,
    call: &Call,
    load: Load,
    time: Duration,
) -> Result<Run, Fault> {
    let callers = connect(server.address, call, load).await?;
    let (server_before, own_before, start) = (server.cpu()?, own_cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for number in 0..load.in_flight {
        let mut caller = callers[number % callers.len()].beside(number);
        tasks.spawn(async move {
            let mut calls = 0_u32;
            while start.elapsed() < time {
                caller.call().await?;
                calls += 1;
            }
            Ok::<_, Fault>(calls)
        });
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    run(calls, start.elapsed(), server.cpu()? - server_before, own_cpu()? - own_before)
}

fn run(calls: u32, elapsed: Duration, server: Duration, own: Duration) -> Result<Run, Fault> {
    if calls == 0 {
        return Err("no call was answered".into());
    }
    let (calls, elapsed) = (f64::from(calls), elapsed.as_secs_f64());
    Ok(Run {
        calls_per_s: calls / elapsed,
        cpu_us_per_call: server.as_secs_f64() * 1e6 / calls,
        generator: own.as_secs_f64() / elapsed,
    })
}

/// Calls begin at a constant rate, whatever becomes of those before them, and their time runs
/// from when they should have begun.
pub(crate) async fn open(
    server: &Running,
    call: &Call,
    load: Load,
    rate: f64,
    time: Duration,
) -> Result<(Run, Latency), Fault> {
    let callers = connect(server.address, call, load).await?;
    let mut latency = Latency::new()?;
    let mut tasks = JoinSet::new();
    let (server_before, own_before, start) = (server.cpu()?, own_cpu()?, Instant::now());
    let mut begun = 0_u32;
    loop {
        let due = Duration::from_secs_f64(f64::from(begun) / rate);
        if due >= time {
            break;
        }
        if start.elapsed() < due {
            // The core is the generator's own: a timer would be too coarse.
            while let Some(done) = tasks.try_join_next() {
                latency.record(done??);
            }
            tokio::task::yield_now().await;
            continue;
        }
        let number = begun as usize;
        let mut caller = callers[number % callers.len()].beside(number);
        tasks.spawn(async move {
            caller.call().await?;
            Ok::<_, Fault>(start.elapsed() - due)
        });
        begun += 1;
    }
    while let Some(done) = tasks.join_next().await {
        latency.record(done??);
    }
    let (server, own) = (server.cpu()? - server_before, own_cpu()? - own_before);
    Ok((run(begun, start.elapsed(), server, own)?, latency))
}
