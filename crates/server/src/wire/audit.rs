//! Records of the audit trail, and what came out of verifying it.

use super::slot::stage_message;
use super::{invalid, number, time};
use waxseal_engine::{Error, Problem, Record, Verdict};
use waxseal_proto::v1;

/// Some text to compare with.
pub(crate) fn text(field: &str, text: String, most: usize) -> Result<String, Error> {
    if text.len() <= most {
        return Ok(text);
    }
    Err(invalid(field, format_args!("be at most {most} bytes")))
}

pub(crate) fn event(record: Record) -> v1::AuditEvent {
    // Every field by name: one that is forgotten here does not compile.
    let Record {
        chain,
        sequence,
        hash,
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
    } = record;
    v1::AuditEvent {
        chain,
        sequence: number(sequence),
        hash: hash.to_string(),
        time: Some(time::message(at)),
        principal,
        credential: credential.unwrap_or_default(),
        action,
        project: project_id.unwrap_or_default(),
        project_uid: project.map(|uid| uid.to_string()).unwrap_or_default(),
        environment: environment_id.unwrap_or_default(),
        environment_uid: environment.map(|uid| uid.to_string()).unwrap_or_default(),
        stage: stage.map(stage_message).unwrap_or_default().into(),
        secret: secret_name.unwrap_or_default(),
        secret_uid: secret.map(|uid| uid.to_string()).unwrap_or_default(),
        version: number(version.unwrap_or_default()),
        revision: number(revision.unwrap_or_default()),
        view_revision: number(view_revision.unwrap_or_default()),
        outcome,
        request_id: request.map(|id| id.to_string()).unwrap_or_default(),
        count: number(count.unwrap_or_default()),
        until: until.map(time::message),
        resource: resource.unwrap_or_default(),
        grant: grant.unwrap_or_default(),
        call_id: call.map(|id| id.to_string()).unwrap_or_default(),
    }
}

pub(crate) fn verdict(verdict: Verdict) -> v1::VerifyAuditTrailResponse {
    let Verdict { counts, problem } = verdict;
    v1::VerifyAuditTrailResponse {
        records: number(counts.records),
        chains: number(counts.chains),
        checkpoints: number(counts.checkpoints),
        unsigned_records: number(counts.unsigned),
        problem: problem.map(|Problem { chain, sequence, what }| v1::AuditProblem {
            chain,
            sequence: number(sequence),
            what,
        }),
    }
}
