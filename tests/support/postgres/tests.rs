use super::{Database, connect, variable};
use std::time::Duration;

fn holds(bytes: &[u8], sought: &str) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought.as_bytes())
}

async fn exists(name: &str) -> bool {
    let server = connect(&variable("TEST_POSTGRES")).await;
    let query = "SELECT 1 FROM pg_database WHERE datname = $1";
    server.query_opt(query, &[&name]).await.unwrap().is_some()
}

#[tokio::test]
async fn a_database_is_a_tests_own_and_goes_with_those_who_are_connected() {
    let first = Database::create().await;
    let second = Database::create().await;
    first.sql("CREATE TABLE only_here (n int)").await;
    assert_eq!(
        second.number("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'").await,
        0
    );
    let name = first.name().to_owned();
    let connected = first.connect().await;
    assert!(exists(&name).await);
    drop(first);
    assert!(!exists(&name).await);
    assert!(connected.simple_query("SELECT 1").await.is_err());
    assert!(exists(second.name()).await);
}

#[tokio::test]
async fn statements_rows_dump_and_log_show_what_is_stored() {
    let database = Database::create().await;
    let marker = format!("marker-{}", uuid::Uuid::new_v4());
    database.sql("CREATE TABLE thing (name text, size int)").await;
    let client = database.connect().await;
    let insert = "INSERT INTO thing VALUES ($1, 7), (NULL, 8)";
    client.execute(insert, &[&marker]).await.unwrap();
    let rows = database.sql("SELECT name, size FROM thing ORDER BY size; SELECT 9").await;
    let own = |text: &str| Some(text.to_owned());
    assert_eq!(rows, [vec![own(&marker), own("7")], vec![None, own("8")], vec![own("9")]]);
    assert!(holds(&database.dump(), &marker));
    // Parameters too, and not the statement alone.
    assert!(holds(&Database::server_log(), &marker));
    assert!(holds(&Database::server_log(), database.name()));
}

#[tokio::test]
async fn those_who_are_connected_are_counted() {
    let database = Database::create().await;
    let soon = Duration::from_secs(5);
    database.at_most_connected(0, soon).await;
    let clients = [database.connect().await, database.connect().await];
    assert_eq!(database.at_most_connected(2, soon).await.as_secs(), 0);
    assert!(database.connections().await >= 2);
    drop(clients);
    database.at_most_connected(0, soon).await;
}
