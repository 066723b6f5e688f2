//! What is true of the store as a whole.

use super::columns::{Row, first, flag, number};
use super::session::Session;
use crate::{Meta, MetaEdits, MetaRows, Result};
use async_trait::async_trait;
use waxseal_domain::uid::{Deployment, Incarnation};

#[async_trait]
impl MetaRows for Session {
    async fn meta(&mut self) -> Result<Option<Meta>> {
        let rows = self
            .query(
                "-- meta()
                 SELECT deployment, incarnation, service_key_kind, service_key_id, service_key,
                        created, unscrubbed, epoch
                 FROM store",
                &[],
            )
            .await?;
        first("store", &rows, read)
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
        let (system, timeline) = self.identity().unzip();
        self.execute(
            "-- insert_meta()
             INSERT INTO store (only_row, deployment, incarnation, service_key_kind,
                                service_key_id, service_key, created, unscrubbed,
                                system_identifier, timeline, epoch)
             VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                &&meta.deployment.bytes()[..],
                &&meta.incarnation.bytes()[..],
                &i16::from(meta.service_key.kind),
                &meta.service_key.key_id,
                &meta.service_key.bytes,
                &meta.created.micros(),
                &i16::from(meta.unscrubbed),
                &system,
                &timeline,
                &number(meta.epoch),
            ],
        )
        .await?;
        Ok(())
    }

    async fn mark_unscrubbed(&mut self) -> Result<()> {
        self.execute("-- mark_unscrubbed()\nUPDATE store SET unscrubbed = 1", &[]).await?;
        Ok(())
    }
}
