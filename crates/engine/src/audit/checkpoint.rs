//! Signed statements of where all chains are, each naming the one before.
//!
//! A checkpoint names only what moved since the last one, so that its cost follows what happens; all
//! of them together say where everything is. Its canonical bytes are fields as in a record (tag,
//! length, content), and the heads, each a field of its own:
//!
//! ```text
//! 0 format (1)      1 "waxseal:audit:checkpoint"      2 deployment      3 u64 number
//! 4 i64 time, in microseconds      5 hash of the checkpoint before, or zeros
//! 6 hash of the last of the checkpoints that were lost, where a restored database was adopted
//! 7 for each chain: u64 sequence || hash || chain     in the order of the chains
//! 8 for each project: uid || incarnation || u64 revision     in the order of the uids
//! ```
//!
//! The signature is Ed25519 over these bytes; the hash is SHA-256 over bytes and signature.

use super::chain::project_of;
use super::{Hex, Signer, key};
use crate::{Engine, Error};
use serde::{Deserialize, Serialize};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, Incarnation, ProjectUid};
use waxseal_envelope::sha256;
use waxseal_storage::CheckpointRow;

/// Chains in one checkpoint; if more have moved, the next one names the others.
const HEADS: usize = 5_000;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// From 1. A number is passed over only where a restored database was adopted.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Of which deployment.
    pub deployment: Deployment,
    /// Hash of the checkpoint before; zeros before any.
    pub previous: Hex<32>,
    /// Hash of the last checkpoint that was lost, where a restored database was adopted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adopted: Option<Hex<32>>,
    /// The chains that moved, in their order byte by byte.
    pub heads: Vec<Head>,
    /// The projects that moved, in the order of their chains.
    pub projects: Vec<ProjectHead>,
    /// Over all of this.
    pub signature: Hex<64>,
}

/// Where a chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// Of its last record.
    pub sequence: u64,
    /// Of its last record.
    pub hash: Hex<32>,
}

/// Where a project is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectHead {
    /// The project.
    pub project: ProjectUid,
    /// The life of the store.
    pub incarnation: Incarnation,
    /// Its revision.
    pub revision: u64,
}

impl Checkpoint {
    /// The bytes that are signed.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let Self { number, at, deployment, previous, adopted, heads, projects, signature: _ } =
            self;
        let mut bytes = Vec::with_capacity(256 + heads.len() * 96);
        let mut field = |tag: u8, parts: &[&[u8]]| {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            bytes.push(tag);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
        };
        field(0, &[&[1]]);
        field(1, &[b"waxseal:audit:checkpoint"]);
        field(2, &[deployment.bytes()]);
        field(3, &[&number.to_be_bytes()]);
        field(4, &[&at.micros().to_be_bytes()]);
        field(5, &[&previous.0]);
        if let Some(adopted) = adopted {
            field(6, &[&adopted.0]);
        }
        for Head { chain, sequence, hash } in heads {
            field(7, &[&sequence.to_be_bytes(), &hash.0, chain.as_bytes()]);
        }
        for ProjectHead { project, incarnation, revision } in projects {
            field(8, &[project.bytes(), incarnation.bytes(), &revision.to_be_bytes()]);
        }
        bytes
    }

    /// What the next one names.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&self.canonical()[..], &self.signature.0].concat())
    }

    /// Whether the key signed it.
    #[must_use]
    pub fn is_signed_by(&self, public: &Hex<32>) -> bool {
        key::verify(&public.0, &self.canonical(), &self.signature.0)
    }

    pub(super) fn read(row: &CheckpointRow) -> Result<Self, Error> {
        const LOST: Error = Error::DataLoss { what: "a checkpoint of the audit trail" };
        let read: Self = serde_json::from_str(&row.document).map_err(|_| LOST)?;
        if read.number == row.number { Ok(read) } else { Err(LOST) }
    }

    fn sign(self, signer: &Signer) -> Result<Self, Error> {
        let signature = signer.sign(&self.canonical());
        let signature = signature.ok_or_else(|| Error::Internal("no signature".into()))?;
        Ok(Self { signature, ..self })
    }
}

impl Engine {
    /// Signs where all chains are, if any has moved, and says whether this did it: another process
    /// may have been faster. What the file outside the database lacks is written to it.
    ///
    /// # Errors
    /// Of the store; [`Error::DataLoss`] of the last checkpoint; [`Error::Internal`] of the file.
    pub async fn checkpoint(&self) -> Result<bool, Error> {
        let made = self.make_checkpoint().await?;
        self.witness_checkpoints().await?;
        Ok(made)
    }

    async fn make_checkpoint(&self) -> Result<bool, Error> {
        let adopted = self.witness.as_ref().and_then(super::Witness::lost);
        // One state: a project's head is the one that its chain's last record speaks of.
        let mut rows = self.store.snapshot().await?;
        let last = match rows.last_checkpoint().await? {
            Some(row) => Some(Checkpoint::read(&row)?),
            None => None,
        };
        let moved = rows.moved_chains(HEADS).await?;
        if moved.is_empty() {
            return Ok(false);
        }
        let uids: Vec<_> = moved.iter().filter_map(|head| project_of(&head.chain)).collect();
        let mut projects = rows.revisions(&uids).await?;
        projects.sort_by_key(|(project, ..)| *project);
        drop(rows);
        let before = last.as_ref().map_or(0, |last| last.number);
        let number = adopted.map_or(before, |(number, _)| before.max(number)) + 1;
        let heads = moved.iter().map(|head| Head {
            chain: head.chain.clone(),
            sequence: head.sequence,
            hash: Hex(head.hash),
        });
        let projects = projects.into_iter().map(|(project, incarnation, revision)| ProjectHead {
            project,
            incarnation,
            revision,
        });
        let unsigned = Checkpoint {
            number,
            at: self.clock.now(),
            deployment: self.deployment,
            previous: Hex(last.map_or([0; 32], |last| last.hash())),
            adopted: adopted.map(|(_, hash)| Hex(hash)),
            heads: heads.collect(),
            projects: projects.collect(),
            signature: Hex([0; 64]),
        };
        let document = serde_json::to_string(&unsigned.sign(&self.signer)?)
            .map_err(|error| Error::Internal(error.into()))?;
        let mut tx = self.store.begin("checkpoint").await?;
        // Whoever comes second finds the number taken; one that begins elsewhere finds a later one.
        let latest = tx.last_checkpoint().await?.map_or(0, |row| row.number);
        if latest != before || !tx.insert_checkpoint(&CheckpointRow { number, document }).await? {
            return Ok(false);
        }
        for head in &moved {
            tx.seal_chain(&head.chain, head.sequence).await?;
        }
        tx.commit().await?;
        if let Some(witness) = &self.witness {
            witness.adopted();
        }
        Ok(true)
    }
}
