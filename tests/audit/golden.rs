//! A record of every method that leaves one, as it is exported; `BLESS=1` writes the golden file
//! anew. And the whole trail once more, by another implementation in Python.

use super::independent::{bytes, hash};
use super::world::{World, setup};
use crate::rights;
use crate::support::grpcurl::python;
use crate::support::raw::{Raw, methods};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use waxseal_domain::caller::Role;
use waxseal_domain::name::PrincipalId;
use waxseal_engine::Initialize;

const GOLDEN: &str = "tests/golden/audit.jsonl";

/// Methods that only read what is no secret.
const UNRECORDED: [&str; 19] = [
    "ExplainEnvironment",
    "ExportProject",
    "GetApiToken",
    "GetEnvironment",
    "GetKeyStatus",
    "GetPrincipal",
    "GetProject",
    "GetSecret",
    "ListApiTokens",
    "ListBindings",
    "ListEnvironments",
    "ListOverrides",
    "ListPrincipals",
    "ListProjects",
    "ListSecretVersions",
    "ListSecrets",
    "ParseReferences",
    "TestPermissions",
    "WhoAmI",
];

/// Calls every method once as somebody who may.
async fn everything() -> World {
    let server = rights::server().await;
    let raw = Raw::connect(&server.address).await;
    let admin = server.admin().await;
    let mut tokens = HashMap::new();
    for (index, row) in rights::rows::rows().into_iter().enumerate() {
        for (role, reveal) in [
            (Role::Admin, false),
            (Role::Builder, true),
            (Role::Runtime, false),
            (Role::Auditor, false),
            (Role::Keyholder, false),
        ] {
            let token = match tokens.get(&role) {
                Some(token) => token,
                None => {
                    let token = server.token(role, reveal, "deployment").await;
                    tokens.entry(role).or_insert(token)
                }
            };
            if raw.call(row.method, token, (row.existing)(index)).await.is_ok() {
                rights::undo(&admin, &row.undo).await;
                break;
            }
        }
    }
    World::around(server, None).await
}

/// The records of a deployment's first admin.
async fn initialized() -> Vec<Value> {
    let server = setup().start().await;
    let first = Initialize {
        principal: PrincipalId::parse("first").unwrap(),
        life: Duration::from_secs(3_600),
    };
    server.engine.initialize(first).await.unwrap();
    let records = World::around(server, None).await.records().await;
    records.into_iter().filter(|record| record["action"] == "Initialize").collect()
}

/// A record without what differs from run to run.
fn lasting(record: &Value) -> String {
    let mut record = record.clone();
    let fields = record.as_object_mut().unwrap();
    for field in ["hash", "at", "sequence", "type", "revision", "view_revision", "until"] {
        if let Some(value) = fields.get_mut(field) {
            *value = field.into();
        }
    }
    let chain = fields["chain"].as_str().unwrap().split(':').next().unwrap().to_owned();
    fields["chain"] = chain.into();
    for (field, value) in fields.iter_mut() {
        let text = value.as_str().unwrap_or_default();
        let of_the_run = ["token:", "principals/test-"].iter().any(|begin| text.starts_with(begin));
        let named = field == "resource";
        if !named && (of_the_run || text.parse::<uuid::Uuid>().is_ok()) {
            *value = field.as_str().into();
        }
    }
    if let Some(resource) = fields.get_mut("resource") {
        let parts: Vec<_> = resource.as_str().unwrap().split('/').map(str::to_owned).collect();
        let kinds = parts.chunks(2).map(|part| {
            let made = part[0] != "principals" || part[1].starts_with("test-");
            format!("{}/{}", part[0], if made { "ID" } else { &part[1] })
        });
        *resource = kinds.collect::<Vec<_>>().join("/").into();
    }
    if let Some(grant) = fields.get_mut("grant") {
        let (what, until) = grant.as_str().unwrap().split_once(" until ").unzip();
        assert!(until.is_none_or(|until| until.parse::<prost_types::Timestamp>().is_ok()));
        *grant = what.map_or(grant.clone(), |what| format!("{what} until END").into());
    }
    record.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_leaves_the_golden_record() {
    let world = everything().await;
    let mut records = world.records().await;
    let mut before: HashMap<String, [u8; 32]> = HashMap::new();
    for record in &records {
        let chain = record["chain"].as_str().unwrap().to_owned();
        let written = bytes(&record["hash"]);
        if let Some(before) = before.get(&chain) {
            assert_eq!(hash(before, record), written, "{record}");
        }
        before.insert(chain, written);
    }
    records.sort_by_key(|record| record["at"].as_i64());
    // The first of each method and kind of slot; later ones differ by numbers.
    let mut seen = BTreeSet::new();
    let mut golden = BTreeSet::new();
    for record in records.iter().filter(|record| record["outcome"] == "ok") {
        let action = record["action"].as_str().unwrap();
        // Nobody listens to the rewrap, and how far it came is not said here.
        if ["FinishRewrapDataKeys", "StopRewrapDataKeys"].contains(&action) {
            continue;
        }
        let local = record["principal"] == "local";
        if seen.insert((action.to_owned(), record["stage"].is_string(), local)) {
            golden.insert(lasting(record));
        }
    }
    let mut recorded: BTreeSet<_> = seen.iter().map(|(action, ..)| action.clone()).collect();
    // It is done once, before there is anybody else.
    let initialized = initialized().await;
    assert_eq!(initialized.len(), 2, "a binding and a token");
    golden.extend(initialized.iter().map(lasting));
    recorded.insert("Initialize".to_owned());
    let methods = methods();
    let defined = methods.iter().map(|(_, method)| method.name().to_owned());
    let defined = defined.filter(|method| !UNRECORDED.contains(&&**method));
    assert_eq!(recorded, defined.collect::<BTreeSet<_>>());

    let golden: String = golden.into_iter().map(|line| line + "\n").collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &golden).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == expected, "{GOLDEN} differs; with BLESS=1 it would become\n{golden}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_implementation_comes_to_the_same_verdict() {
    let world = World::sqlite().await;
    world.disclose().await;
    world.until_signed().await;
    let export = world.export().await.join("\n") + "\n";
    let key = world.key().to_string();
    let dir = tempfile::tempdir().unwrap();
    let judge = |export: &str, key: &str| {
        let file = dir.path().join("export");
        std::fs::write(&file, export).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit.py");
        let output = Command::new(python()).arg(script).arg(file).arg(key).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (agrees, printed) = judge(&export, &key);
    assert!(agrees, "{printed}");
    let records = export.lines().filter(|line| line.contains("\"type\":\"record\"")).count();
    assert!(printed.contains(&format!("{records} records")), "{printed}");
    for (from, to) in [
        ("\"action\":\"CreateSecret\"", "\"action\":\"CreateSecrets\""),
        ("\"secret_name\":\"KEY\"", "\"secret_name\":\"KEX\""),
        ("\"signature\":\"", "\"signature\":\"0"),
    ] {
        assert!(export.contains(from), "{from}");
        let doctored = match to.strip_suffix('0') {
            // A digit more would not be read: one is exchanged.
            Some(before) => {
                let at = export.find(from).unwrap() + before.len();
                let digit = if &export[at..=at] == "0" { "1" } else { "0" };
                format!("{}{digit}{}", &export[..at], &export[at + 1..])
            }
            None => export.replacen(from, to, 1),
        };
        assert!(!judge(&doctored, &key).0, "{to}");
    }
    assert!(!judge(&export, &"0".repeat(64)).0);
}
