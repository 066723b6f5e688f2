//! The key management service. What is in memory stays good; what needs a key that is not there
//! waits for it, and says so.

use super::Expected::{Fine, Late};
use super::{Expected, Fault, Phase, Row};
use std::time::Duration;

const GONE: &str = "KEY_UNAVAILABLE";

/// In the order of [`Phase::OF_ALL`].
const ROW: [Expected; Phase::OF_ALL.len()] = [
    // Authentication, hit and shared: all keys are in memory.
    Fine,
    Fine,
    Fine,
    // Miss and reveal: the other server made the data key.
    Late(GONE),
    Late(GONE),
    // Write: it takes a new one.
    Late(GONE),
];

async fn row(fault: Fault) {
    let phases = Phase::OF_ALL;
    Row { link: |replica| &replica.kms, fault, phases, expected: ROW, shares: false }.check().await;
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
