//! Wrapped keys of all five kinds.

use super::{project, secret, slot, value};
use crate::{KeyPlace, KeyRow, Store, Wrapped};
use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{EnvironmentUid, ValueUid};
use waxseal_domain::value::PayloadKind;

pub(super) async fn suite(store: &Arc<dyn Store>) {
    let row = project(70, "keys");
    let key = secret(70, "KEY");
    let place = Place::Override(EnvironmentUid::from_bytes([70; 16]), Stage::Live);
    let mut cleared = value(&key, place, 2, 72);
    cleared.sealed = None;
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    tx.insert_value(&value(&key, Place::Default, 1, 70)).await.unwrap();
    tx.insert_value(&value(&key, place, 1, 71)).await.unwrap();
    tx.insert_value(&cleared).await.unwrap();
    tx.put_slot(row.project.uid, &slot(&key, place, 1)).await.unwrap();
    tx.commit().await.unwrap();

    let all = counted(store).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0, "key");
    let keys = everything_not_under(store, "other").await;
    assert_eq!(
        keys.len() as u64,
        all[0].1,
        "every key in pages, none twice, none for a cleared one"
    );
    assert!(everything_not_under(store, "key").await.is_empty());
    let order: Vec<_> = keys.iter().map(|key| class(&key.place)).collect();
    assert!(order.is_sorted() && order[0] == 0, "service, integrity, fingerprint, values, audit");
    let versioned = |place, version, byte| KeyPlace::Value {
        secret: key.uid,
        place,
        version,
        uid: ValueUid::from_bytes([byte; 16]),
        project: row.project.uid,
        visibility: Visibility::Masked,
        kind: PayloadKind::Text,
    };
    let uid = row.project.uid;
    let places = [
        KeyPlace::Service,
        KeyPlace::Integrity(uid),
        KeyPlace::Fingerprint(uid),
        versioned(Place::Default, 1, 70),
        versioned(place, 1, 71),
        KeyPlace::Audit,
    ];
    for place in places {
        let found: Vec<_> = keys.iter().filter(|key| key.place == place).collect();
        assert_eq!(found.len(), 1, "{place:?}");
        rewrap(store, found[0]).await;
    }
    let rest = all[0].1 - places.len() as u64;
    assert_eq!(counted(store).await, [("key".to_owned(), rest), ("other".to_owned(), 6)]);
    assert_eq!(everything_not_under(store, "other").await.len() as u64, rest);
    let back = everything_not_under(store, "key").await;
    assert_eq!(back.iter().map(|key| key.place).collect::<Vec<_>>(), places);

    // As it was: the service key is the suite's, too.
    let service = keys.iter().find(|key| key.place == KeyPlace::Service).unwrap();
    let mut tx = store.begin("contract").await.unwrap();
    assert!(tx.rewrap_key(&back[0], &service.key).await.unwrap());
    tx.commit().await.unwrap();
}

const fn class(place: &KeyPlace) -> u8 {
    match place {
        KeyPlace::Service => 0,
        KeyPlace::Integrity(_) => 1,
        KeyPlace::Fingerprint(_) => 2,
        KeyPlace::Value { .. } => 3,
        KeyPlace::Audit => 4,
    }
}

async fn counted(store: &Arc<dyn Store>) -> Vec<(String, u64)> {
    store.snapshot().await.unwrap().count_keys().await.unwrap()
}

/// In pages of two.
async fn everything_not_under(store: &Arc<dyn Store>, key_id: &str) -> Vec<KeyRow> {
    let mut snapshot = store.snapshot().await.unwrap();
    let mut keys: Vec<KeyRow> = Vec::new();
    loop {
        let after = keys.last().map(|key| key.place);
        let page = snapshot.keys_not_under(key_id, after.as_ref(), 2).await.unwrap();
        if page.is_empty() {
            return keys;
        }
        assert!(page.len() <= 2 && page.iter().all(|key| !keys.contains(key)));
        keys.extend(page);
    }
}

async fn rewrap(store: &Arc<dyn Store>, old: &KeyRow) {
    let new = Wrapped { kind: 2, key_id: "other".to_owned(), bytes: vec![99; 150] };
    let mut tx = store.begin("contract").await.unwrap();
    assert!(tx.rewrap_key(old, &new).await.unwrap());
    assert!(!tx.rewrap_key(old, &new).await.unwrap(), "the old one does not stand there any more");
    tx.commit().await.unwrap();
    let now = everything_not_under(store, "key").await;
    assert!(now.contains(&KeyRow { place: old.place, key: new }), "{:?}", old.place);
}
