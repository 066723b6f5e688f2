//! Secrets, their versions and their other names.

use super::*;

pub(super) async fn suite(store: &Arc<dyn Store>) {
    secrets_are_found_regardless_of_case(store).await;
    values_keep_every_version(store).await;
    an_edit_that_is_refused_leaves_nothing_of_the_others(store).await;
    a_reseal_fits_only_the_version_it_was_made_for(store).await;
    versions_are_pruned_up_to_a_number(store).await;
    aliases_are_reserved_by_their_exact_name(store).await;
    a_secret_is_removed_with_all_it_had(store).await;
}

async fn secrets_are_found_regardless_of_case(store: &Arc<dyn Store>) {
    let row = project(30, "secrets");
    let (mut upper, lower) = (secret(30, "B_KEY"), secret(31, "a_key"));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &upper).await.unwrap();
    tx.insert_secret(row.project.uid, &lower).await.unwrap();
    upper.visibility = Visibility::Restricted;
    upper.deletion = Some(Deletion { deleted: time(5), purge: time(6) });
    tx.update_secret(&upper).await.unwrap();
    tx.commit().await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    let twin = SecretName::parse("b_key").unwrap();
    assert_eq!(snapshot.secret(row.project.uid, &twin).await.unwrap(), Some(upper.clone()));
    assert_eq!(snapshot.secrets(row.project.uid).await.unwrap(), [lower, upper]);
    let elsewhere = ProjectUid::from_bytes([11; 16]);
    assert_eq!(snapshot.secret(elsewhere, &twin).await.unwrap(), None);

    let mut tx = store.begin("contract").await.unwrap();
    let twin = secret(32, "b_KEY");
    assert!(tx.insert_secret(row.project.uid, &twin).await.is_err(), "a case twin is refused");
}

async fn values_keep_every_version(store: &Arc<dyn Store>) {
    let row = project(40, "values");
    let key = secret(40, "KEY");
    let place = Place::Override(EnvironmentUid::from_bytes([40; 16]), Stage::Draft);
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    for version in 1..=3 {
        let byte = u8::try_from(version).unwrap();
        tx.insert_value(&value(&key, Place::Default, version, byte)).await.unwrap();
        tx.put_slot(row.project.uid, &slot(&key, Place::Default, version)).await.unwrap();
    }
    let cleared = ValueRow { sealed: None, ..value(&key, place, 1, 9) };
    tx.insert_value(&cleared).await.unwrap();
    tx.put_slot(row.project.uid, &slot(&key, place, 1)).await.unwrap();
    tx.commit().await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    let slots = snapshot.slots(row.project.uid, Place::Default).await.unwrap();
    let head = slots[0].value.unwrap();
    assert_eq!((slots.len(), slots[0].current, slots[0].highest), (1, 3, 3));
    assert_eq!(slots[0].history, [(1, [9; 32]), (2, [9; 32]), (3, [9; 32])]);
    assert_eq!((head.uid, head.sealed), (ValueUid::from_bytes([3; 16]), Some(([3; 32], 100))));
    let slots = snapshot.slots(row.project.uid, place).await.unwrap();
    assert_eq!(slots[0].value.unwrap().sealed, None, "a cleared version has no record");
    assert_eq!(snapshot.all_slots(row.project.uid).await.unwrap().len(), 2);

    let current = snapshot.current_values(row.project.uid, Place::Default).await.unwrap();
    assert_eq!(current, [value(&key, Place::Default, 3, 3)]);
    assert!(snapshot.current_values(row.project.uid, place).await.unwrap().is_empty());
    let first = snapshot.value(key.uid, Place::Default, 1).await.unwrap();
    assert_eq!(first, Some(value(&key, Place::Default, 1, 1)));
    assert_eq!(snapshot.values_of(key.uid).await.unwrap().len(), 4);
}

async fn a_reseal_fits_only_the_version_it_was_made_for(store: &Arc<dyn Store>) {
    let key = secret(40, "KEY");
    let mut other = value(&key, Place::Default, 1, 1);
    other.sealed.as_mut().unwrap().record = vec![77; 50];
    let mut tx = store.begin("contract").await.unwrap();
    tx.reseal_value(&other).await.unwrap();
    assert_eq!(tx.value(key.uid, Place::Default, 1).await.unwrap(), Some(other.clone()));
    other.uid = ValueUid::from_bytes([99; 16]);
    assert!(tx.reseal_value(&other).await.is_err());
}

async fn versions_are_pruned_up_to_a_number(store: &Arc<dyn Store>) {
    let key = secret(40, "KEY");
    let mut tx = store.begin("contract").await.unwrap();
    tx.prune_values(key.uid, Place::Default, 1).await.unwrap();
    let versions = tx.versions(key.uid, Place::Default).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|row| row.version).collect();
    assert_eq!(numbers, [3, 2], "the newest first");
    let destroyed = ValueRow { sealed: None, destroyed: true, ..versions[1].clone() };
    tx.reseal_value(&destroyed).await.unwrap();
    assert_eq!(tx.value(key.uid, Place::Default, 2).await.unwrap(), Some(destroyed));
}

async fn aliases_are_reserved_by_their_exact_name(store: &Arc<dyn Store>) {
    let row = project(41, "aliases");
    let key = secret(41, "KEY");
    let alias = |name: &str| AliasRow { name: SecretName::parse(name).unwrap(), secret: key.uid };
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    tx.insert_alias(row.project.uid, &alias("Old")).await.unwrap();
    tx.insert_alias(row.project.uid, &alias("OLD")).await.unwrap();
    tx.remove_alias(row.project.uid, &alias("old").name).await.unwrap();
    assert_eq!(tx.aliases(row.project.uid).await.unwrap(), [alias("OLD"), alias("Old")]);
    tx.remove_alias(row.project.uid, &alias("Old").name).await.unwrap();
    assert_eq!(tx.aliases(row.project.uid).await.unwrap(), [alias("OLD")]);
    assert!(tx.insert_alias(row.project.uid, &alias("OLD")).await.is_err());
}

async fn a_secret_is_removed_with_all_it_had(store: &Arc<dyn Store>) {
    let row = project(42, "removal");
    let (gone, kept) = (secret(42, "GONE"), secret(43, "KEPT"));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    for key in [&gone, &kept] {
        tx.insert_secret(row.project.uid, key).await.unwrap();
        tx.insert_value(&value(key, Place::Default, 1, 1)).await.unwrap();
        tx.put_slot(row.project.uid, &slot(key, Place::Default, 1)).await.unwrap();
    }
    let name = SecretName::parse("WAS").unwrap();
    tx.insert_alias(row.project.uid, &AliasRow { name, secret: gone.uid }).await.unwrap();
    tx.remove_secret(row.project.uid, gone.uid).await.unwrap();
    tx.mark_unscrubbed().await.unwrap();
    tx.commit().await.unwrap();
    let unscrubbed =
        async || store.snapshot().await.unwrap().meta().await.unwrap().unwrap().unscrubbed;
    assert!(unscrubbed().await, "until it is done");
    while !store.scrub().await.unwrap() {}
    assert!(!unscrubbed().await);
    let mut snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.secrets(row.project.uid).await.unwrap(), [kept]);
    assert!(snapshot.values_of(gone.uid).await.unwrap().is_empty());
    assert!(snapshot.aliases(row.project.uid).await.unwrap().is_empty());
    assert_eq!(snapshot.all_slots(row.project.uid).await.unwrap().len(), 1);
}

async fn an_edit_that_is_refused_leaves_nothing_of_the_others(store: &Arc<dyn Store>) {
    let row = project(40, "values");
    let key = secret(40, "KEY");
    let before = store.head(&row.project.id).await.unwrap();
    for reads_meanwhile in [false, true] {
        let mut tx = store.begin("contract").await.unwrap();
        let found = tx.project(&row.project.id).await.unwrap().unwrap();
        let raised = ProjectRow { revision: found.revision + 1, ..found };
        let edits = async {
            tx.insert_value(&value(&key, Place::Default, 4, 4)).await?;
            tx.insert_value(&value(&key, Place::Default, 4, 5)).await?;
            if reads_meanwhile {
                tx.value(key.uid, Place::Default, 4).await?;
            }
            tx.update_project(&raised).await?;
            tx.put_slot(row.project.uid, &slot(&key, Place::Default, 4)).await?;
            tx.commit().await
        };
        assert!(edits.await.is_err(), "{reads_meanwhile}");
        let mut snapshot = store.snapshot().await.unwrap();
        assert_eq!(snapshot.value(key.uid, Place::Default, 4).await.unwrap(), None);
        assert_eq!(store.head(&row.project.id).await.unwrap(), before);
    }
}
