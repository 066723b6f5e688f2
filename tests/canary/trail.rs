//! The audit trail, in every form that it is given out in.

use super::needles::Needles;
use crate::support::Client;
use crate::support::binary::{Serving, command};
use futures::TryStreamExt as _;
use prost::Message;
use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use waxseal_proto::v1::{self, AuditEvent};

const PATIENCE: Duration = Duration::from_secs(60);
/// What a record is altered by, to see what is said of it.
pub const DOCTOR: &str = "UPDATE audit SET outcome = 'nothing' WHERE chain = \
                          (SELECT max(chain) FROM audit WHERE action = 'SetSecretValue')";

/// Nothing is in what an auditor is given, nor in the file of checkpoints. `doctor` executes
/// [`DOCTOR`], by which the trail is no longer what was written.
pub async fn is_clean(
    serving: &Serving,
    token: &str,
    checkpoints: &Path,
    needles: &Needles,
    doctor: impl AsyncFnOnce(),
) {
    let auditor = Client::connect(&serving.url(), token).await;
    let verdict = signed(&auditor).await;
    assert!(verdict.records > 200, "{verdict:?}");
    needles.absent_from("the verdict", &told(&verdict), &["records"]);

    let events = events(&auditor).await;
    let changed = events.iter().find(|event| event.action == "SetSecretValue").unwrap();
    let there = [&*changed.secret, &changed.principal, "RevealSecretValue", "PERMISSION_DENIED"];
    let listed: Vec<u8> = events.iter().flat_map(told).collect();
    needles.absent_from("the list of records", &listed, &there);
    let export = v1::ExportAuditTrailRequest {};
    let lines = auditor.audit.clone().export_audit_trail(export).await.unwrap().into_inner();
    let lines: Vec<_> = lines.try_collect().await.unwrap();
    assert!(lines.len() > events.len(), "{} lines", lines.len());
    let exported: Vec<u8> = lines.iter().flat_map(told).collect();
    needles.absent_from("the export", &exported, &[&there[..], &["signature"]].concat());
    // It names projects by what they are, and chains by that.
    let kept = std::fs::read(checkpoints).unwrap();
    needles.absent_from("the checkpoints", &kept, &[&changed.project_uid, "signature"]);

    for (line, there) in [
        ("list --deployment --limit 100000", &there[..]),
        ("list --deployment --limit 100000 --output json", &there),
        ("export", &there),
        ("verify", &["is what was written"]),
        ("verify --output json", &["records"]),
        ("key", &[]),
    ] {
        let printed = command_line(serving, token, line, true).await;
        needles.absent_from(line, &printed, there);
    }
    doctor().await;
    let verify = v1::VerifyAuditTrailRequest {};
    let verdict = auditor.audit.clone().verify_audit_trail(verify).await.unwrap().into_inner();
    let chain = &verdict.problem.as_ref().expect("it is no longer what was written").chain;
    needles.absent_from("the verdict on a wrong one", &told(&verdict), &[chain]);
    let printed = command_line(serving, token, "verify", false).await;
    needles.absent_from("verify of a wrong one", &printed, &[chain]);
}

/// A message as it is sent, and as it prints.
fn told<M: Message + Debug>(message: &M) -> Vec<u8> {
    [message.encode_to_vec(), format!("{message:?}\n").into_bytes()].concat()
}

/// The verdict once checkpoints sign every record there is.
async fn signed(auditor: &Client) -> v1::VerifyAuditTrailResponse {
    let begun = Instant::now();
    loop {
        let verify = v1::VerifyAuditTrailRequest {};
        let verdict = auditor.audit.clone().verify_audit_trail(verify).await.unwrap().into_inner();
        assert_eq!(verdict.problem, None);
        if verdict.unsigned_records == 0 {
            return verdict;
        }
        assert!(begun.elapsed() < PATIENCE, "{verdict:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every record, page by page.
async fn events(auditor: &Client) -> Vec<AuditEvent> {
    let mut request = v1::ListAuditEventsRequest {
        parent: "deployment".to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let mut events = Vec::new();
    loop {
        let page = auditor.audit.clone().list_audit_events(request.clone()).await.unwrap();
        let page = page.into_inner();
        events.extend(page.events);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return events;
        }
    }
}

/// All that `waxseal audit` prints.
async fn command_line(serving: &Serving, token: &str, line: &str, good: bool) -> Vec<u8> {
    let mut command = command();
    command.arg("audit").args(line.split(' '));
    command.env("WAXSEAL_ADDRESS", serving.url()).env("WAXSEAL_TOKEN", token);
    let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert_eq!(output.status.success(), good, "{line}: {}", String::from_utf8_lossy(&printed));
    printed
}
