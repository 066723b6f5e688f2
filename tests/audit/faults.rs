//! Four ways in which the database fails the trail, and eight calls that disclose: nothing leaves
//! without its record, and nobody waits for ever. The other two, crashes, are `killed.rs`.

use super::calls::{CALLS, Call};
use super::world::{PATIENCE, World, postgres, setup};
use crate::support::refused;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Code;

const WHEN: &str = "WHEN (NEW.chain LIKE 'process:%' OR NEW.action = 'RevealSecretValue')";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Errors,
    Blocks,
    Full,
    HeadLost,
}

impl Fault {
    /// The statements that begin it.
    fn begin(self) -> String {
        let trigger = |body: &str| {
            format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN {body} RETURN NEW; END $$;
                 CREATE TRIGGER fail BEFORE INSERT ON audit FOR EACH ROW {WHEN}
                     EXECUTE FUNCTION fail()"
            )
        };
        match self {
            Self::Errors => trigger("RAISE EXCEPTION 'no';"),
            Self::Blocks => trigger("PERFORM pg_sleep(60);"),
            Self::Full => trigger("RAISE EXCEPTION 'full' USING ERRCODE = '53100';"),
            Self::HeadLost => "CREATE TABLE lost AS TABLE audit_chain; DELETE FROM audit_chain
                 WHERE chain LIKE 'process:%' OR chain LIKE 'project:%'"
                .to_owned(),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Errors | Self::Blocks | Self::Full => "DROP FUNCTION fail CASCADE",
            Self::HeadLost => {
                "INSERT INTO audit_chain TABLE lost ON CONFLICT DO NOTHING;
                 DROP TABLE lost"
            }
        }
    }
}

/// In one world after another: what waits for a lock or a connection does not get in the way of
/// the next cell.
async fn cells(fault: Fault) {
    let mut setup = setup();
    setup.config.audit.audit_window = Duration::ZERO;
    let database = postgres(&mut setup).await;
    let world = World::on(setup, Some(database)).await;
    let callers = world.callers();
    for call in CALLS {
        let cell = format!("{fault:?} in {call:?}");
        let mut views = call.begin(&callers).await;
        if fault == Fault::HeadLost {
            // So that there is a head to lose, of the chain that the process has now.
            Call::Resolve.make(&callers, &mut None).await.unwrap();
        }
        let before = world.count(call.action(), "ok").await;
        let lost_for = |call: Call| call == Call::WatchLater && fault == Fault::HeadLost;
        if lost_for(call) {
            // A change needs its project's chain.
            let begin = fault.begin().replace(" OR chain LIKE 'project:%'", "");
            world.sql(&begin).await;
        } else {
            world.sql(&fault.begin()).await;
        }
        let refusal = timeout(PATIENCE, call.make(&callers, &mut views)).await;
        let refusal = refusal.unwrap_or_else(|_| panic!("{cell} hangs"));
        refused(refusal).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
        assert_eq!(world.count(call.action(), "ok").await, before, "{cell}");

        world.sql(fault.end()).await;
        let mut views = call.begin(&callers).await;
        let before = world.count(call.action(), "ok").await;
        let healed = async {
            // What was under way may have to end first.
            while call.make(&callers, &mut views).await.is_err() {
                if call == Call::WatchLater {
                    views = call.begin(&callers).await;
                }
            }
        };
        timeout(PATIENCE, healed).await.unwrap_or_else(|_| panic!("{cell} does not heal"));
        assert!(world.count(call.action(), "ok").await > before, "{cell}: on record");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_errs_lets_nothing_out() {
    cells(Fault::Errors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_blocks_lets_nothing_out_and_keeps_nobody_waiting() {
    cells(Fault::Blocks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_lets_nothing_out() {
    cells(Fault::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_lost_lets_nothing_out() {
    cells(Fault::HeadLost).await;
}

/// SQLite has one writer: somebody else who holds it keeps a disclosure waiting, for two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_held_by_another_process_keeps_nobody_waiting() {
    let mut setup = setup();
    setup.config.audit.audit_window = Duration::ZERO;
    let world = World::on(setup, None).await;
    let callers = world.callers();
    let other = world.server.setup.database();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for call in [Call::Resolve, Call::RevealDefault, Call::WatchFirst] {
        let refusal = timeout(PATIENCE, call.make(&callers, &mut None)).await.unwrap();
        refused(refusal).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
    }
    other.execute_batch("ROLLBACK").unwrap();
    let healed = async { while Call::Resolve.make(&callers, &mut None).await.is_err() {} };
    timeout(PATIENCE, healed).await.unwrap();
    let full = "CREATE TRIGGER fail BEFORE INSERT ON audit WHEN NEW.chain LIKE 'process:%'
         BEGIN SELECT RAISE(ABORT, 'no'); END";
    world.sql(full).await;
    refused(Call::Resolve.make(&callers, &mut None).await)
        .is(Code::Unavailable, "AUDIT_UNAVAILABLE");
    world.sql("DROP TRIGGER fail").await;
    Call::Resolve.make(&callers, &mut None).await.unwrap();
    let verdict = world.until_signed().await;
    assert!(verdict.chains >= 4, "each failure begins a chain: {verdict:?}");
}
