//! How domain types stand in columns. A column that does not read as it was written is
//! [`Error::Malformed`], naming table and column and never the content.

use crate::{Error, Result, Wrapped};
use rusqlite::types::{FromSql, ValueRef};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::InvalidName;
use waxseal_domain::secret::Deletion;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::EnvironmentUid;

/// Sixteen bytes of a uid, as a parameter.
pub(super) const fn uid(bytes: &[u8; 16]) -> &[u8] {
    bytes
}

/// A count, revision or version, as a parameter. SQLite's integers are signed; none of ours
/// comes near the end of their range.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The two columns of a place.
pub(super) fn place_columns(place: Place) -> ([u8; 16], u8) {
    match place {
        Place::Default => ([0; 16], 0),
        Place::Override(environment, stage) => (*environment.bytes(), stage.number()),
    }
}

/// A flag of a column: 0 or 1.
pub(super) const fn flag(number: u8) -> Option<bool> {
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A row that is being read.
pub(super) struct Row<'a> {
    table: &'static str,
    row: &'a rusqlite::Row<'a>,
}

impl<'a> Row<'a> {
    pub(super) const fn new(table: &'static str, row: &'a rusqlite::Row<'a>) -> Self {
        Self { table, row }
    }

    const fn malformed(&self, column: &'static str) -> Error {
        Error::Malformed { table: self.table, column }
    }

    pub(super) fn get<T: FromSql>(&self, column: &'static str) -> Result<T> {
        self.row.get(column).map_err(|_| self.malformed(column))
    }

    pub(super) fn bytes<const N: usize>(&self, column: &'static str) -> Result<[u8; N]> {
        let bytes = self.row.get_ref(column).map_err(|_| self.malformed(column))?;
        bytes
            .as_blob()
            .ok()
            .and_then(|blob| blob.try_into().ok())
            .ok_or_else(|| self.malformed(column))
    }

    /// Bytes of a column that may be null.
    pub(super) fn maybe_bytes<const N: usize>(
        &self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>> {
        self.maybe(column, || self.bytes(column))
    }

    /// Nothing where the column is null, else what `read` makes of it.
    fn maybe<T>(
        &self,
        column: &'static str,
        read: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        match self.row.get_ref(column).map_err(|_| self.malformed(column))? {
            ValueRef::Null => Ok(None),
            _ => read().map(Some),
        }
    }

    pub(super) fn maybe_count(&self, column: &'static str) -> Result<Option<u64>> {
        self.maybe(column, || self.count(column))
    }

    pub(super) fn maybe_one_of<T>(
        &self,
        column: &'static str,
        read: impl Fn(u8) -> Option<T>,
    ) -> Result<Option<T>> {
        self.maybe(column, || self.one_of(column, read))
    }

    pub(super) fn count(&self, column: &'static str) -> Result<u64> {
        u64::try_from(self.get::<i64>(column)?).map_err(|_| self.malformed(column))
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp> {
        Ok(Timestamp::from_micros(self.get(column)?))
    }

    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    pub(super) fn name<T>(
        &self,
        column: &'static str,
        parse: impl Fn(&str) -> std::result::Result<T, InvalidName>,
    ) -> Result<T> {
        parse(&self.get::<String>(column)?).map_err(|_| self.malformed(column))
    }

    /// The two columns of a deletion: both or neither.
    pub(super) fn deletion(&self) -> Result<Option<Deletion>> {
        match (self.maybe_time("deleted")?, self.maybe_time("purge")?) {
            (Some(deleted), Some(purge)) => Ok(Some(Deletion { deleted, purge })),
            (None, None) => Ok(None),
            _ => Err(self.malformed("deleted")),
        }
    }

    /// A number that stands for one of a closed list.
    pub(super) fn one_of<T>(
        &self,
        column: &'static str,
        read: impl Fn(u8) -> Option<T>,
    ) -> Result<T> {
        read(self.get::<u8>(column)?).ok_or_else(|| self.malformed(column))
    }

    pub(super) fn place(&self) -> Result<Place> {
        let environment: [u8; 16] = self.bytes("environment")?;
        match self.get::<u8>("stage")? {
            0 if environment == [0; 16] => Ok(Place::Default),
            number => {
                let stage = Stage::from_number(number).ok_or_else(|| self.malformed("stage"))?;
                Ok(Place::Override(EnvironmentUid::from_bytes(environment), stage))
            }
        }
    }

    pub(super) fn wrapped(
        &self,
        kind: &'static str,
        key_id: &'static str,
        bytes: &'static str,
    ) -> Result<Wrapped> {
        Ok(Wrapped { kind: self.get(kind)?, key_id: self.get(key_id)?, bytes: self.get(bytes)? })
    }
}
