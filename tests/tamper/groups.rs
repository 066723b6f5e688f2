//! Whole stages and environments moved, and digests that were made to fit them.

use super::check::Damage::{self, Head, Overrides};
use super::world::{World, literal};
use super::{case, each};
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid};
use waxseal_envelope::manifest;

const EXCHANGE_STAGES: &str =
    "UPDATE slot SET stage = 9 WHERE environment = {demo:main} AND stage = 1;
     UPDATE slot SET stage = 1 WHERE environment = {demo:main} AND stage = 2;
     UPDATE slot SET stage = 2 WHERE environment = {demo:main} AND stage = 9;
     UPDATE value SET stage = 9 WHERE environment = {demo:main} AND stage = 1;
     UPDATE value SET stage = 1 WHERE environment = {demo:main} AND stage = 2;
     UPDATE value SET stage = 2 WHERE environment = {demo:main} AND stage = 9;";

const EXCHANGE_ENVIRONMENTS: &str =
    "UPDATE slot SET environment = x'00' WHERE environment = {demo:main};
     UPDATE slot SET environment = {demo:main} WHERE environment = {demo:staging};
     UPDATE slot SET environment = {demo:staging} WHERE environment = x'00';
     UPDATE value SET environment = x'00' WHERE environment = {demo:main};
     UPDATE value SET environment = {demo:main} WHERE environment = {demo:staging};
     UPDATE value SET environment = {demo:staging} WHERE environment = x'00';";

fn both_stages() -> Vec<Damage> {
    vec![Overrides("demo", "main.draft"), Overrides("demo", "main.live")]
}

#[tokio::test]
async fn a_stage_or_an_environment_is_not_another_one() {
    each(vec![
        case("two stages are exchanged", EXCHANGE_STAGES, both_stages()),
        case(
            "two environments are exchanged",
            EXCHANGE_ENVIRONMENTS,
            ["main.draft", "main.live", "staging.draft", "staging.live"]
                .map(|view| Overrides("demo", view)),
        ),
        case(
            "live has what draft has",
            "DELETE FROM value WHERE environment = {demo:main} AND stage = 2;
             DELETE FROM slot WHERE environment = {demo:main} AND stage = 2;
             INSERT INTO value SELECT secret, environment, 2, version, uid, created, kind,
                 wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, sealed_digest, fingerprint,
                 destroyed, mac
             FROM value WHERE environment = {demo:main} AND stage = 1;
             INSERT INTO slot SELECT project, environment, 2, secret, current, highest, edition,
                 updated, history
             FROM slot WHERE environment = {demo:main} AND stage = 1",
            [Overrides("demo", "main.live")],
        ),
        case(
            "two stages are exchanged, their digests too",
            const_str(&[
                EXCHANGE_STAGES,
                "UPDATE environment SET draft_digest = live_digest, live_digest = draft_digest
                 WHERE uid = {demo:main}",
            ]),
            [Head("demo")],
        ),
    ])
    .await;
}

/// Statements one after another, for as long as the test lasts.
fn const_str(parts: &[&str]) -> &'static str {
    Box::leak(parts.concat().into_boxed_str())
}

#[tokio::test]
async fn a_digest_that_was_made_to_fit_is_not_vouched_for() {
    let world = World::build().await;
    let uid = |name: &str| -> [u8; 16] {
        let sql = format!("SELECT {}", world.sql(name));
        world.setup.database().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let project = ProjectUid::from_bytes(uid("{demo}"));
    let main = EnvironmentUid::from_bytes(uid("{demo:main}"));
    let none = manifest::overrides(project, main, Stage::Draft, []);
    let sql = format!(
        "DELETE FROM slot WHERE environment = {{demo:main}} AND stage = 1;
         UPDATE environment SET draft_digest = {} WHERE uid = {{demo:main}}",
        literal(&none)
    );
    world.tampered("no override, and the digest of none", &sql, &[Head("demo")], true).await;

    let nothing = manifest::catalogue(project, []);
    let sql = format!(
        "DELETE FROM slot WHERE project = {{demo}}; DELETE FROM secret WHERE project = {{demo}};
         UPDATE project SET catalogue = {} WHERE uid = {{demo}}",
        literal(&nothing)
    );
    world.tampered("no secret, and the digest of none", &sql, &[Head("demo")], true).await;
}
