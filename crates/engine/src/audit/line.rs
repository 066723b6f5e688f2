//! The lines of an export: JSON objects, each a line, that can be verified without a server.

use super::record;
use super::{Checkpoint, Hex};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, EnvironmentUid, ProjectUid, SecretUid};
use waxseal_storage::{AuditRow, KeptAudit};

/// A line of an export. Records come in the order of the checkpoints that sign them, each checkpoint
/// after its records; then what no checkpoint signs yet, the heads, and the projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Trail {
        /// The form of the export: 1.
        format: u32,
        /// The deployment.
        deployment: Deployment,
        /// The key that checkpoints are verified with.
        public_key: Hex<32>,
    },
    /// A chain, before its first record.
    Chain {
        /// Its name.
        chain: String,
        /// The last checkpoint when it began; 0 before any.
        checkpoint: u64,
        /// The hash of that; zeros before any.
        checkpoint_hash: Hex<32>,
    },
    /// A record.
    Record(Box<Record>),
    /// A checkpoint.
    Checkpoint(Checkpoint),
    /// Where the store says that a chain ends.
    Head(super::Head),
    /// What the store says of a project.
    Project {
        /// The project.
        project: ProjectUid,
        /// Its revision.
        revision: u64,
    },
    /// The last.
    End {
        /// Records before it.
        records: u64,
    },
}

/// A record, as it is exported and listed. Names are those of the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each is described where it is public, in audit.proto")]
pub struct Record {
    pub chain: String,
    pub sequence: u64,
    pub hash: Hex<32>,
    pub at: Timestamp,
    pub principal: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<String>,
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project: Option<ProjectUid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<EnvironmentUid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, with = "stages")]
    pub stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<SecretUid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub view_revision: Option<u64>,
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub call: Option<Uuid>,
}

/// Stages by their names, as everywhere that people read them.
mod stages {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use waxseal_domain::environment::Stage;

    pub(super) fn serialize<S: Serializer>(
        stage: &Option<Stage>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        stage.map(Stage::as_str).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Stage>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == name);
        stage.map(Some).ok_or_else(|| D::Error::custom("no such stage"))
    }
}

impl From<KeptAudit> for Record {
    fn from(kept: KeptAudit) -> Self {
        let KeptAudit { seq: _, chain, sequence, hash, row } = kept;
        let AuditRow {
            at,
            principal,
            credential,
            action,
            project,
            project_id,
            environment,
            environment_id,
            stage,
            secret,
            secret_name,
            version,
            revision,
            view_revision,
            outcome,
            request,
            count,
            until,
            resource,
            grant,
            call,
        } = row;
        Self {
            chain,
            sequence,
            hash: Hex(hash),
            at,
            principal,
            credential,
            action: action.into_owned(),
            project,
            project_id,
            environment,
            environment_id,
            stage,
            secret,
            secret_name,
            version,
            revision,
            view_revision,
            outcome: outcome.into_owned(),
            request,
            count,
            until,
            resource,
            grant,
            call,
        }
    }
}

impl Record {
    /// What its hash has to be, after the one before.
    pub(super) fn hashed(&self, before: &[u8; 32]) -> [u8; 32] {
        let this = self.clone();
        let row = AuditRow {
            at: this.at,
            principal: this.principal,
            credential: this.credential,
            action: Cow::Owned(this.action),
            project: this.project,
            project_id: this.project_id,
            environment: this.environment,
            environment_id: this.environment_id,
            stage: this.stage,
            secret: this.secret,
            secret_name: this.secret_name,
            version: this.version,
            revision: this.revision,
            view_revision: this.view_revision,
            outcome: Cow::Owned(this.outcome),
            request: this.request,
            count: this.count,
            until: this.until,
            resource: this.resource,
            grant: this.grant,
            call: this.call,
        };
        record::hash(before, self.sequence, &self.chain, &row)
    }
}
