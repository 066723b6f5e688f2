//! Ways in which the database fails the trail, and eight calls that disclose: nothing leaves without
//! its record, and nobody waits for ever. Files that cannot grow are in `full.rs`, a process
//! that dies in `crashes.rs` and `killed.rs`.

use super::calls::{CALLS, Call, Callers};
use super::world::{MARK, PATIENCE, World, postgres, setup};
use crate::support::proxy::Proxy;
use crate::support::{Client, refused};
use rusqlite::Connection;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Code;
use waxseal_domain::caller::Role;

/// The record of a disclosure, as triggers see it.
pub const WHEN: &str = "WHEN (NEW.chain LIKE 'process:%' OR NEW.action = 'RevealSecretValue')";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Errors,
    Blocks,
    Full,
    HeadLost,
    HeadChanged,
}

/// What ends when it is dropped.
struct Standing {
    /// Who holds SQLite's one writer.
    writer: Option<Connection>,
}

impl Fault {
    /// The statements that begin it; none where somebody else is to hold the writer.
    fn begin(self, postgres: bool) -> Option<String> {
        let trigger = |body: &str| {
            if postgres {
                format!(
                    "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                         $$ BEGIN {body} RETURN NEW; END $$;
                     CREATE TRIGGER fail BEFORE INSERT ON audit FOR EACH ROW {WHEN}
                         EXECUTE FUNCTION fail()"
                )
            } else {
                format!("CREATE TRIGGER fail BEFORE INSERT ON audit {WHEN} BEGIN {body} END")
            }
        };
        let lost = "CREATE TABLE lost AS SELECT * FROM audit_chain";
        Some(match self {
            Self::Errors if postgres => trigger("RAISE EXCEPTION 'no';"),
            Self::Errors => trigger("SELECT RAISE(ABORT, 'no');"),
            Self::Blocks if postgres => trigger("PERFORM pg_sleep(60);"),
            Self::Blocks => return None,
            Self::Full if postgres => trigger("RAISE EXCEPTION 'full' USING ERRCODE = '53100';"),
            // Of what SQLite says about a full disk it also speaks when numbers are used up.
            Self::Full => format!(
                "CREATE TABLE used_up (number INTEGER PRIMARY KEY AUTOINCREMENT);
                 INSERT INTO used_up VALUES ({});
                 {}",
                i64::MAX,
                trigger("INSERT INTO used_up VALUES (NULL);")
            ),
            Self::HeadLost => format!("{lost}; DELETE FROM audit_chain WHERE {HEADS}"),
            Self::HeadChanged => format!(
                "{lost}; UPDATE audit_chain SET sequence = sequence + 1
                 WHERE {HEADS_OF_PROCESSES}"
            ),
        })
    }

    fn end(self, postgres: bool) -> &'static str {
        match self {
            Self::Errors | Self::Blocks | Self::Full if postgres => "DROP FUNCTION fail CASCADE",
            Self::Errors | Self::Blocks => "DROP TRIGGER fail",
            Self::Full => "DROP TRIGGER fail; DROP TABLE used_up",
            Self::HeadLost | Self::HeadChanged => {
                "DELETE FROM audit_chain
                 WHERE chain LIKE 'process:%' AND chain IN (SELECT chain FROM lost);
                 INSERT INTO audit_chain SELECT * FROM lost WHERE true ON CONFLICT DO NOTHING;
                 DROP TABLE lost"
            }
        }
    }

    const fn is_of_heads(self) -> bool {
        matches!(self, Self::HeadLost | Self::HeadChanged)
    }
}

/// The heads of the chains that disclosures go to.
const HEADS: &str = "(chain LIKE 'process:%' OR chain LIKE 'project:%')";
/// The same where a change of the project has to go on record.
const HEADS_OF_PROCESSES: &str = "chain LIKE 'process:%'";

async fn begin(fault: Fault, call: Call, world: &World) -> Standing {
    match fault.begin(world.database.is_some()) {
        Some(mut sql) => {
            if call == Call::WatchLater {
                sql = sql.replace(HEADS, HEADS_OF_PROCESSES);
            }
            changed(fault, &sql, world).await;
            Standing { writer: None }
        }
        None => {
            let writer = world.server.setup.database();
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            Standing { writer: Some(writer) }
        }
    }
}

async fn end(fault: Fault, standing: Standing, world: &World) {
    match standing.writer {
        Some(writer) => writer.execute_batch("ROLLBACK").unwrap(),
        None => changed(fault, fault.end(world.database.is_some()), world).await,
    }
}

/// A checkpoint changes the heads in the order of their names, these statements as they find them:
/// they wait for all of them first, and never for each other.
async fn changed(fault: Fault, sql: &str, world: &World) {
    let locked = fault.is_of_heads() && world.database.is_some();
    let lock = if locked { "LOCK TABLE audit_chain IN EXCLUSIVE MODE;" } else { "" };
    world.sql(&format!("{lock} {sql}")).await;
}

/// In one world after another: what waits for a lock or a connection does not get in the way of
/// the next cell.
async fn cells(fault: Fault, on_postgres: bool) {
    let mut setup = setup();
    setup.config.audit.audit_window = Duration::ZERO;
    setup.probe = Some(Duration::from_secs(3_600));
    let database = if on_postgres { Some(postgres(&mut setup).await) } else { None };
    let world = World::on(setup, database).await;
    let proxy = Proxy::before(&world.server.address).await;
    let url = proxy.within(&world.server.address);
    let builder = world.server.token(Role::Builder, true, "deployment").await;
    let runtime = world.server.token(Role::Runtime, false, "deployment").await;
    let callers = Callers {
        builder: Client::connect(&url, &builder).await,
        runtime: Client::connect(&url, &runtime).await,
    };
    for call in CALLS {
        // A project's chain is gone on with from where its head says, by whichever server: what
        // is revealed is on record behind a gap, which `tampers.rs` has.
        if fault == Fault::HeadChanged && call.action() == "RevealSecretValue" {
            continue;
        }
        let engine = if on_postgres { "PostgreSQL" } else { "SQLite" };
        let cell = format!("{fault:?} in {call:?} on {engine}");
        let mut views = call.begin(&callers).await;
        if fault.is_of_heads() {
            // So that there is a head to lose, of the chain that the process has now.
            Call::Resolve.make(&callers, &mut None).await.unwrap();
        }
        let before = world.count(call.action(), "ok").await;
        proxy.listen();
        let standing;
        if call == Call::WatchLater && fault == Fault::Blocks && !on_postgres {
            // A change needs the writer, too: it comes first, and its view once that is held.
            let fill = world.server.hold_key_after(1);
            call.change(&callers).await;
            standing = begin(fault, call, &world).await;
            drop(fill);
        } else {
            standing = begin(fault, call, &world).await;
            call.change(&callers).await;
        }
        let refusal = timeout(PATIENCE, call.ask(&callers, &mut views)).await;
        let refusal = refusal.unwrap_or_else(|_| panic!("{cell} hangs"));
        let status = refusal.expect_err(&cell);
        assert_eq!(status.code(), Code::Unavailable, "{cell}: {status:?}");
        refused::<()>(Err(status)).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
        assert_eq!(world.count(call.action(), "ok").await, before, "{cell}: on record");
        assert!(!proxy.heard(MARK), "{cell}: something was disclosed");

        end(fault, standing, &world).await;
        let mut views = call.begin(&callers).await;
        let before = world.count(call.action(), "ok").await;
        proxy.listen();
        let healed = async {
            // What was under way may have to end first.
            while call.make(&callers, &mut views).await.is_err() {
                if call == Call::WatchLater {
                    views = call.begin(&callers).await;
                }
            }
        };
        timeout(PATIENCE, healed).await.unwrap_or_else(|_| panic!("{cell} does not heal"));
        assert!(world.count(call.action(), "ok").await > before, "{cell}: not on record");
        assert!(proxy.heard(MARK), "{cell}: what is disclosed is heard");
    }
    if !fault.is_of_heads() {
        let verdict = world.until_signed().await;
        assert!(verdict.chains >= 4, "each failure begins a chain: {verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_errs_lets_nothing_out() {
    cells(Fault::Errors, false).await;
    cells(Fault::Errors, true).await;
}

/// SQLite has one writer, which somebody else holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_blocks_lets_nothing_out_and_keeps_nobody_waiting() {
    cells(Fault::Blocks, false).await;
    cells(Fault::Blocks, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_lets_nothing_out() {
    cells(Fault::Full, false).await;
    cells(Fault::Full, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_lost_lets_nothing_out() {
    cells(Fault::HeadLost, false).await;
    cells(Fault::HeadLost, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_changed_lets_nothing_out() {
    cells(Fault::HeadChanged, false).await;
    cells(Fault::HeadChanged, true).await;
}
