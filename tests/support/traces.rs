//! What the files of a data directory still hold of values that should be gone: an operator's
//! view, with a hex editor.

use super::Setup;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::HashSet;

/// What a stored value could be known by again.
const COLUMNS: [&str; 4] = ["wrapped_key", "sealed", "sealed_digest", "fingerprint"];

/// Pieces of stored values. A piece is short enough to be whole in what a page boundary, or
/// something written over one end of it, has left.
pub struct Traces(HashSet<u64>);

/// The length of a piece.
const PIECE: usize = size_of::<u64>();

impl Traces {
    /// Those of the rows of `value` that fulfil a condition; there have to be some.
    pub fn of(database: &Connection, condition: &str) -> Self {
        let traces = Self(pieces(database, condition));
        assert!(!traces.0.is_empty(), "no row of value fulfils {condition}");
        traces
    }

    pub fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// How many pieces the files of a data directory hold that belong to no row.
    pub fn left(&self, setup: &Setup) -> usize {
        // Records begin alike.
        let standing = pieces(&setup.database(), "sealed IS NOT NULL");
        let sought: HashSet<u64> = self.0.difference(&standing).copied().collect();
        assert!(!sought.is_empty(), "nothing of them is gone");
        let files = std::fs::read_dir(setup.data_dir()).unwrap();
        let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        files.map(|path| found(&std::fs::read(path).unwrap(), &sought)).sum()
    }

    /// How many pieces the files of a data directory hold.
    pub fn present(&self, setup: &Setup) -> usize {
        let files = std::fs::read_dir(setup.data_dir()).unwrap();
        let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        files.map(|path| found(&std::fs::read(path).unwrap(), &self.0)).sum()
    }
}

fn found(bytes: &[u8], sought: &HashSet<u64>) -> usize {
    let mut window = 0_u64;
    let mut count = 0;
    for (index, byte) in bytes.iter().enumerate() {
        window = window << 8 | u64::from(*byte);
        count += usize::from(index + 1 >= PIECE && sought.contains(&window));
    }
    count
}

fn pieces(database: &Connection, condition: &str) -> HashSet<u64> {
    let columns = COLUMNS.join(", ");
    let sql = format!("SELECT {columns} FROM value WHERE {condition}");
    let mut statement = database.prepare(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut pieces = HashSet::new();
    while let Some(row) = rows.next().unwrap() {
        for column in COLUMNS {
            if let Value::Blob(bytes) = row.get(column).unwrap() {
                let whole = bytes.chunks_exact(PIECE).map(|piece| piece.try_into().unwrap());
                pieces.extend(whole.map(u64::from_be_bytes));
            }
        }
    }
    pieces
}
