//! Rows of values, slots and secrets: turned, deleted, restored, forged.

use super::check::Damage::{Catalogue, Overrides, Value};
use super::{case, each};

#[tokio::test]
async fn a_current_version_stays_the_one_that_was_set() {
    each(vec![
        case(
            "the default points at its older version",
            "UPDATE slot SET current = 1 WHERE {demo/ALPHA@default}",
            [Catalogue("demo")],
        ),
        case(
            "an override points at its older version",
            "UPDATE slot SET current = 1 WHERE {demo/ALPHA@main.draft}",
            [Overrides("demo", "main.draft")],
        ),
        case(
            "a restricted override points at its older version",
            "UPDATE slot SET current = 1, highest = 1 WHERE {demo/TIGHT@main.draft}",
            [Overrides("demo", "main.draft")],
        ),
        case(
            "two slots have exchanged their current versions",
            "UPDATE slot SET current = 3 - current
             WHERE {demo/ALPHA@main.draft} OR {demo/ALPHA@main.live}",
            [Overrides("demo", "main.draft"), Overrides("demo", "main.live")],
        ),
        case(
            "a current version is one that is not there",
            "UPDATE slot SET current = 3, highest = 3 WHERE {demo/BETA@default}",
            [Catalogue("demo")],
        ),
        case(
            "a current version is none",
            "UPDATE slot SET current = -1 WHERE {demo/BETA@default}",
            [Catalogue("demo")],
        ),
        case(
            "a number may be given again",
            "UPDATE slot SET highest = 7 WHERE {demo/BETA@main.draft}",
            [Overrides("demo", "main.draft")],
        ),
        case(
            "the versions of a slot are renumbered",
            "UPDATE value SET version = 3 WHERE {demo/ALPHA@default#1};
             UPDATE value SET version = 1 WHERE {demo/ALPHA@default#2};
             UPDATE value SET version = 2 WHERE {demo/ALPHA@default#3}",
            [Catalogue("demo")],
        ),
        case(
            "a cleared slot shows its last value again",
            "UPDATE slot SET current = 1 WHERE {demo/CLEARED@default}",
            [Catalogue("demo")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_was_restored_by_hand_is_refused() {
    each(vec![
        case(
            "a default as it was",
            "DELETE FROM slot WHERE {demo/ALPHA@default};
             DELETE FROM value WHERE {demo/ALPHA@default};
             INSERT INTO slot SELECT * FROM old.slot WHERE {demo/ALPHA@default};
             INSERT INTO value SELECT * FROM old.value WHERE {demo/ALPHA@default}",
            [Catalogue("demo")],
        ),
        case(
            "an override as it was",
            "DELETE FROM slot WHERE {demo/ALPHA@main.draft};
             INSERT INTO slot SELECT * FROM old.slot WHERE {demo/ALPHA@main.draft}",
            [Overrides("demo", "main.draft")],
        ),
        case(
            "a secret as it was before it was deleted",
            "DELETE FROM secret WHERE uid = {demo/GONE};
             INSERT INTO secret SELECT * FROM old.secret WHERE uid = {demo/GONE}",
            [Catalogue("demo")],
        ),
        case(
            "a secret and its values as they were before it became restricted",
            "DELETE FROM secret WHERE uid = {demo/TURNED};
             DELETE FROM value WHERE secret = {demo/TURNED};
             DELETE FROM slot WHERE secret = {demo/TURNED};
             INSERT INTO secret SELECT * FROM old.secret WHERE uid = {demo/TURNED};
             INSERT INTO value SELECT * FROM old.value WHERE secret = {demo/TURNED};
             INSERT INTO slot SELECT * FROM old.slot WHERE secret = {demo/TURNED}",
            [Catalogue("demo"), Overrides("demo", "main.draft"), Overrides("demo", "main.live")],
        ),
        case(
            "a masked record of a secret that is restricted now",
            "DELETE FROM value WHERE {demo/TURNED@main.live#1};
             INSERT INTO value SELECT * FROM old.value WHERE {demo/TURNED@main.live#1}",
            [Overrides("demo", "main.live")],
        ),
        case(
            "an older masked record of a secret that is restricted now",
            "DELETE FROM value WHERE {demo/TURNED@default#1};
             INSERT INTO value SELECT * FROM old.value WHERE {demo/TURNED@default#1}",
            [],
        ),
        case(
            "a catalogue as it was, without the manifest",
            "DELETE FROM secret; INSERT INTO secret SELECT * FROM old.secret;
             DELETE FROM slot; INSERT INTO slot SELECT * FROM old.slot;
             DELETE FROM value; INSERT INTO value SELECT * FROM old.value",
            ["demo", "other", "calm"].map(Catalogue),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_was_deleted_by_hand_is_missed() {
    each(vec![
        case("a default slot", "DELETE FROM slot WHERE {demo/ALPHA@default}", [Catalogue("demo")]),
        case(
            "an override's slot",
            "DELETE FROM slot WHERE {demo/ALPHA@main.live}",
            [Overrides("demo", "main.live")],
        ),
        case(
            "an override's slot and values",
            "DELETE FROM slot WHERE {demo/ALPHA@staging.draft};
             DELETE FROM value WHERE {demo/ALPHA@staging.draft}",
            [Overrides("demo", "staging.draft")],
        ),
        case(
            "the value of a default",
            "DELETE FROM value WHERE {demo/ALPHA@default#2}",
            [Catalogue("demo")],
        ),
        case(
            "the value of an override",
            "DELETE FROM value WHERE {demo/TIGHT@main.live#1}",
            [Overrides("demo", "main.live")],
        ),
        case("a secret", "DELETE FROM secret WHERE uid = {demo/ALPHA}", [Catalogue("demo")]),
        case(
            "a secret and all that is its own",
            "DELETE FROM value WHERE secret = {demo/ALPHA};
             DELETE FROM slot WHERE secret = {demo/ALPHA};
             DELETE FROM secret WHERE uid = {demo/ALPHA}",
            [Catalogue("demo"), Overrides("demo", "main.draft")],
        ),
        case("a placeholder", "DELETE FROM secret WHERE uid = {demo/LATER}", [Catalogue("demo")]),
        case(
            "all overrides of a view",
            "DELETE FROM slot WHERE environment = {demo:main} AND stage = 1",
            [Overrides("demo", "main.draft")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_secret_keeps_its_name_its_visibility_and_its_state() {
    each(vec![
        case(
            "two masked secrets have exchanged names",
            "UPDATE secret SET name = 'X', folded = 'x' WHERE uid = {demo/ALPHA};
             UPDATE secret SET name = 'ALPHA', folded = 'alpha' WHERE uid = {demo/BETA};
             UPDATE secret SET name = 'BETA', folded = 'beta' WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a masked and a restricted secret have exchanged names",
            "UPDATE secret SET name = 'X', folded = 'x' WHERE uid = {demo/ALPHA};
             UPDATE secret SET name = 'ALPHA', folded = 'alpha' WHERE uid = {demo/TIGHT};
             UPDATE secret SET name = 'TIGHT', folded = 'tight' WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a name has another case",
            "UPDATE secret SET name = 'Alpha' WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a name is none",
            "UPDATE secret SET name = 'not a name' WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "two secrets have exchanged identities",
            "UPDATE secret SET uid = x'00' WHERE uid = {demo/ALPHA};
             UPDATE secret SET uid = {demo/ALPHA} WHERE uid = {demo/BETA};
             UPDATE secret SET uid = {demo/BETA} WHERE uid = x'00'",
            [Catalogue("demo")],
        ),
        case(
            "a restricted secret is masked",
            "UPDATE secret SET visibility = 1 WHERE uid = {demo/TIGHT}",
            [Catalogue("demo")],
        ),
        case(
            "a secret that became restricted is masked again",
            "UPDATE secret SET visibility = 1 WHERE uid = {demo/TURNED}",
            [Catalogue("demo")],
        ),
        case(
            "a masked secret is restricted",
            "UPDATE secret SET visibility = 2 WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a visibility is none",
            "UPDATE secret SET visibility = 3 WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a deleted secret is undeleted",
            "UPDATE secret SET deleted = NULL, purge = NULL WHERE uid = {demo/GONE}",
            [Catalogue("demo")],
        ),
        case(
            "a secret is deleted",
            "UPDATE secret SET deleted = 1, purge = 2 WHERE uid = {demo/ALPHA}",
            [Catalogue("demo")],
        ),
        case(
            "a secret is in another project",
            "UPDATE secret SET project = {other} WHERE uid = {demo/ONLY};
             UPDATE slot SET project = {other} WHERE {demo/ONLY@default}",
            [Catalogue("demo"), Catalogue("other")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_forged_row_is_nobodys_value() {
    each(vec![
        case(
            "a value for a placeholder",
            "INSERT INTO value SELECT {demo/LATER}, environment, stage, 1, uid, created, kind,
                 wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, sealed_digest, fingerprint,
                 destroyed, mac
             FROM value WHERE {demo/ALPHA@default#2};
             INSERT INTO slot SELECT project, environment, stage, {demo/LATER}, 1, 1, 1, updated, history
             FROM slot WHERE {demo/ALPHA@default}",
            [Catalogue("demo")],
        ),
        case(
            "an override where defaults are refused",
            "INSERT INTO value SELECT secret, {demo:denied}, 1, 1, uid, created, kind,
                 wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, sealed_digest, fingerprint,
                 destroyed, mac
             FROM value WHERE {demo/ALPHA@default#2};
             INSERT INTO slot SELECT project, {demo:denied}, 1, secret, 1, 1, 1, updated, history
             FROM slot WHERE {demo/ALPHA@default}",
            [Overrides("demo", "denied.draft")],
        ),
        case(
            "a slot without a value",
            "INSERT INTO slot SELECT project, {demo:staging}, 2, secret, 1, 1, 1, updated, history
             FROM slot WHERE {demo/ALPHA@default}",
            [Overrides("demo", "staging.live")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_damaged_record_does_not_open() {
    let value = [Value("demo", "ALPHA", "main.live")];
    let overrides = [Overrides("demo", "main.live")];
    each(vec![
        case("other kind", "UPDATE value SET kind = 2 WHERE {demo/ALPHA@main.live#1}", value),
        case("no kind", "UPDATE value SET kind = NULL WHERE {demo/ALPHA@main.live#1}", value),
        case("unknown kind", "UPDATE value SET kind = 3 WHERE {demo/ALPHA@main.live#1}", value),
        case(
            "other key id",
            "UPDATE value SET wrapped_key_id = 'local:other' WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case(
            "unknown kind of key",
            "UPDATE value SET wrapped_key_kind = 2 WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case("no key", "UPDATE value SET wrapped_key = NULL WHERE {demo/ALPHA@main.live#1}", value),
        case(
            "empty key",
            "UPDATE value SET wrapped_key = x'' WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case(
            "endless key",
            "UPDATE value SET wrapped_key = zeroblob(1000000) WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case("empty record", "UPDATE value SET sealed = x'' WHERE {demo/ALPHA@main.live#1}", value),
        case(
            "a record cut short",
            "UPDATE value SET sealed = substr(sealed, 1, length(sealed) - 1)
             WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case(
            "a record with more at its end",
            "UPDATE value SET sealed = CAST(sealed || x'00' AS BLOB)
             WHERE {demo/ALPHA@main.live#1}",
            value,
        ),
        case(
            "no record",
            "UPDATE value SET sealed = NULL WHERE {demo/ALPHA@main.live#1}",
            overrides,
        ),
        case(
            "no digest",
            "UPDATE value SET sealed_digest = NULL WHERE {demo/ALPHA@main.live#1}",
            overrides,
        ),
        case(
            "cleared by hand",
            "UPDATE value SET kind = NULL, wrapped_key_kind = NULL, wrapped_key_id = NULL,
                 wrapped_key = NULL, sealed = NULL, sealed_digest = NULL
             WHERE {demo/ALPHA@main.live#1}",
            overrides,
        ),
    ])
    .await;
}
