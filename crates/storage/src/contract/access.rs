//! Principals, tokens and the authorisation epoch.

use super::time;
use crate::{PrincipalRow, Store, TokenRow};
use std::sync::Arc;
use std::time::Duration;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::uid::PrincipalUid;

pub(super) fn principal(byte: u8, id: &str, identities: &[&str]) -> PrincipalRow {
    PrincipalRow {
        uid: PrincipalUid::from_bytes([byte; 16]),
        id: PrincipalId::parse(id).unwrap(),
        identities: identities.iter().map(|&identity| identity.to_owned()).collect(),
        content: format!("{{\"{id}\"}}"),
        mac: [byte; 32],
    }
}

fn token(id: &str, owner: &PrincipalRow) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        principal: owner.uid,
        hash: [1; 32],
        content: "{}".to_owned(),
        used: None,
        mac: [2; 32],
    }
}

/// As it is read back: what it is known by is in the content.
fn read(row: &PrincipalRow) -> Option<PrincipalRow> {
    Some(PrincipalRow { identities: Vec::new(), ..row.clone() })
}

pub(super) async fn suite(store: &Arc<dyn Store>) {
    principals_are_found_by_what_they_are_known_by(store).await;
    tokens_go_with_their_principal(store).await;
    an_identity_is_of_one_principal(store).await;
    the_epoch_is_raised_by_its_commit(store).await;
    all_who_raise_the_epoch_queue(store).await;
}

async fn principals_are_found_by_what_they_are_known_by(store: &Arc<dyn Store>) {
    let before = store.snapshot().await.unwrap().count_principals().await.unwrap();
    let (mut ann, ben) = (principal(1, "ann", &["one", "two"]), principal(2, "ben", &["three"]));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_principal(&ben).await.unwrap();
    tx.insert_principal(&ann).await.unwrap();
    tx.commit().await.unwrap();
    let mut rows = store.snapshot().await.unwrap();
    assert_eq!(rows.count_principals().await.unwrap(), before + 2);
    assert_eq!(rows.principal(&ann.id).await.unwrap(), read(&ann));
    assert_eq!(rows.principal_of(ben.uid).await.unwrap(), read(&ben));
    for (identity, found) in [("one", &ann), ("two", &ann), ("three", &ben)] {
        assert_eq!(rows.principal_known_by(identity).await.unwrap(), read(found), "{identity}");
    }
    for unknown in ["", "One", "one "] {
        assert_eq!(rows.principal_known_by(unknown).await.unwrap(), None);
    }
    let all = rows.principals(None, 100).await.unwrap();
    assert!(all.is_sorted_by_key(|row| row.id.clone()));
    let after = rows.principals(Some(&ann.id), 1).await.unwrap();
    assert_eq!(after, read(&ben).into_iter().collect::<Vec<_>>());
    drop(rows);

    ann.identities = vec!["two".to_owned(), "four".to_owned()];
    ann.content = "{}".to_owned();
    ann.mac = [9; 32];
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.principal(&ann.id).await.unwrap().unwrap().uid, ann.uid);
    tx.update_principal(&ann).await.unwrap();
    tx.commit().await.unwrap();
    let mut rows = store.snapshot().await.unwrap();
    assert_eq!(rows.principal_known_by("one").await.unwrap(), None);
    assert_eq!(rows.principal_known_by("four").await.unwrap(), read(&ann));
}

async fn tokens_go_with_their_principal(store: &Arc<dyn Store>) {
    let (cay, dan) = (principal(3, "cay", &["cay"]), principal(4, "dan", &[]));
    let (first, mut second, other) = (token("b1", &cay), token("B2", &cay), token("c3", &dan));
    let mut tx = store.begin("contract").await.unwrap();
    let before = tx.count_tokens().await.unwrap();
    for row in [&cay, &dan] {
        tx.insert_principal(row).await.unwrap();
    }
    for row in [&first, &second, &other] {
        tx.insert_token(row).await.unwrap();
    }
    assert_eq!(tx.count_tokens().await.unwrap(), before + 3);
    second.content = "{\"revoked\"}".to_owned();
    second.mac = [3; 32];
    tx.update_token(&second).await.unwrap();
    for (at, then) in [(60, 60), (120, 120), (60, 120)] {
        tx.note_use("B2", time(at)).await.unwrap();
        assert_eq!(tx.token("B2").await.unwrap().unwrap().used, Some(time(then)));
    }
    second.used = Some(time(120));
    tx.commit().await.unwrap();
    let mut rows = store.snapshot().await.unwrap();
    assert_eq!(rows.token("b1").await.unwrap(), Some(first.clone()));
    assert_eq!(rows.token("B1").await.unwrap(), None);
    assert_eq!(rows.tokens_of(cay.uid).await.unwrap(), [second, first]);
    drop(rows);
    let mut tx = store.begin("contract").await.unwrap();
    tx.remove_principal(cay.uid).await.unwrap();
    tx.commit().await.unwrap();
    let mut rows = store.snapshot().await.unwrap();
    assert_eq!(rows.principal(&cay.id).await.unwrap(), None);
    assert_eq!(rows.principal_known_by("cay").await.unwrap(), None);
    assert_eq!(rows.token("b1").await.unwrap(), None);
    assert_eq!(rows.token("c3").await.unwrap(), Some(other));
}

async fn an_identity_is_of_one_principal(store: &Arc<dyn Store>) {
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_principal(&principal(5, "eve", &["same"])).await.unwrap();
    assert!(tx.insert_principal(&principal(6, "fay", &["same"])).await.is_err());
    drop(tx);
    assert_eq!(
        store.snapshot().await.unwrap().principal_known_by("same").await.unwrap(),
        None,
        "nothing of it is left"
    );
}

async fn the_epoch_is_raised_by_its_commit(store: &Arc<dyn Store>) {
    let id = waxseal_domain::name::ProjectId::parse("absent").unwrap();
    let known = async || store.recent_epoch(Duration::from_secs(1)).await.unwrap();
    let before = store.ask(&id).await.unwrap().epoch;
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.epoch().await.unwrap(), before);
    assert_eq!(tx.raise_epoch().await.unwrap(), before + 1);
    assert_eq!(tx.epoch().await.unwrap(), before + 1, "it sees its own change");
    assert_eq!(store.ask(&id).await.unwrap().epoch, before, "not before commit");
    assert_eq!(known().await, before);
    drop(tx);
    assert_eq!(store.ask(&id).await.unwrap().epoch, before, "nor without one");
    let mut tx = store.begin("contract").await.unwrap();
    tx.raise_epoch().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.ask(&id).await.unwrap().epoch, before + 1);
    assert_eq!(known().await, before + 1, "here at once");
    let mut rows = store.snapshot().await.unwrap();
    assert_eq!(rows.epoch().await.unwrap(), before + 1);
    assert_eq!(rows.meta().await.unwrap().unwrap().epoch, before + 1);
}

async fn all_who_raise_the_epoch_queue(store: &Arc<dyn Store>) {
    let before = store.snapshot().await.unwrap().epoch().await.unwrap();
    let raise = |store: Arc<dyn Store>| async move {
        let mut tx = store.begin("contract").await.unwrap();
        let raised = tx.raise_epoch().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        tx.commit().await.unwrap();
        raised
    };
    let tasks: Vec<_> = (0..10).map(|_| tokio::spawn(raise(store.clone()))).collect();
    let mut raised = Vec::new();
    for task in tasks {
        raised.push(task.await.unwrap());
    }
    raised.sort_unstable();
    assert_eq!(raised, (before + 1..=before + 10).collect::<Vec<_>>());
}
