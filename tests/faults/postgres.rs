//! The database. A read that has to be as new as the last change asks it first, so that nothing is
//! answered without it; what is in memory or in Redis then costs no more than that.

use super::Expected::{Down, Late, Once, Settled, Unknown};
use super::{Fault, Phase, Row};
use std::time::Duration;

const GONE: &str = "STORAGE_UNAVAILABLE";

macro_rules! row {
    ($name:ident, $fault:expr, $expected:expr) => {
        #[tokio::test]
        async fn $name() {
            let phases = Phase::OF_DATABASE;
            let row = Row {
                link: |replica| &replica.postgres,
                fault: $fault,
                phases,
                expected: $expected,
                shares: false,
            };
            row.check().await;
        }
    };
}

// In the order of `Phase::OF_DATABASE`: authentication, hit, shared, miss, reveal; then write, commit and
// acknowledgement.

row!(
    it_refuses,
    Fault::Refuse,
    [Down(GONE), Down(GONE), Down(GONE), Down(GONE), Down(GONE), Down(GONE), Unknown, Unknown]
);

row!(
    it_is_silent,
    Fault::BlackHole,
    [Late(GONE), Down(GONE), Down(GONE), Down(GONE), Late(GONE), Late(GONE), Unknown, Unknown]
);

row!(
    it_takes_six_seconds,
    Fault::Delay {
        to_server: Duration::from_secs(3),
        to_client: Duration::from_secs(3),
        jitter: Duration::ZERO,
    },
    [Late(GONE), Down(GONE), Down(GONE), Down(GONE), Late(GONE), Late(GONE), Settled, Settled]
);

row!(
    its_answers_trickle,
    Fault::Trickle(Duration::from_millis(100)),
    [Late(GONE), Down(GONE), Down(GONE), Down(GONE), Late(GONE), Late(GONE), Settled, Settled]
);

row!(
    each_connection_is_cut_early,
    // Less than what answers COMMIT.
    Fault::CutAfter(8),
    [Down(GONE), Down(GONE), Down(GONE), Down(GONE), Down(GONE), Down(GONE), Unknown, Unknown]
);

row!(
    its_connections_are_reset,
    Fault::Reset,
    [Once(GONE), Once(GONE), Once(GONE), Once(GONE), Once(GONE), Once(GONE), Settled, Settled]
);

row!(
    its_connections_are_half_closed,
    Fault::HalfClose,
    [Once(GONE), Once(GONE), Once(GONE), Once(GONE), Once(GONE), Once(GONE), Settled, Settled]
);
