use super::*;
use std::borrow::Cow;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

fn bare() -> AuditRow {
    AuditRow::new(Timestamp::from_micros(1), "p".to_owned(), "A")
}

/// Records that differ from a bare one in one field each.
fn others() -> Vec<AuditRow> {
    let text = || Some("t".to_owned());
    let when = || Timestamp::from_micros(2);
    vec![
        AuditRow { at: when(), ..bare() },
        AuditRow { principal: "q".to_owned(), ..bare() },
        AuditRow { credential: text(), ..bare() },
        AuditRow { action: Cow::Borrowed("B"), ..bare() },
        AuditRow { project: Some(ProjectUid::from_bytes([1; 16])), ..bare() },
        AuditRow { project_id: text(), ..bare() },
        AuditRow { environment: Some(EnvironmentUid::from_bytes([1; 16])), ..bare() },
        AuditRow { environment_id: text(), ..bare() },
        AuditRow { stage: Some(Stage::Draft), ..bare() },
        AuditRow { stage: Some(Stage::Live), ..bare() },
        AuditRow { secret: Some(SecretUid::from_bytes([1; 16])), ..bare() },
        AuditRow { secret_name: text(), ..bare() },
        AuditRow { version: Some(1), ..bare() },
        AuditRow { revision: Some(1), ..bare() },
        AuditRow { view_revision: Some(1), ..bare() },
        AuditRow { outcome: Cow::Borrowed("NO"), ..bare() },
        AuditRow { request: Some(Uuid::from_bytes([1; 16])), ..bare() },
        AuditRow { count: Some(1), ..bare() },
        AuditRow { until: Some(when()), ..bare() },
        AuditRow { resource: text(), ..bare() },
        AuditRow { grant: text(), ..bare() },
        AuditRow { call: Some(Uuid::from_bytes([1; 16])), ..bare() },
    ]
}

#[test]
fn other_records_have_other_bytes() {
    let mut all: Vec<_> = others().iter().map(|row| canonical("c", row)).collect();
    all.push(canonical("c", &bare()));
    all.push(canonical("d", &bare()));
    // Content that moves from one text to the next.
    let texts = |principal: &str, credential: &str| AuditRow {
        principal: principal.to_owned(),
        credential: Some(credential.to_owned()),
        ..bare()
    };
    all.push(canonical("c", &texts("ab", "c")));
    all.push(canonical("c", &texts("a", "bc")));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn a_hash_depends_on_all_before_it() {
    let hash_of = |before: u8, sequence| hash(&[before; 32], sequence, "c", &bare());
    assert_ne!(hash_of(0, 1), hash_of(1, 1));
    assert_ne!(hash_of(0, 1), hash_of(0, 2));
}

#[test]
fn a_chain_begins_with_where_and_when_it_is() {
    let deployment = |byte| Deployment::from_bytes([byte; 16]);
    let all = [
        genesis(deployment(1), "c", 0, &[0; 32]),
        genesis(deployment(2), "c", 0, &[0; 32]),
        genesis(deployment(1), "d", 0, &[0; 32]),
        genesis(deployment(1), "c", 1, &[0; 32]),
        genesis(deployment(1), "c", 0, &[1; 32]),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[index + 1..].contains(one));
    }
}
