//! The shared cache. Nothing depends on it: no call fails, and none is late. Once the fault is over
//! views are shared again.

use super::Expected::Fine;
use super::{Fault, Phase, Row};
use std::time::Duration;

async fn row(fault: Fault) {
    let phases = Phase::OF_ALL;
    let expected = phases.map(|_| Fine);
    Row { link: |replica| &replica.redis, fault, phases, expected, shares: true }.check().await;
}

#[tokio::test]
async fn it_refuses() {
    row(Fault::Refuse).await;
}

#[tokio::test]
async fn it_is_silent() {
    row(Fault::BlackHole).await;
}

#[tokio::test]
async fn it_takes_six_seconds() {
    let [to_server, to_client] = [Duration::from_secs(3); 2];
    row(Fault::Delay { to_server, to_client, jitter: Duration::ZERO }).await;
}

#[tokio::test]
async fn its_answers_trickle() {
    row(Fault::Trickle(Duration::from_millis(100))).await;
}

#[tokio::test]
async fn each_connection_is_cut_early() {
    row(Fault::CutAfter(20)).await;
}

#[tokio::test]
async fn its_connections_are_reset() {
    row(Fault::Reset).await;
}

#[tokio::test]
async fn its_connections_are_half_closed() {
    row(Fault::HalfClose).await;
}
