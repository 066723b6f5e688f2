//! What is true of the store as a whole.

use super::columns::{Row, flag, number, uid};
use super::session::Session;
use crate::{Meta, MetaEdits, MetaRows, Result};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use waxseal_domain::uid::{Deployment, Incarnation};

#[async_trait]
impl MetaRows for Session {
    async fn meta(&mut self) -> Result<Option<Meta>> {
        self.call(|connection| {
            connection
                .prepare_cached(
                    "-- meta()
                     SELECT deployment, incarnation, service_key_kind, service_key_id,
                            service_key, created, unscrubbed, epoch
                     FROM store",
                )?
                .query_row([], |row| Ok(read(&Row::new("store", row))))
                .optional()?
                .transpose()
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<Meta> {
    Ok(Meta {
        deployment: Deployment::from_bytes(row.bytes("deployment")?),
        incarnation: Incarnation::from_bytes(row.bytes("incarnation")?),
        service_key: row.wrapped("service_key_kind", "service_key_id", "service_key")?,
        created: row.time("created")?,
        unscrubbed: row.one_of("unscrubbed", flag)?,
        epoch: row.count("epoch")?,
    })
}

#[async_trait]
impl MetaEdits for Session {
    async fn insert_meta(&mut self, meta: Meta) -> Result<()> {
        self.call(move |connection| {
            connection.execute(
                "-- insert_meta()
                 INSERT INTO store (only_row, deployment, incarnation, service_key_kind,
                                    service_key_id, service_key, created, unscrubbed, epoch)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    uid(meta.deployment.bytes()),
                    uid(meta.incarnation.bytes()),
                    meta.service_key.kind,
                    meta.service_key.key_id,
                    meta.service_key.bytes,
                    meta.created.micros(),
                    meta.unscrubbed,
                    number(meta.epoch),
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn mark_unscrubbed(&mut self) -> Result<()> {
        self.call(|connection| {
            connection.execute("-- mark_unscrubbed()\nUPDATE store SET unscrubbed = 1", [])?;
            Ok(())
        })
        .await
    }
}
