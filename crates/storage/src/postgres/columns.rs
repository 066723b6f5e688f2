//! How domain types stand in columns. A column that does not read as it was written is
//! [`Error::Malformed`], naming table and column and never the content.

use crate::{Error, Result, Wrapped};
use tokio_postgres::types::{FromSql, ToSql};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::InvalidName;
use waxseal_domain::secret::Deletion;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::EnvironmentUid;

/// The parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A count, revision or version, as a parameter. PostgreSQL's integers are signed; none of ours
/// comes near the end of their range.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The two columns of a place.
pub(super) fn place_columns(place: Place) -> ([u8; 16], i16) {
    match place {
        Place::Default => ([0; 16], 0),
        Place::Override(environment, stage) => (*environment.bytes(), i16::from(stage.number())),
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
    row: &'a tokio_postgres::Row,
}

impl<'a> Row<'a> {
    pub(super) const fn new(table: &'static str, row: &'a tokio_postgres::Row) -> Self {
        Self { table, row }
    }

    const fn malformed(&self, column: &'static str) -> Error {
        Error::Malformed { table: self.table, column }
    }

    pub(super) fn get<T: FromSql<'a>>(&self, column: &'static str) -> Result<T> {
        self.row.try_get(column).map_err(|_| self.malformed(column))
    }

    pub(super) fn bytes<const N: usize>(&self, column: &'static str) -> Result<[u8; N]> {
        self.get::<&[u8]>(column)?.try_into().map_err(|_| self.malformed(column))
    }

    /// Bytes of a column that may be null.
    pub(super) fn maybe_bytes<const N: usize>(
        &self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>> {
        match self.get::<Option<&[u8]>>(column)? {
            Some(bytes) => bytes.try_into().map(Some).map_err(|_| self.malformed(column)),
            None => Ok(None),
        }
    }

    pub(super) fn maybe_count(&self, column: &'static str) -> Result<Option<u64>> {
        let count = self.get::<Option<i64>>(column)?;
        count.map(|count| u64::try_from(count).map_err(|_| self.malformed(column))).transpose()
    }

    pub(super) fn maybe_one_of<T>(
        &self,
        column: &'static str,
        read: impl Fn(u8) -> Option<T>,
    ) -> Result<Option<T>> {
        self.get::<Option<i16>>(column)?.map_or(Ok(None), |_| self.one_of(column, read).map(Some))
    }

    /// A small number that none above 255 is ever written to.
    pub(super) fn small(&self, column: &'static str) -> Result<u8> {
        u8::try_from(self.get::<i16>(column)?).map_err(|_| self.malformed(column))
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
        parse(self.get::<&str>(column)?).map_err(|_| self.malformed(column))
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
        read(self.small(column)?).ok_or_else(|| self.malformed(column))
    }

    pub(super) fn place(&self) -> Result<Place> {
        let environment: [u8; 16] = self.bytes("environment")?;
        match self.small("stage")? {
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
        Ok(Wrapped { kind: self.small(kind)?, key_id: self.get(key_id)?, bytes: self.get(bytes)? })
    }
}

/// Reads every row of an answer.
pub(super) fn all<T>(
    table: &'static str,
    rows: &[tokio_postgres::Row],
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    rows.iter().map(|row| read(&Row::new(table, row))).collect()
}

/// Reads the first row of an answer.
pub(super) fn first<T>(
    table: &'static str,
    rows: &[tokio_postgres::Row],
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    rows.first().map(|row| read(&Row::new(table, row))).transpose()
}
