use super::*;
use zeroize::Zeroizing;

fn key(byte: u8) -> Key {
    Key::from_bytes(Zeroizing::new([byte; 32]))
}

fn name(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn project() -> ProjectUid {
    ProjectUid::from_bytes([1; 16])
}

fn secret_uid(byte: u8) -> SecretUid {
    SecretUid::from_bytes([byte; 16])
}

fn held() -> SlotEntry {
    SlotEntry {
        version: 2,
        highest: 3,
        history: [8; 32],
        value: ValueUid::from_bytes([7; 16]),
        sealed: Some([8; 32]),
    }
}

/// A slot, and all that differ from it in one field.
fn slots() -> Vec<SlotEntry> {
    let slot = held();
    vec![
        slot,
        SlotEntry { version: 1, ..slot },
        SlotEntry { version: 0, ..slot },
        SlotEntry { version: 3, highest: 2, ..slot },
        SlotEntry { highest: 4, ..slot },
        SlotEntry { history: [9; 32], ..slot },
        SlotEntry { value: ValueUid::from_bytes([9; 16]), ..slot },
        SlotEntry { sealed: None, ..slot },
        SlotEntry { sealed: Some([9; 32]), ..slot },
    ]
}

/// Every two of them differ.
fn all_differ(digests: &[Digest]) {
    for (index, digest) in digests.iter().enumerate() {
        for (other_index, other) in digests.iter().enumerate().skip(index + 1) {
            assert_ne!(digest, other, "{index} and {other_index}");
        }
    }
}

#[test]
fn every_field_of_the_catalogue_counts() {
    let (a, b, c) = (name("A"), name("B"), name("C"));
    let (one, two) = ([b.clone()], [b.clone(), c.clone()]);
    let joined = [name("BC")];
    let entry = CatalogueEntry {
        uid: secret_uid(1),
        name: &a,
        aliases: &one,
        visibility: Visibility::Masked,
        deleted: false,
        default: None,
    };
    let second = CatalogueEntry { uid: secret_uid(2), name: &c, aliases: &[], ..entry };
    let mut digests = vec![
        catalogue(project(), []),
        catalogue(ProjectUid::from_bytes([9; 16]), []),
        catalogue(project(), [entry]),
        catalogue(ProjectUid::from_bytes([9; 16]), [entry]),
        catalogue(project(), [CatalogueEntry { uid: secret_uid(9), ..entry }]),
        catalogue(project(), [CatalogueEntry { name: &c, ..entry }]),
        catalogue(project(), [CatalogueEntry { aliases: &[], ..entry }]),
        catalogue(project(), [CatalogueEntry { aliases: &two, ..entry }]),
        catalogue(project(), [CatalogueEntry { aliases: &joined, ..entry }]),
        catalogue(project(), [CatalogueEntry { visibility: Visibility::Restricted, ..entry }]),
        catalogue(project(), [CatalogueEntry { deleted: true, ..entry }]),
        catalogue(project(), [entry, second]),
        catalogue(
            project(),
            [CatalogueEntry { name: &c, ..entry }, CatalogueEntry { name: &a, ..second }],
        ),
        catalogue(project(), [second]),
        catalogue(project(), [entry, entry]),
    ];
    for slot in slots() {
        digests.push(catalogue(project(), [CatalogueEntry { default: Some(slot), ..entry }]));
    }
    all_differ(&digests);
}

#[test]
fn every_field_of_the_overrides_counts() {
    let environment = EnvironmentUid::from_bytes([2; 16]);
    let entry = (secret_uid(1), held());
    let mut digests = vec![
        catalogue(project(), []),
        overrides(project(), environment, Stage::Live, []),
        overrides(project(), environment, Stage::Draft, []),
        overrides(project(), environment, Stage::Draft, [entry]),
        overrides(project(), EnvironmentUid::from_bytes([9; 16]), Stage::Live, [entry]),
        overrides(ProjectUid::from_bytes([9; 16]), environment, Stage::Live, [entry]),
        overrides(project(), environment, Stage::Live, [(secret_uid(2), held())]),
        overrides(project(), environment, Stage::Live, [entry, (secret_uid(2), held())]),
    ];
    for slot in slots() {
        digests.push(overrides(project(), environment, Stage::Live, [(secret_uid(1), slot)]));
    }
    all_differ(&digests);
}

#[test]
fn the_order_of_rows_and_of_aliases_does_not_matter() {
    let (a, b, c) = (name("A"), name("B"), name("C"));
    let (forth, back) = ([b.clone(), c.clone()], [c.clone(), b.clone()]);
    let first = CatalogueEntry {
        uid: secret_uid(1),
        name: &a,
        aliases: &forth,
        visibility: Visibility::Masked,
        deleted: false,
        default: Some(held()),
    };
    let second = CatalogueEntry { uid: secret_uid(2), name: &c, aliases: &[], ..first };
    let turned = CatalogueEntry { aliases: &back, ..first };
    assert_eq!(catalogue(project(), [first, second]), catalogue(project(), [second, turned]));

    let environment = EnvironmentUid::from_bytes([2; 16]);
    let [first, second] = [1, 2].map(|byte| (secret_uid(byte), held()));
    let digest = |entries| overrides(project(), environment, Stage::Live, entries);
    assert_eq!(digest([first, second]), digest([second, first]));
}

#[test]
fn every_field_of_the_root_counts() {
    let (demo, other) = (ProjectId::parse("demo").unwrap(), ProjectId::parse("other").unwrap());
    let (main, staging) = (EnvironmentId::main(), EnvironmentId::parse("staging").unwrap());
    let (draft, live) =
        (Group { revision: 1, digest: [1; 32] }, Group { revision: 2, digest: [2; 32] });
    let first = EnvironmentEntry {
        uid: EnvironmentUid::from_bytes([1; 16]),
        id: &main,
        fallback: Fallback::Allow,
        protected: false,
        draft,
        live,
    };
    let second =
        EnvironmentEntry { uid: EnvironmentUid::from_bytes([2; 16]), id: &staging, ..first };
    let root = Root {
        deployment: Deployment::from_bytes([1; 16]),
        project: project(),
        id: &demo,
        revision: 5,
        deleted: false,
        catalogue: [3; 32],
        environments: vec![first],
    };
    let with = |entry| Root { environments: vec![entry], ..root.clone() };
    let roots = [
        root.clone(),
        Root { deployment: Deployment::from_bytes([9; 16]), ..root.clone() },
        Root { project: ProjectUid::from_bytes([9; 16]), ..root.clone() },
        Root { id: &other, ..root.clone() },
        Root { revision: 6, ..root.clone() },
        Root { deleted: true, ..root.clone() },
        Root { catalogue: [4; 32], ..root.clone() },
        Root { environments: vec![], ..root.clone() },
        Root { environments: vec![first, second], ..root.clone() },
        with(second),
        with(EnvironmentEntry { uid: second.uid, ..first }),
        with(EnvironmentEntry { id: &staging, ..first }),
        with(EnvironmentEntry { fallback: Fallback::Deny, ..first }),
        with(EnvironmentEntry { protected: true, ..first }),
        with(EnvironmentEntry { draft: live, live: draft, ..first }),
        with(EnvironmentEntry { draft: Group { revision: 9, ..draft }, ..first }),
        with(EnvironmentEntry { draft: Group { digest: [9; 32], ..draft }, ..first }),
        with(EnvironmentEntry { live: Group { revision: 9, ..live }, ..first }),
        with(EnvironmentEntry { live: Group { digest: [9; 32], ..live }, ..first }),
    ];
    let mut macs: Vec<Digest> = roots.iter().map(|root| root.mac(&key(1))).collect();
    macs.push(root.mac(&key(2)));
    all_differ(&macs);

    for (index, root) in roots.iter().enumerate() {
        for (other_index, mac) in macs.iter().enumerate() {
            let verified = root.verify(&key(1), mac).is_ok();
            assert_eq!(verified, index == other_index, "{index} and {other_index}");
        }
    }
    let back = Root { environments: vec![second, first], ..root.clone() };
    let forth = Root { environments: vec![first, second], ..root.clone() };
    assert_eq!(back.mac(&key(1)), forth.mac(&key(1)), "the order of rows does not matter");
    assert_eq!(root.verify(&key(1), &macs[0][..31]), Err(Tampered));
    assert_eq!(root.verify(&key(1), &[]), Err(Tampered));
}
