//! Slots and the versions of their values.

use super::columns::{Params, Row, all, first, flag, number, place_columns};
use super::session::Session;
use crate::{Error, Result, Sealed, SlotEdits, SlotRow, SlotRows, ValueHead, ValueRow};
use async_trait::async_trait;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;

pub(super) const SLOTS: &str = "-- slots()
    SELECT s.secret, s.environment, s.stage, s.current, s.highest, s.edition, s.updated,
           s.history, v.uid, v.sealed_digest, length(v.sealed)::bigint AS length
    FROM slot s
    LEFT JOIN value v ON v.secret = s.secret AND v.environment = s.environment
         AND v.stage = s.stage AND v.version = s.current
    WHERE s.project = $1 AND s.environment = $2 AND s.stage = $3";

#[async_trait]
impl SlotRows for Session {
    async fn slots(&mut self, project: ProjectUid, place: Place) -> Result<Vec<SlotRow>> {
        let (environment, stage) = place_columns(place);
        let params: Params<'_> = &[&&project.bytes()[..], &&environment[..], &stage];
        all("slot", &self.query(SLOTS, params).await?, read_slot)
    }

    async fn all_slots(&mut self, project: ProjectUid) -> Result<Vec<SlotRow>> {
        let rows = self
            .query(
                "-- all_slots()
                 SELECT s.secret, s.environment, s.stage, s.current, s.highest, s.edition,
                        s.updated, s.history, v.uid, v.sealed_digest,
                        length(v.sealed)::bigint AS length
                 FROM slot s LEFT JOIN value v ON v.secret = s.secret
                      AND v.environment = s.environment AND v.stage = s.stage
                      AND v.version = s.current
                 WHERE s.project = $1",
                &[&&project.bytes()[..]],
            )
            .await?;
        all("slot", &rows, read_slot)
    }

    async fn current_values(&mut self, project: ProjectUid, place: Place) -> Result<Vec<ValueRow>> {
        let (environment, stage) = place_columns(place);
        let rows = self
            .query(
                "-- current_values()
                 SELECT v.* FROM slot s JOIN value v ON v.secret = s.secret
                      AND v.environment = s.environment AND v.stage = s.stage
                      AND v.version = s.current
                 WHERE s.project = $1 AND s.environment = $2 AND s.stage = $3
                   AND v.sealed IS NOT NULL",
                &[&&project.bytes()[..], &&environment[..], &stage],
            )
            .await?;
        all("value", &rows, read_value)
    }

    async fn value(
        &mut self,
        secret: SecretUid,
        place: Place,
        version: u64,
    ) -> Result<Option<ValueRow>> {
        let (environment, stage) = place_columns(place);
        let rows = self
            .query(
                "-- value()
                 SELECT * FROM value
                 WHERE secret = $1 AND environment = $2 AND stage = $3 AND version = $4",
                &[&&secret.bytes()[..], &&environment[..], &stage, &number(version)],
            )
            .await?;
        first("value", &rows, read_value)
    }

    async fn versions(&mut self, secret: SecretUid, place: Place) -> Result<Vec<ValueRow>> {
        let (environment, stage) = place_columns(place);
        let rows = self
            .query(
                "-- versions()
                 SELECT * FROM value WHERE secret = $1 AND environment = $2 AND stage = $3
                 ORDER BY version DESC",
                &[&&secret.bytes()[..], &&environment[..], &stage],
            )
            .await?;
        all("value", &rows, read_value)
    }

    async fn values_of(&mut self, secret: SecretUid) -> Result<Vec<ValueRow>> {
        let sql = "-- values_of()\nSELECT * FROM value WHERE secret = $1";
        all("value", &self.query(sql, &[&&secret.bytes()[..]]).await?, read_value)
    }
}

pub(super) fn read_slot(row: &Row<'_>) -> Result<SlotRow> {
    Ok(SlotRow {
        secret: SecretUid::from_bytes(row.bytes("secret")?),
        place: row.place()?,
        current: row.count("current")?,
        highest: row.count("highest")?,
        edition: row.count("edition")?,
        updated: row.time("updated")?,
        history: read_history(row)?,
        value: read_head(row)?,
    })
}

/// An entry: the version's number, big-endian, and its MAC.
const ENTRY: usize = 8 + 32;

fn read_history(row: &Row<'_>) -> Result<Vec<(u64, [u8; 32])>> {
    const MALFORMED: Error = Error::Malformed { table: "slot", column: "history" };
    let (entries, rest) = row.get::<&[u8]>("history")?.as_chunks::<ENTRY>();
    if !rest.is_empty() {
        return Err(MALFORMED);
    }
    let entry = |entry: &[u8; ENTRY]| {
        let (number, mac) = entry.split_first_chunk().ok_or(MALFORMED)?;
        Ok((u64::from_be_bytes(*number), mac.try_into().map_err(|_| MALFORMED)?))
    };
    entries.iter().map(entry).collect()
}

fn write_history(history: &[(u64, [u8; 32])]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(history.len() * ENTRY);
    for (version, mac) in history {
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.extend_from_slice(mac);
    }
    bytes
}

fn read_head(row: &Row<'_>) -> Result<Option<ValueHead>> {
    if row.get::<Option<&[u8]>>("uid")?.is_none() {
        return Ok(None);
    }
    let sealed = match row.get::<Option<i64>>("length")? {
        Some(length) => Some((row.bytes("sealed_digest")?, length.unsigned_abs())),
        None => None,
    };
    Ok(Some(ValueHead { uid: ValueUid::from_bytes(row.bytes("uid")?), sealed }))
}

pub(super) fn read_value(row: &Row<'_>) -> Result<ValueRow> {
    Ok(ValueRow {
        secret: SecretUid::from_bytes(row.bytes("secret")?),
        place: row.place()?,
        version: row.count("version")?,
        uid: ValueUid::from_bytes(row.bytes("uid")?),
        created: row.time("created")?,
        sealed: read_sealed(row)?,
        destroyed: row.one_of("destroyed", flag)?,
        mac: row.bytes("mac")?,
    })
}

fn read_sealed(row: &Row<'_>) -> Result<Option<Sealed>> {
    let Some(record) = row.get::<Option<Vec<u8>>>("sealed")? else { return Ok(None) };
    Ok(Some(Sealed {
        kind: row.one_of("kind", PayloadKind::from_number)?,
        key: row.wrapped("wrapped_key_kind", "wrapped_key_id", "wrapped_key")?,
        record,
        digest: row.bytes("sealed_digest")?,
        fingerprint: row.bytes("fingerprint")?,
    }))
}

#[async_trait]
impl SlotEdits for Session {
    async fn put_slot(&mut self, project: ProjectUid, row: &SlotRow) -> Result<()> {
        let (environment, stage) = place_columns(row.place);
        self.edit(
            "-- put_slot()
             INSERT INTO slot (project, environment, stage, secret, current, highest, edition,
                               updated, history)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (project, environment, stage, secret) DO UPDATE SET
                 current = excluded.current, highest = excluded.highest,
                 edition = excluded.edition, updated = excluded.updated,
                 history = excluded.history",
            &[
                &&project.bytes()[..],
                &&environment[..],
                &stage,
                &&row.secret.bytes()[..],
                &number(row.current),
                &number(row.highest),
                &number(row.edition),
                &row.updated.micros(),
                &write_history(&row.history),
            ],
        )
        .await?;
        Ok(())
    }

    async fn insert_value(&mut self, row: &ValueRow) -> Result<()> {
        let (environment, stage) = place_columns(row.place);
        let sealed = row.sealed.as_ref();
        self.edit(
            "-- insert_value()
             INSERT INTO value (secret, environment, stage, version, uid, created, kind,
                                wrapped_key_kind, wrapped_key_id, wrapped_key, sealed,
                                sealed_digest, fingerprint, destroyed, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            &[
                &&row.secret.bytes()[..],
                &&environment[..],
                &stage,
                &number(row.version),
                &&row.uid.bytes()[..],
                &row.created.micros(),
                &sealed.map(|sealed| i16::from(sealed.kind.number())),
                &sealed.map(|sealed| i16::from(sealed.key.kind)),
                &sealed.map(|sealed| &sealed.key.key_id),
                &sealed.map(|sealed| &sealed.key.bytes),
                &sealed.map(|sealed| &sealed.record),
                &sealed.map(|sealed| &sealed.digest[..]),
                &sealed.map(|sealed| &sealed.fingerprint[..]),
                &i16::from(row.destroyed),
                &&row.mac[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn reseal_value(&mut self, row: &ValueRow) -> Result<()> {
        let (environment, stage) = place_columns(row.place);
        let sealed = row.sealed.as_ref();
        let changed = self
            .execute(
                "-- reseal_value()
                 UPDATE value SET wrapped_key_kind = $6, wrapped_key_id = $7, wrapped_key = $8,
                                  sealed = $9, sealed_digest = $10, kind = $11,
                                  fingerprint = $12, destroyed = $13, mac = $14
                 WHERE secret = $1 AND environment = $2 AND stage = $3 AND version = $4
                   AND uid = $5",
                &[
                    &&row.secret.bytes()[..],
                    &&environment[..],
                    &stage,
                    &number(row.version),
                    &&row.uid.bytes()[..],
                    &sealed.map(|sealed| i16::from(sealed.key.kind)),
                    &sealed.map(|sealed| &sealed.key.key_id),
                    &sealed.map(|sealed| &sealed.key.bytes),
                    &sealed.map(|sealed| &sealed.record),
                    &sealed.map(|sealed| &sealed.digest[..]),
                    &sealed.map(|sealed| i16::from(sealed.kind.number())),
                    &sealed.map(|sealed| &sealed.fingerprint[..]),
                    &i16::from(row.destroyed),
                    &&row.mac[..],
                ],
            )
            .await?;
        if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
    }

    async fn prune_values(&mut self, secret: SecretUid, place: Place, up_to: u64) -> Result<()> {
        let (environment, stage) = place_columns(place);
        self.edit(
            "-- prune_values()
             DELETE FROM value WHERE secret = $1 AND environment = $2 AND stage = $3
                AND version <= $4",
            &[&&secret.bytes()[..], &&environment[..], &stage, &number(up_to)],
        )
        .await?;
        Ok(())
    }
}
