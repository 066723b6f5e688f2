//! Statements that take too long, callers who go away, servers that restart.

use crate::proxy::Proxy;
use crate::support::{Database, add, id, project, raise, until};
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::EnvironmentId;
use waxseal_storage::{Error, Postgres, ProjectRow, Store};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_in_time_and_taken_up_again() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "silent")).await;
    drop(store);
    let (proxy, mut settings) = Proxy::to(&database).await;
    settings.query_timeout = Duration::from_millis(500);
    settings.connect_timeout = Duration::from_secs(1);
    settings.head_timeout = Duration::from_secs(1);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_at_once_costs_one_round_trip() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "far")).await;
    drop(store);
    let (proxy, mut settings) = Proxy::to(&database).await;
    settings.max_connections = 1;
    let store = Postgres::open(settings).await.unwrap();
    let (far, main) = (id("far"), EnvironmentId::parse("main").unwrap());
    let view = async || assert!(store.view_rows(&far, &main, Stage::Live).await.unwrap().is_some());
    let snapshot = async || {
        let mut snapshot = store.snapshot().await.unwrap();
        assert!(snapshot.project(&far).await.unwrap().is_some());
    };
    let change = async || {
        let mut tx = store.begin("test").await.unwrap();
        let row = tx.project(&far).await.unwrap().unwrap();
        tx.update_project(&row).await.unwrap();
        tx.commit().await.unwrap();
    };
    view().await;
    snapshot().await;
    change().await;
    store.head(&far).await.unwrap();

    // From here on, a round trip takes as long as this.
    let trip = Duration::from_millis(500);
    proxy.delay.send_replace(trip / 2);
    let trips = async |what: &str, expected: u32, call: BoxFuture<'_, ()>| {
        let began = Instant::now();
        call.await;
        let took = began.elapsed();
        assert!(took >= trip * expected, "{what} was not delayed: {took:?}");
        assert!(took < trip * (expected + 1), "{what} took {took:?}");
        // Whatever it left to be rolled back.
        tokio::time::sleep(2 * trip).await;
    };
    trips("a view", 1, Box::pin(view())).await;
    trips("a snapshot that reads once", 1, Box::pin(snapshot())).await;
    trips("a strong head", 1, Box::pin(async { drop(store.head(&far).await.unwrap()) })).await;
    trips("a change of one row", 2, Box::pin(change())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unknown_and_stands() {
    let database = Database::new().await;
    let store = database.made().await;
    let row = project(1, "unknown");
    add(&store, &row).await;
    let (proxy, mut settings) = Proxy::to(&database).await;
    settings.query_timeout = Duration::from_millis(400);
    let far = Postgres::open(settings).await.unwrap();
    let mut tx = far.begin("test").await.unwrap();
    let raised = ProjectRow { revision: 2, ..row.clone() };
    tx.update_project(&raised).await.unwrap();
    // What is sent arrives in time; the answer does not.
    proxy.delay.send_replace(Duration::from_millis(300));
    assert!(matches!(tx.commit().await, Err(Error::CommitUnknown)));
    proxy.delay.send_replace(Duration::ZERO);
    assert_eq!(store.head(&id("unknown")).await.unwrap().unwrap().revision, 2);

    // And one that never arrives is as unknown, and does not stand.
    let mut tx = far.begin("test").await.unwrap();
    tx.update_project(&ProjectRow { revision: 3, ..row }).await.unwrap();
    proxy.open.send_replace(false);
    assert!(matches!(tx.commit().await, Err(Error::CommitUnknown)));
    assert_eq!(store.head(&id("unknown")).await.unwrap().unwrap().revision, 2);
}

/// An address at which nobody answers at all: its machine is gone, and nothing is refused. Dropped,
/// it is free.
async fn vanished() -> (SocketAddr, impl Sized) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Whoever comes when nobody accepts and the queue is full is left without an answer.
    let mut queue = Vec::new();
    while let Ok(waiting) =
        tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
    {
        queue.push(waiting.unwrap());
    }
    (address, (listener, queue))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_vanished_does_not_keep_another_from_being_found() {
    let database = Database::new().await;
    drop(database.made().await);
    let (vanished, _kept) = vanished().await;
    let mut settings = database.settings();
    let (user, rest) = settings.url.split_once('@').unwrap();
    settings.url = format!("{user}@{vanished},{rest}");
    settings.connect_timeout = Duration::from_secs(6);
    let store = Postgres::open(settings).await.unwrap();
    add(&store, &project(1, "found")).await;
    assert_eq!(raise(&store, &id("found")).await, 2);
}
