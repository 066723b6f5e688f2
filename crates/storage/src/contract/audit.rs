//! The audit trail: records in chains, heads, checkpoints, the key.

use super::{project, time, wrapped};
use crate::{AuditFilter, AuditRow, ChainRow, CheckpointRow, KeptAudit, Store};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

fn chain(name: &str) -> ChainRow {
    ChainRow {
        chain: name.to_owned(),
        sequence: 0,
        hash: [7; 32],
        sealed: 0,
        checkpoint: 3,
        checkpoint_hash: [8; 32],
    }
}

fn kept(chain: &str, sequence: u64, row: AuditRow) -> KeptAudit {
    let hash = [u8::try_from(sequence).unwrap(); 32];
    KeptAudit { seq: 0, chain: chain.to_owned(), sequence, hash, row }
}

fn full() -> AuditRow {
    AuditRow {
        credential: Some("token:abc".to_owned()),
        project: Some(ProjectUid::from_bytes([41; 16])),
        project_id: Some("demo".to_owned()),
        environment: Some(EnvironmentUid::from_bytes([2; 16])),
        environment_id: Some("main".to_owned()),
        stage: Some(Stage::Live),
        secret: Some(SecretUid::from_bytes([3; 16])),
        secret_name: Some("KEY".to_owned()),
        version: Some(4),
        revision: Some(5),
        view_revision: Some(6),
        outcome: Cow::Borrowed("PERMISSION_DENIED"),
        request: Some(Uuid::from_bytes([6; 16])),
        count: Some(7),
        until: Some(time(30)),
        resource: Some("principals/ann/tokens/x".to_owned()),
        grant: Some("admin deployment".to_owned()),
        call: Some(Uuid::from_bytes([7; 16])),
        ..AuditRow::new(time(23), "somebody".to_owned(), "Second")
    }
}

pub(super) async fn suite(store: &Arc<dyn Store>) {
    records_stand_in_their_chains(store).await;
    records_are_listed_by_what_they_say(store).await;
    a_head_moves_from_where_it_stands_only(store).await;
    a_checkpoint_has_its_number_alone(store).await;
    the_key_is_written_once(store).await;
}

async fn records_stand_in_their_chains(store: &Arc<dyn Store>) {
    let bare = AuditRow::new(time(22), "somebody".to_owned(), "First");
    let rows = [kept("one", 1, bare.clone()), kept("one", 2, full()), kept("two", 1, full())];
    let mut tx = store.begin("contract").await.unwrap();
    tx.begin_chain(&chain("one")).await.unwrap();
    tx.insert_audit(&rows).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin("contract").await.unwrap();
    let again = async {
        tx.insert_audit(&rows[..1]).await?;
        tx.commit().await
    };
    assert!(again.await.is_err(), "no chain has two records of one sequence");

    let mut found = store.snapshot().await.unwrap();
    let one = found.audit_records("one", 0, u64::MAX, 9).await.unwrap();
    let said: Vec<_> = one.iter().map(|kept| KeptAudit { seq: 0, ..kept.clone() }).collect();
    assert_eq!(said, rows[..2]);
    assert!(one[0].seq < one[1].seq);
    assert_eq!(found.audit_records("one", 0, u64::MAX, 1).await.unwrap(), one[..1]);
    assert_eq!(found.audit_records("one", 1, 2, 9).await.unwrap(), one[1..]);
    assert_eq!(found.audit_records("one", 0, 1, 9).await.unwrap(), one[..1]);
    // Heads without records and records without a head are both named.
    assert_eq!(found.audit_chains("", 9).await.unwrap(), ["one", "two"]);
    assert_eq!(found.audit_chains("", 1).await.unwrap(), ["one"]);
    assert_eq!(found.audit_chains("one", 9).await.unwrap(), ["two"]);
}

async fn records_are_listed_by_what_they_say(store: &Arc<dyn Store>) {
    let mut found = store.snapshot().await.unwrap();
    let everything = found.list_audit(&AuditFilter::default(), 0, 9).await.unwrap();
    assert_eq!(everything.len(), 3);
    assert!(everything.is_sorted_by(|left, right| left.seq > right.seq), "the newest first");
    let older = found.list_audit(&AuditFilter::default(), everything[0].seq, 1).await.unwrap();
    assert_eq!(older, everything[1..2]);
    let nothing = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, count) in [
        (AuditFilter { project: Some(ProjectUid::from_bytes([41; 16])), ..nothing() }, 2),
        (AuditFilter { project: Some(ProjectUid::from_bytes([42; 16])), ..nothing() }, 0),
        (AuditFilter { principal: text("somebody"), ..nothing() }, 3),
        (AuditFilter { principal: text("nobody"), ..nothing() }, 0),
        (AuditFilter { action: text("First"), ..nothing() }, 1),
        (AuditFilter { secret_name: text("KEY"), ..nothing() }, 2),
        (AuditFilter { since: Some(time(23)), ..nothing() }, 2),
        (AuditFilter { before: Some(time(23)), ..nothing() }, 1),
        (AuditFilter { action: text("First"), secret_name: text("KEY"), ..nothing() }, 0),
    ] {
        assert_eq!(found.list_audit(&filter, 0, 9).await.unwrap().len(), count, "{filter:?}");
    }
}

async fn a_head_moves_from_where_it_stands_only(store: &Arc<dyn Store>) {
    let mut tx = store.begin("contract").await.unwrap();
    tx.begin_chain(&ChainRow { hash: [9; 32], ..chain("one") }).await.unwrap();
    assert_eq!(tx.audit_chain("one").await.unwrap(), Some(chain("one")), "it had begun before");
    assert!(!tx.move_chain("one", (1, [7; 32]), (2, [2; 32])).await.unwrap());
    assert!(!tx.move_chain("one", (0, [6; 32]), (2, [2; 32])).await.unwrap());
    assert!(!tx.move_chain("other", (0, [7; 32]), (2, [2; 32])).await.unwrap());
    assert!(tx.move_chain("one", (0, [7; 32]), (2, [2; 32])).await.unwrap());
    let moved = ChainRow { sequence: 2, hash: [2; 32], ..chain("one") };
    assert_eq!(tx.moved_chains(9).await.unwrap(), [moved]);
    assert_eq!(tx.moved_chains(0).await.unwrap(), []);
    tx.seal_chain("one", 2).await.unwrap();
    tx.commit().await.unwrap();

    let mut found = store.snapshot().await.unwrap();
    assert_eq!(found.moved_chains(9).await.unwrap(), []);
    assert_eq!(found.audit_chain("one").await.unwrap().unwrap().sealed, 2);
    assert_eq!(found.audit_chain("other").await.unwrap(), None);
    drop(found);

    let row = project(41, "audited");
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    let asked = [row.project.uid, ProjectUid::from_bytes([43; 16])];
    let found = tx.revisions(&asked).await.unwrap();
    let incarnation = tx.meta().await.unwrap().unwrap().incarnation;
    assert_eq!(found, [(row.project.uid, incarnation, row.revision)]);
}

async fn a_checkpoint_has_its_number_alone(store: &Arc<dyn Store>) {
    let row = |number| CheckpointRow { number, document: format!("{{\"number\":{number}}}") };
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.last_checkpoint().await.unwrap(), None);
    assert!(tx.insert_checkpoint(&row(1)).await.unwrap());
    assert!(tx.insert_checkpoint(&row(2)).await.unwrap());
    let taken = CheckpointRow { document: "{}".to_owned(), ..row(1) };
    assert!(!tx.insert_checkpoint(&taken).await.unwrap());
    tx.commit().await.unwrap();
    let mut found = store.snapshot().await.unwrap();
    assert_eq!(found.last_checkpoint().await.unwrap(), Some(row(2)));
    assert_eq!(found.checkpoints(0, 9).await.unwrap(), [row(1), row(2)]);
    assert_eq!(found.checkpoints(0, 1).await.unwrap(), [row(1)]);
    assert_eq!(found.checkpoints(1, 9).await.unwrap(), [row(2)]);
}

async fn the_key_is_written_once(store: &Arc<dyn Store>) {
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.audit_key().await.unwrap(), None);
    assert!(tx.insert_audit_key(&wrapped(1)).await.unwrap());
    assert!(!tx.insert_audit_key(&wrapped(2)).await.unwrap());
    tx.commit().await.unwrap();
    let mut found = store.snapshot().await.unwrap();
    assert_eq!(found.audit_key().await.unwrap(), Some(wrapped(1)));
}
