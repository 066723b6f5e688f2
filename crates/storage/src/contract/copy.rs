//! What only a copy of the whole store needs.

use super::time;
use crate::{AuditRow, KeptAudit, RequestRow, Store, TokenRow};
use std::sync::Arc;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

pub(super) async fn what_is_beside_projects_is_listed_in_order(store: &Arc<dyn Store>) {
    let requests = [("copy", 2), ("copy", 1), ("Copy", 3)].map(|(principal, id)| RequestRow {
        principal: principal.to_owned(),
        id: Uuid::from_bytes([id; 16]),
        body: [id; 32],
        answer: "{}".to_owned(),
        created: time(20),
    });
    let owner = super::access::principal(60, "copy", &[]);
    let tokens = ["zz9", "Zz9", "zZ9"].map(|id| TokenRow {
        id: id.to_owned(),
        principal: owner.uid,
        hash: [1; 32],
        content: "{}".to_owned(),
        used: Some(time(21)),
        mac: [2; 32],
    });
    let bare = AuditRow::new(time(22), "copy".to_owned(), "First");
    let full = AuditRow {
        project: Some(ProjectUid::from_bytes([1; 16])),
        environment: Some(EnvironmentUid::from_bytes([2; 16])),
        stage: Some(Stage::Live),
        secret: Some(SecretUid::from_bytes([3; 16])),
        version: Some(4),
        revision: Some(5),
        request: Some(Uuid::from_bytes([6; 16])),
        ..AuditRow::new(time(23), "copy".to_owned(), "Second")
    };
    let mut tx = store.begin("contract").await.unwrap();
    for row in &requests {
        tx.put_request(row).await.unwrap();
    }
    tx.insert_principal(&owner).await.unwrap();
    for row in &tokens {
        tx.insert_token(row).await.unwrap();
    }
    tx.append_audit(&bare).await.unwrap();
    tx.append_audit(&full).await.unwrap();
    let of_another_store = KeptAudit {
        sequence: 1,
        at: time(24),
        principal: "copy".to_owned(),
        action: "Third".to_owned(),
        project: full.project,
        environment: full.environment,
        stage: full.stage,
        secret: full.secret,
        version: full.version,
        revision: full.revision,
        request: full.request,
    };
    tx.copy_audit(&of_another_store).await.unwrap();
    tx.commit().await.unwrap();

    // A page at a time, as small as can be: what another case wrote stands between.
    let mut rows = store.snapshot().await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let place =
            after.as_ref().map(|(principal, id): &(String, Uuid)| (principal.as_str(), *id));
        let page = rows.all_requests(place, 1).await.unwrap();
        let Some(row) = page.into_iter().next() else { break };
        after = Some((row.principal.clone(), row.id));
        found.push(row);
    }
    assert!(found.is_sorted_by_key(|row| (row.principal.clone(), row.id)), "{found:?}");
    assert!(requests.iter().all(|row| found.contains(row)), "{found:?}");

    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = rows.all_tokens(after.as_deref(), 1).await.unwrap();
        let Some(row) = page.into_iter().next() else { break };
        after = Some(row.id.clone());
        found.push(row);
    }
    assert!(found.is_sorted_by_key(|row| row.id.clone()), "{found:?}");
    assert!(tokens.iter().all(|row| found.contains(row)), "{found:?}");

    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = rows.all_audit(after, 1).await.unwrap();
        let Some(row) = page.into_iter().next() else { break };
        assert!(row.sequence > after);
        after = row.sequence;
        found.push(KeptAudit { sequence: 1, ..row });
    }
    let [first, second, third] = &found[found.len() - 3..] else { panic!("{found:?}") };
    assert_eq!((first.at, first.action.as_str()), (time(22), "First"));
    assert_eq!((first.project, first.stage, first.version), (None, None, None));
    let second_as_third = KeptAudit { at: time(24), action: "Third".to_owned(), ..second.clone() };
    assert_eq!(second.action, "Second");
    assert_eq!((&second_as_third, third), (&of_another_store, &of_another_store));
}
