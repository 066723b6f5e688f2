//! Leaves nothing in the files of what was removed.
//!
//! `secure_delete` overwrites what is removed where it stands. Two kinds of copies are left: the
//! pages from before in the write-ahead log, and the records that SQLite moved to another page
//! when it balanced its trees, of which the page that they came from keeps what nothing was
//! written over. So the file is written anew, from what stands, and the log emptied.

use super::BUSY;
use crate::Result;
use rusqlite::Connection;
use std::time::Duration;

/// Says whether it is done; a snapshot that is being read can put it off.
pub(super) fn scrub(connection: &Connection) -> Result<bool> {
    // Not while a reader is in the way: the whole file would go into the log and stay there.
    if !empty_log(connection)? {
        return Ok(false);
    }
    connection.execute_batch("-- scrub()\nVACUUM")?;
    let done = empty_log(connection)?;
    if done {
        connection.execute("-- scrubbed()\nUPDATE store SET unscrubbed = 0", [])?;
    }
    Ok(done)
}

/// Does not wait for a snapshot that is being read: that would keep the writer from everybody else.
fn empty_log(connection: &Connection) -> Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy = connection.query_row(truncate, [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY)?;
    Ok(busy? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sqlite;
    use rusqlite::params;
    use std::collections::HashSet;
    use std::path::Path;

    const PIECE: usize = size_of::<u64>();

    /// Numbers that look random and are the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, end: usize) -> usize {
            self.next() as usize % end
        }

        fn bytes(&mut self, length: usize) -> Vec<u8> {
            let mut bytes = Vec::new();
            while bytes.len() < length {
                bytes.extend(self.next().to_be_bytes());
            }
            bytes
        }
    }

    /// Secrets with several versions come and go. Gives the pieces of the records that are gone.
    fn churn(connection: &Connection) -> HashSet<u64> {
        const LENGTHS: [usize; 7] = [64, 104, 200, 400, 904, 2_000, 5_000];
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").unwrap();
        let mut numbers = Numbers(19);
        let (mut standing, mut gone) = (Vec::new(), HashSet::new());
        for _ in 0..1_500 {
            if numbers.below(10) < 6 || standing.is_empty() {
                let secret = numbers.bytes(16);
                for version in 0..=(numbers.below(6) as i64) {
                    let length = LENGTHS[numbers.below(LENGTHS.len())];
                    connection
                        .execute(
                            "INSERT INTO value (secret, environment, stage, version, uid, created,
                                                sealed, destroyed, mac)
                             VALUES (?1, zeroblob(16), 0, ?2, x'', 0, ?3, 0, x'')",
                            params![secret, version, numbers.bytes(length)],
                        )
                        .unwrap();
                }
                standing.push(secret);
            } else {
                let secret = standing.swap_remove(numbers.below(standing.len()));
                let mut sealed = connection
                    .prepare_cached("SELECT sealed FROM value WHERE secret = ?1")
                    .unwrap();
                let rows = sealed.query_map([&secret], |row| row.get::<_, Vec<u8>>(0)).unwrap();
                for record in rows {
                    gone.extend(record.unwrap().chunks_exact(PIECE).map(piece));
                }
                connection.execute("DELETE FROM value WHERE secret = ?1", [&secret]).unwrap();
            }
        }
        gone
    }

    fn piece(bytes: &[u8]) -> u64 {
        u64::from_be_bytes(bytes.try_into().unwrap())
    }

    fn left(directory: &Path, gone: &HashSet<u64>) -> usize {
        let files = std::fs::read_dir(directory).unwrap();
        let files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.map(|file| file.windows(PIECE).filter(|at| gone.contains(&piece(at))).count()).sum()
    }

    #[tokio::test]
    async fn nothing_of_what_is_gone_is_left_in_any_file() {
        use crate::Store as _;
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&directory.path().join("waxseal.db")).await.unwrap();
        let gone = churn(&*store.writer.lock().await);
        assert!(empty_log(&*store.writer.lock().await).unwrap());
        assert!(left(directory.path(), &gone) > 0, "an overwriting deletion alone leaves some");
        assert!(store.scrub().await.unwrap());
        assert_eq!(left(directory.path(), &gone), 0);
    }
}
