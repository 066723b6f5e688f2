//! What only a copy of the whole store needs.

use super::time;
use crate::{RequestRow, Store, TokenRow};
use std::sync::Arc;
use uuid::Uuid;

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
    let mut tx = store.begin("contract").await.unwrap();
    for row in &requests {
        tx.put_request(row).await.unwrap();
    }
    tx.insert_principal(&owner).await.unwrap();
    for row in &tokens {
        tx.insert_token(row).await.unwrap();
    }
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
}
