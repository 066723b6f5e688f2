//! The SQLite store on a file that an earlier build wrote.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, reason = "tests")]

#[path = "first/held.rs"]
mod first;

use first::{GONE, KEPT, ROWS};
use rusqlite::Connection;
use rusqlite::types::Value;
use waxseal_storage::Sqlite;

const FIRST: &str = include_str!("../migrations/sqlite/0001_initial.sql");

/// The columns of a table.
fn columns(file: &Connection, table: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
    let mut columns = file.prepare(&sql).unwrap();
    columns.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn rows(file: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let mut rows = file.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))).unwrap();
    let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|column| row.get(column)).collect();
    rows.query_map((), row).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date_with_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("waxseal.db");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(FIRST).unwrap();
    file.execute_batch(&ROWS.replace(" last_xid,", "").replace(" '1',", "")).unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    let columns = KEPT.map(|table| (table, columns(&file, table)));
    let dump = |file: &Connection| {
        let tables = columns.iter().map(|(table, columns)| rows(file, table, columns));
        tables.collect::<Vec<_>>()
    };
    let before = dump(&file);
    assert!(before.iter().all(|rows| rows.len() == 1));
    drop(file);

    let store = Sqlite::open(&path).await.unwrap();
    first::is_read(&store).await;
    drop(store);
    let file = Connection::open(&path).unwrap();
    assert_eq!(dump(&file), before);
    for table in GONE {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(file.query_row::<i64, _, _>(&sql, (), |row| row.get(0)).unwrap(), 0, "{table}");
    }
    // And no other time.
    drop(file);
    first::is_read(&Sqlite::open(&path).await.unwrap()).await;
}
