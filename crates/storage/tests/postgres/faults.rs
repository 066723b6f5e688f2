//! Statements that take too long, callers who go away, servers that restart.

use crate::support::{Database, add, id, project, raise, until};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::EnvironmentId;
use waxseal_storage::{Error, Postgres, Store};

/// The feed's connection, beside the pool's; the one to ask for heads is made for the first who asks.
const HELD: i64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_costs_its_connection_and_no_other_call() {
    let database = Database::new().await;
    drop(database.made().await);
    let mut settings = database.settings();
    settings.max_connections = 1;
    settings.lock_timeout = Duration::from_secs(60);
    settings.statement_timeout = Duration::from_secs(60);
    settings.query_timeout = Duration::from_millis(300);
    let store = Postgres::open(settings).await.unwrap();
    add(&store, &project(1, "slow")).await;

    let beside = database.beside().await;
    beside.batch_execute("BEGIN; SELECT 1 FROM project FOR UPDATE").await.unwrap();
    let mut tx = store.begin("test").await.unwrap();
    let began = Instant::now();
    let error = tx.project(&id("slow")).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    drop(tx);

    // There is one connection in the pool, and this gets an answer at once.
    let began = Instant::now();
    let mut snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.project(&id("slow")).await.unwrap().is_some());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    drop(snapshot);
    // On the server, nobody waits for that lock any more, though it is still held.
    until("the statement is cancelled", Duration::from_secs(5), async || {
        database.connections().await == (HELD + 1, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_too_long_is_a_conflict() {
    let database = Database::new().await;
    drop(database.made().await);
    let mut settings = database.settings();
    settings.lock_timeout = Duration::from_millis(100);
    let store = Postgres::open(settings).await.unwrap();
    add(&store, &project(1, "locked")).await;
    let beside = database.beside().await;
    beside.batch_execute("BEGIN; SELECT 1 FROM project FOR UPDATE").await.unwrap();
    let mut tx = store.begin("test").await.unwrap();
    assert!(matches!(tx.project(&id("locked")).await, Err(Error::Conflict)));
    drop(tx);
    let mut snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.project(&id("locked")).await.unwrap().is_some(), "reading waits for nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_go_away_leave_the_pool_whole() {
    let database = Database::new().await;
    let store = Arc::new(database.made().await);
    add(&store, &project(1, "busy")).await;
    let beside = database.beside().await;
    beside.batch_execute("BEGIN; SELECT 1 FROM project FOR UPDATE").await.unwrap();
    let waiting: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin("test").await.unwrap();
                drop(tx.project(&id("busy")).await);
            })
        })
        .collect();
    until("all of them wait", Duration::from_secs(5), async || {
        database.connections().await.1 == 16
    })
    .await;
    for caller in waiting {
        caller.abort();
    }
    until("nothing is left of them", Duration::from_secs(5), async || {
        database.connections().await.1 == 0
    })
    .await;
    beside.batch_execute("ROLLBACK").await.unwrap();
    for revision in 2..20 {
        assert_eq!(raise(&store, &id("busy")).await, revision);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_dropped_give_their_connection_back() {
    let database = Database::new().await;
    drop(database.made().await);
    let mut settings = database.settings();
    settings.max_connections = 1;
    let store = Postgres::open(settings).await.unwrap();
    add(&store, &project(1, "given")).await;
    let pid = async || -> i32 {
        let sql = "SELECT max(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '%ROLLBACK%'
                     AND application_name = 'waxseal'";
        database
            .beside()
            .await
            .query_one(sql, &[])
            .await
            .unwrap()
            .get::<_, Option<i32>>(0)
            .unwrap_or(0)
    };
    drop(store.snapshot().await.unwrap());
    until("it is rolled back", Duration::from_secs(5), async || pid().await != 0).await;
    let first = pid().await;
    for round in 0..20 {
        let mut snapshot = store.snapshot().await.unwrap();
        assert!(snapshot.project(&id("given")).await.unwrap().is_some());
        drop(snapshot);
        // The rollback is a moment away, and the next call waits for it.
        let mut tx = store.begin("test").await.unwrap();
        tx.update_project(&project(1, "given")).await.unwrap();
        drop(tx);
        assert_eq!(database.connections().await.0, HELD + 1, "round {round}");
    }
    until("the same connection", Duration::from_secs(5), async || pid().await == first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_fails_no_call_after_it() {
    let database = Database::new().await;
    let store = Arc::new(database.made().await);
    add(&store, &project(1, "restart")).await;
    let main = EnvironmentId::parse("main").unwrap();
    for round in 0..5 {
        // Several connections, that all of them are stale.
        let mut open = Vec::new();
        for _ in 0..4 {
            let mut snapshot = store.snapshot().await.unwrap();
            snapshot.meta().await.unwrap();
            open.push(snapshot);
        }
        drop(open);
        store.head(&id("restart")).await.unwrap();
        until("they are given back", Duration::from_secs(5), async || {
            database.connections().await.1 == 0
        })
        .await;
        database.terminate().await;
        assert!(store.view_rows(&id("restart"), &main, Stage::Live).await.unwrap().is_some());
        database.terminate().await;
        assert_eq!(raise(&store, &id("restart")).await, round + 2);
        database.terminate().await;
        let mut snapshot = store.snapshot().await.unwrap();
        assert!(snapshot.project(&id("restart")).await.unwrap().is_some());
        database.terminate().await;
        let head = store.head(&id("restart")).await.unwrap().unwrap();
        assert_eq!(head.revision, round + 2);
    }
    store.check().await.unwrap();
}

/// Between the store and the server; closed, it lets nothing through and tells nobody.
struct Proxy {
    address: std::net::SocketAddr,
    open: tokio::sync::watch::Sender<bool>,
}

impl Proxy {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (open, gate) = tokio::sync::watch::channel(true);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (from, to) = client.into_split();
                let (back, forth) = server.into_split();
                tokio::spawn(pump(from, forth, gate.clone()));
                tokio::spawn(pump(back, to, gate.clone()));
            }
        });
        Self { address, open }
    }
}

async fn pump(
    from: tokio::net::tcp::OwnedReadHalf,
    to: tokio::net::tcp::OwnedWriteHalf,
    mut gate: tokio::sync::watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 65536];
    loop {
        from.readable().await.unwrap();
        gate.wait_for(|open| *open).await.unwrap();
        let read = match from.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let mut rest = &bytes[..read];
        while !rest.is_empty() {
            to.writable().await.unwrap();
            match to.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_in_time_and_taken_up_again() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "silent")).await;
    drop(store);
    let mut settings = database.settings();
    let config: tokio_postgres::Config = settings.url.parse().unwrap();
    let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else {
        panic!("TEST_POSTGRES names no TCP host")
    };
    let server = format!("{host}:{}", config.get_ports()[0]);
    let proxy = Proxy::to(server).await;
    let user = config.get_user().unwrap();
    settings.url = format!("postgres://{user}@{}/{}", proxy.address, database.name());
    settings.query_timeout = Duration::from_millis(500);
    settings.connect_timeout = Duration::from_secs(1);
    let store = Postgres::open(settings).await.unwrap();
    let silent = id("silent");
    let main = EnvironmentId::parse("main").unwrap();
    store.head(&silent).await.unwrap();
    store.view_rows(&silent, &main, Stage::Live).await.unwrap();

    proxy.open.send_replace(false);
    let calls = async |limit: Duration| {
        let began = Instant::now();
        let (head, view, check) = tokio::join!(
            store.head(&silent),
            store.view_rows(&silent, &main, Stage::Live),
            store.check(),
        );
        for failed in [head.is_err(), view.is_err(), check.is_err()] {
            assert!(failed);
        }
        assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    };
    // The first of them finds warm connections, the second has to make new ones.
    calls(Duration::from_millis(1800)).await;
    calls(Duration::from_millis(2800)).await;
    let aged = store.recent_head(&silent, Duration::from_millis(500)).await;
    assert!(aged.is_err(), "what is known is too old by now");

    proxy.open.send_replace(true);
    until("it is used again", Duration::from_secs(5), async || {
        store.check().await.is_ok() && store.head(&silent).await.is_ok()
    })
    .await;
}
