//! Whoever may write to the database changes the trail: each way is found by the server that walks
//! it, and of an export without any server.

use super::independent::{bytes, hash};
use super::world::{World, postgres, setup};
use serde_json::Value;
use waxseal_engine::{Checkpoint, Hex};

/// The columns of a record but for its place in the order of insertion.
const COLUMNS: &str = "chain, sequence, hash, at, principal, credential, action, project, \
     project_id, environment, environment_id, stage, secret, secret_name, version, revision, \
     view_revision, outcome, request, count, until";

const TAMPERS: [&str; 14] = [
    "edit",
    "delete",
    "insert",
    "swap",
    "truncate tail",
    "truncate head",
    "reorder",
    "duplicate",
    "fork chain",
    "roll back table",
    "re-sign with another key",
    "drop one shard",
    "drop a checkpoint",
    "a record that does not read",
];

/// A copy of a record after the last of its chain, with a head that fits.
fn appended(chain: &str, last: u64, copied: &str) -> String {
    let columns = COLUMNS.replacen("sequence", &format!("{}", last + 1), 1);
    format!(
        "INSERT INTO audit ({COLUMNS}) SELECT {columns} FROM audit
         WHERE chain = '{chain}' AND sequence = {copied};
         UPDATE audit_chain SET sequence = {} WHERE chain = '{chain}'",
        last + 1
    )
}

/// Gives records the places of others.
fn moved(chain: &str, moves: &[(u64, u64)]) -> String {
    let place = |from: u64, to: u64| {
        format!("UPDATE audit SET sequence = {to} WHERE chain = '{chain}' AND sequence = {from};")
    };
    let away = moves.iter().map(|(from, to)| place(*from, 1_000 + to));
    let back = moves.iter().map(|(_, to)| place(1_000 + to, *to));
    away.chain(back).collect()
}

/// Another content of one record, and the hashes of all that follow made to fit.
fn forked(records: &[Value], chain: &str, at: u64) -> String {
    let mut sql = format!(
        "UPDATE audit SET principal = 'nobody' WHERE chain = '{chain}' AND sequence = {at};"
    );
    let mut before = [0; 32];
    for record in records.iter().filter(|record| record["chain"] == chain) {
        let mut record = record.clone();
        let sequence = record["sequence"].as_u64().unwrap();
        if sequence < at {
            before = bytes(&record["hash"]);
            continue;
        }
        if sequence == at {
            record["principal"] = "nobody".into();
        }
        before = hash(&before, &record);
        let set = format!("SET hash = {{x:{}}} WHERE chain = '{chain}'", Hex(before));
        sql += &format!("UPDATE audit {set} AND sequence = {sequence};");
        sql += &format!("UPDATE audit_chain {set};");
    }
    sql
}

/// A fork, and every checkpoint made to fit it and signed, with a key that the forger has.
fn signed_anew(lines: &[String], records: &[Value], chain: &str) -> String {
    let mut sql = forked(records, chain, 3);
    let hash_at = |sequence: u64| {
        let at = format!("sequence = {sequence};");
        let statement =
            sql.split("UPDATE ").find(|part| part.ends_with(&at) && part.contains("{x:"));
        let hex = statement.map(|part| part.split("{x:").nth(1).unwrap()[..64].to_owned());
        hex.map(|hex| hex.parse::<Hex<32>>().unwrap())
    };
    let seed = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut previous = [0; 32];
    let mut statements = String::new();
    for line in lines {
        let mut value: Value = serde_json::from_str(line).unwrap();
        if value["type"] != "checkpoint" {
            continue;
        }
        value.as_object_mut().unwrap().remove("type");
        let mut checkpoint: Checkpoint = serde_json::from_value(value).unwrap();
        checkpoint.previous = Hex(previous);
        for head in checkpoint.heads.iter_mut().filter(|head| head.chain == chain) {
            head.hash = hash_at(head.sequence).unwrap_or(head.hash);
        }
        let signature = seed.sign(&checkpoint.canonical());
        checkpoint.signature = Hex(signature.as_ref().try_into().unwrap());
        previous = checkpoint.hash();
        let document = serde_json::to_string(&checkpoint).unwrap();
        statements += &format!(
            "UPDATE audit_checkpoint SET document = '{document}' WHERE number = {};",
            checkpoint.number
        );
    }
    sql += &statements;
    sql
}

/// The statements of one way. Those that need the past have noted it in `before`.
async fn tamper(world: &World, way: &str) -> String {
    let chain = world.project_chain().await;
    let (lines, records) = (world.export().await, world.records().await);
    let last = records.iter().filter(|record| record["chain"] == *chain).count() as u64;
    assert!(last >= 5, "{last} records are too few");
    let of_chain = format!("WHERE chain = '{chain}' AND sequence");
    match way {
        "edit" => format!("UPDATE audit SET principal = 'nobody' {of_chain} = 3"),
        "delete" => format!("DELETE FROM audit {of_chain} = 3"),
        "insert" => appended(&chain, last, "2"),
        "swap" => moved(&chain, &[(3, 4), (4, 3)]),
        "truncate tail" => format!(
            "DELETE FROM audit {of_chain} > {0};
             UPDATE audit_chain SET sequence = {0}, sealed = {0},
                 hash = (SELECT hash FROM audit {of_chain} = {0}) WHERE chain = '{chain}'",
            last - 2
        ),
        "truncate head" => format!("DELETE FROM audit {of_chain} <= 2"),
        "reorder" => moved(&chain, &[(2, 3), (3, 4), (4, 2)]),
        "duplicate" => appended(&chain, last, &last.to_string()),
        "fork chain" => forked(&records, &chain, 3),
        "roll back table" => "DELETE FROM audit; DELETE FROM audit_chain;
             INSERT INTO audit SELECT * FROM was_audit;
             INSERT INTO audit_chain SELECT * FROM was_audit_chain"
            .to_owned(),
        "re-sign with another key" => signed_anew(&lines, &records, &chain),
        "drop one shard" => {
            let mut chains = records.iter().filter_map(|record| record["chain"].as_str());
            let process = chains.rfind(|chain| chain.starts_with("process:")).unwrap();
            format!(
                "DELETE FROM audit WHERE chain = '{process}';
                 DELETE FROM audit_chain WHERE chain = '{process}'"
            )
        }
        "drop a checkpoint" => "DELETE FROM audit_checkpoint WHERE number = 2".to_owned(),
        "a record that does not read" => {
            format!("UPDATE audit SET secret = {{x:00}} {of_chain} = 3")
        }
        other => panic!("{other}"),
    }
}

async fn is_found(world: &World, way: &str) {
    let create = if world.database.is_some() {
        // An identity column that is always generated takes no other number.
        "ALTER TABLE audit ALTER COLUMN seq SET GENERATED BY DEFAULT;"
    } else {
        ""
    };
    world.until_signed().await;
    world
        .sql(&format!(
            "{create} CREATE TABLE was_audit AS SELECT * FROM audit;
             CREATE TABLE was_audit_chain AS SELECT * FROM audit_chain"
        ))
        .await;
    let slot = crate::support::default_slot;
    for value in ["four", "five"] {
        world.builder.set("demo", "KEY", slot(), value).await.unwrap();
    }
    world.disclose().await;
    world.until_signed().await;
    assert_eq!(world.offline(None).await.problem, None, "{way}: before");
    let sql = tamper(world, way).await;
    world.sql(&sql).await;
    let verdict = world.verify().await;
    let problem = verdict.problem.unwrap_or_else(|| panic!("{way} is not found: {sql}"));
    assert!(!problem.what.is_empty() && !problem.chain.is_empty(), "{way}: {problem:?}");
    let offline = world.offline(None).await;
    assert!(offline.problem.is_some(), "{way} is not found offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tampering_is_found_in_sqlite() {
    for way in TAMPERS {
        let world = World::sqlite().await;
        world.disclose().await;
        is_found(&world, way).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tampering_is_found_in_postgres() {
    for way in TAMPERS {
        let world = World::postgres().await;
        world.disclose().await;
        is_found(&world, way).await;
    }
}

/// The whole trail is put back, checkpoints too: only what was kept elsewhere knows better.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_of_everything_shows_in_what_was_kept_elsewhere() {
    let mut setup = setup();
    let database = postgres(&mut setup).await;
    let world = World::on(setup, Some(database)).await;
    world.until_signed().await;
    let tables = ["audit", "audit_chain", "audit_checkpoint", "project"];
    for table in tables {
        world.sql(&format!("CREATE TABLE was_{table} AS TABLE {table}")).await;
    }
    world.disclose().await;
    world.until_signed().await;
    let file = world.server.setup.data_dir().join("checkpoints.jsonl");
    let (setup, database) = world.stop().await;
    let kept = std::fs::read_to_string(&file).unwrap();
    let database = database.unwrap();
    database.sql("ALTER TABLE audit ALTER COLUMN seq SET GENERATED BY DEFAULT").await;
    for table in &tables[..3] {
        let sql = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM was_{table}");
        database.sql(&sql).await;
    }
    let mut elsewhere = setup.clone();
    elsewhere.config.audit.audit_checkpoints = Some(setup.data_dir().join("other.jsonl"));
    // Nothing new is signed before it is looked at.
    elsewhere.config.audit.audit_checkpoint_interval = super::world::PATIENCE * 100;
    let world = World::around(elsewhere.start().await, Some(database)).await;
    assert_eq!(world.offline(None).await.problem, None, "by itself it fits");
    let problem = world.offline(Some(kept)).await.problem.unwrap();
    assert_eq!(problem.chain, "checkpoints", "{problem:?}");
}
