//! kill -9 at chosen moments of the eight calls that disclose: while the record is being written,
//! and once it is there and nothing of the answer has left. `killed.rs` has kill -9 at any moment.

use super::calls::{CALLS, Call, Callers};
use super::faults::WHEN;
use super::running::Running;
use super::world::{MARK, PATIENCE};
use crate::support::Client;
use crate::support::proxy::{Fault, Moment, Proxy};
use crate::support::raw::{Raw, path};
use h2::client::{Builder, SendRequest};
use prost::Message as _;
use prost::bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use waxseal_proto::v1::{Stage, WatchEnvironmentRequest};

/// What the record of a disclosure waits for in PostgreSQL, while a test has it.
const LOCK: &str = "pg_advisory_lock(7466, 1)";

/// Keeps the record of a disclosure from coming to its end, while it is there.
struct Hanging {
    /// Who has what the records wait for.
    holder: Option<tokio_postgres::Client>,
}

impl Hanging {
    async fn begin(running: &Running) -> Self {
        let Some(database) = &running.database else {
            // The one statement of SQLite's that takes for ever.
            let endless = format!(
                "CREATE VIEW endless AS WITH RECURSIVE n (x) AS
                     (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n;
                 CREATE TRIGGER fail AFTER INSERT ON audit {WHEN}
                     BEGIN SELECT count(*) FROM endless; END"
            );
            running.sql(&endless).await;
            return Self { holder: None };
        };
        let holder = database.connect().await;
        holder.batch_execute(&format!("SELECT {LOCK}")).await.unwrap();
        let waits = format!(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM {LOCK}; RETURN NEW; END $$;
             CREATE TRIGGER fail AFTER INSERT ON audit FOR EACH ROW {WHEN}
                 EXECUTE FUNCTION fail()"
        );
        running.sql(&waits).await;
        Self { holder: Some(holder) }
    }

    /// Returns once a record is being written, or the one who asked for it knows that it is not.
    async fn seen<T>(&self, running: &Running, asked: &JoinHandle<T>) {
        let mut since = None;
        while !asked.is_finished() {
            let seen = match &self.holder {
                Some(holder) => {
                    let waiting = "SELECT count(*) FROM pg_locks
                        WHERE locktype = 'advisory' AND classid = 7466 AND NOT granted";
                    holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0
                }
                None => {
                    // Nothing else is written now: whoever has the writer has it for the record.
                    let other = running.setup.database();
                    other.busy_timeout(Duration::ZERO).unwrap();
                    let free = other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
                    since = if free { None } else { since.or_else(|| Some(Instant::now())) };
                    since.is_some_and(|since| since.elapsed() > Duration::from_millis(100))
                }
            };
            if seen {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// For a database that no server is on.
    async fn end(self, running: &Running) {
        let sql = match self.holder {
            Some(_) => "DROP FUNCTION fail CASCADE",
            None => "DROP TRIGGER fail; DROP VIEW endless",
        };
        running.sql(sql).await;
    }
}

/// The record is being written when the process dies.
async fn before(on_postgres: bool) {
    let mut running = Running::new(on_postgres).await;
    for call in CALLS {
        let cell = running.cell("a crash before the record", call);
        let proxy = Proxy::before(&running.serving.url()).await;
        let callers = running.callers(call, &proxy).await;
        let mut views = call.begin(&callers).await;
        let recorded = running.recorded(call).await;
        let hanging = Hanging::begin(&running).await;
        call.change(&callers).await;
        proxy.listen();
        let asked = tokio::spawn(async move { call.ask(&callers, &mut views).await });
        let seen = timeout(PATIENCE, hanging.seen(&running, &asked)).await;
        seen.unwrap_or_else(|_| panic!("{cell}: nothing is recorded"));
        running.kill().await;
        assert!(asked.await.unwrap().is_err(), "{cell}: shown");
        assert!(!proxy.heard(MARK), "{cell}: something was disclosed");
        hanging.end(&running).await;
        running.restart(&cell).await;
        assert_eq!(running.recorded(call).await, recorded, "{cell}: on record");
        running.is_well(call, &cell).await;
    }
    running.verify().await;
}

/// Returns once it is on record once more. Who is not the one that wrote it sees it once it is
/// durable.
async fn until_recorded(running: &Running, call: Call, recorded: i64, cell: &str) {
    let on_record = async {
        while running.recorded(call).await != recorded + 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, on_record).await.unwrap_or_else(|_| panic!("{cell}: nothing is recorded"));
}

/// A stream whose reader takes its first message and grants nothing for a second one.
async fn watch_one(running: &Running, proxy: &Proxy) -> h2::RecvStream {
    let request = WatchEnvironmentRequest {
        name: "projects/demo/environments/staging".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    // The same stream says how long its first message is.
    let message = request.encode_to_vec();
    let raw = Raw::connect(&proxy.within(&running.serving.url())).await;
    let first = raw.call("WatchEnvironment", &running.runtime, message.clone()).await.unwrap();
    let length = first.into_inner().len() + 5;

    let stream = TcpStream::connect(proxy.addr()).await.unwrap();
    let window = u32::try_from(length).unwrap();
    let (sender, connection): (SendRequest<Bytes>, _) =
        Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request =
        http::Request::post(format!("http://{}{}", proxy.addr(), path("WatchEnvironment")))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", running.runtime))
            .body(())
            .unwrap();
    let mut sender = sender.ready().await.unwrap();
    let (response, mut sending) = sender.send_request(request, false).unwrap();
    let prefix = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes()].concat();
    sending.send_data([prefix, message].concat().into(), true).unwrap();
    let mut views = response.await.unwrap().into_body();
    let mut read = 0;
    while read < length {
        // None of it is given back to the window.
        read += views.data().await.unwrap().unwrap().len();
    }
    assert_eq!(read, length);
    views
}

/// The record is there when the process dies, and what it would disclose is in the process: the
/// caller's window lets no byte of a message out.
async fn after(on_postgres: bool) {
    let mut running = Running::new(on_postgres).await;
    for call in CALLS {
        let cell = running.cell("a crash after the record", call);
        let proxy = Proxy::before(&running.serving.url()).await;
        let url = proxy.within(&running.serving.url());
        let recorded;
        let asked = if call == Call::WatchLater {
            let callers = running.callers(call, &proxy).await;
            let mut views = watch_one(&running, &proxy).await;
            recorded = running.recorded(call).await;
            proxy.listen();
            call.change(&callers).await;
            tokio::spawn(async move { matches!(views.data().await, Some(Ok(_))) })
        } else {
            recorded = running.recorded(call).await;
            proxy.listen();
            let callers = Callers {
                builder: Client::without_window(&url, &running.builder).await,
                runtime: Client::without_window(&url, &running.runtime).await,
            };
            tokio::spawn(async move { call.ask(&callers, &mut None).await.is_ok() })
        };
        until_recorded(&running, call, recorded, &cell).await;
        running.kill().await;
        assert!(!asked.await.unwrap(), "{cell}: shown");
        assert!(!proxy.heard(MARK), "{cell}: something was disclosed");
        running.restart(&cell).await;
        assert_eq!(running.recorded(call).await, recorded + 1, "{cell}: the record is durable");
        running.is_well(call, &cell).await;
    }
    running.verify().await;
}

/// The record is there when the process dies, which has not been told: what the database says to
/// its COMMIT is held back.
async fn untold() {
    let mut running = Running::new(true).await;
    let link = Proxy::before(running.database.as_ref().unwrap().url()).await;
    running.speak_through(&link);
    for call in CALLS {
        let cell = running.cell("a crash before it is known that the record is there", call);
        running.kill().await;
        link.set(Fault::Pass);
        running.restart(&cell).await;
        let proxy = Proxy::before(&running.serving.url()).await;
        let callers = running.callers(call, &proxy).await;
        let mut views = call.begin(&callers).await;
        let recorded = running.recorded(call).await;
        proxy.listen();
        // The record says what was called; its transaction is the next one to be committed.
        link.set_once(Moment::After, [call.action(), "COMMIT\0"], Fault::BlackHole);
        call.change(&callers).await;
        let asked = tokio::spawn(async move { call.ask(&callers, &mut views).await });
        until_recorded(&running, call, recorded, &cell).await;
        running.kill().await;
        assert!(link.sprung(), "{cell}: the answer was not held back");
        assert!(asked.await.unwrap().is_err(), "{cell}: shown");
        assert!(!proxy.heard(MARK), "{cell}: something was disclosed");
        link.set(Fault::Pass);
        running.restart(&cell).await;
        assert_eq!(running.recorded(call).await, recorded + 1, "{cell}: the record is durable");
        running.is_well(call, &cell).await;
    }
    running.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_record_shows_nothing() {
    before(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_record_shows_nothing_on_postgres() {
    before(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_record_keeps_it() {
    after(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_record_keeps_it_on_postgres() {
    after(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_record_is_known_of_keeps_it_on_postgres() {
    untold().await;
}
