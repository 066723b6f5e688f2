//! What the engines of a deployment get to see: PostgreSQL and its log, Redis and what it writes to
//! disk, the key service. No value and no token is in any of it, in any form, nor in what the server
//! prints about it, whatever fails.

mod statements;

use crate::canary::battery::Battery;
use crate::canary::needles::{Needles, latin1};
use crate::canary::{PLAIN, Tokens, fields, methods, metrics, needles, refusals_are_clean, trail};
use crate::kms::world::World;
use crate::support::binary::Serving;
use crate::support::collector::Collector;
use crate::support::postgres::Database;
use prost::Message as _;
use serde_json::Value;
use std::process::Stdio;
use tokio::task::spawn_blocking;
use waxseal_kms::fake::Request;

async fn tokens(world: &World) -> Tokens {
    Tokens {
        admin: world.token("test", "admin").await,
        builder: world.token("test", "builder").await,
        runtime: world.token("test", "runtime").await,
        viewer: world.token("test", "viewer").await,
        auditor: world.token("test", "auditor").await,
        keyholder: world.token("test", "keyholder").await,
    }
}

/// What was asked of the key service, before it forgets.
#[derive(Default)]
struct Asked(Vec<Request>);

impl Asked {
    fn take(&mut self, world: &World) {
        let total: u64 = world.fake.counts().values().sum();
        let new = usize::try_from(total).unwrap() - self.0.len();
        let last = world.fake.requests();
        assert!(new <= last.len(), "{new} requests, and {} are kept", last.len());
        self.0.extend_from_slice(&last[last.len() - new..]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_and_no_token_is_in_what_engines_keep_and_log() {
    let world = World::production().await;
    let before = Database::server_log().len();
    let dir = tempfile::tempdir().unwrap();
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    let checkpoints = dir.path().join("checkpoints");
    let (collector, collecting) = Collector::start();
    let mut command = world.command("test");
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--otlp-endpoint", &collecting, "--trace-ratio", "1", "--audit-checkpoints"])
        .arg(&checkpoints)
        .env("WAXSEAL_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .stderr(Stdio::from(std::fs::File::create(&err).unwrap()));
    let printed = out.clone();
    let serving = spawn_blocking(move || Serving::start_into(&mut command, &printed));
    let mut serving = serving.await.unwrap();
    let tokens = tokens(&world).await;
    let mut needles = needles(&tokens);

    let mut asked = Asked::default();
    let mut battery = Battery::new(&serving, &tokens).await;
    battery.succeed().await;
    asked.take(&world);
    methods::succeed(&serving, &tokens, &mut needles).await;
    asked.take(&world);
    battery.fail().await;
    asked.take(&world);
    statements::fail(&world, &mut battery).await;
    asked.take(&world);
    fields::everywhere(&serving, &tokens, &mut battery).await;
    asked.take(&world);
    assert!(battery.refusals.len() > 300, "{} refusals", battery.refusals.len());
    refusals_are_clean(&battery, &needles);
    drop(battery);

    let database = world.postgres_database();
    let metrics = metrics(&serving);
    needles.absent_from("the metrics", metrics.as_bytes(), &["RevealSecretValue"]);
    trail::is_clean(&serving, &tokens.auditor, &checkpoints, &needles, async || {
        database.sql(trail::DOCTOR).await;
    })
    .await;
    needles.absent_from("pg_dump", &database.dump(), &["COPY public.value ("]);
    let log = ours(&Database::server_log()[before..], database.name());
    let entries = [
        "INSERT INTO audit",
        "INSERT INTO value",
        "Failing row contains",
        "lock timeout",
        "duplicate key",
    ];
    needles.absent_from("PostgreSQL's log", &log, &entries);
    // The log is told of every statement: a value that were in one would be found.
    let mark = Database::server_log().len();
    database.sql(&format!("SELECT length('{PLAIN}')")).await;
    let said = latin1(&ours(&Database::server_log()[mark..], database.name()));
    assert!(needles.found_in(&said).contains(&"the plain text, raw"), "{said}");
    let redis = world.redis.as_ref().unwrap();
    let kept = redis.dump().await;
    assert!(kept.len() >= 2, "{} views", kept.len());
    let kept: Vec<u8> = kept.into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    needles.absent_from("Redis", &kept, &["wxs:"]);
    needles.absent_from("the file of Redis", &redis.saved().await, &["wxs:"]);
    key_service_learned_nothing(&asked.0, &needles);

    serving.terminate();
    spawn_blocking(move || assert!(serving.child.wait().unwrap().success())).await.unwrap();
    needles.absent_from("the output", &std::fs::read(out).unwrap(), &["serving on"]);
    // Everything is sent when the server has stopped.
    let traces: Vec<u8> =
        collector.requests().iter().flat_map(|request| request.encode_to_vec()).collect();
    let there = ["waxseal.v1.SecretService/RevealSecretValue", "store commit"];
    needles.absent_from("the traces", &traces, &there);
    let log = std::fs::read(err).unwrap();
    needles.absent_from("the log", &log, &["TRACE"]);
    // Nor what PostgreSQL said of rows that it refused.
    let log = latin1(&log);
    for said in ["Failing row", "already exists", "raised by a trigger", "\\x"] {
        assert!(!log.contains(said), "the log quotes PostgreSQL: {said}");
    }
    drop(world);
}

/// The log without the entries about databases of other tests.
fn ours(log: &[u8], database: &str) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut keeps = true;
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        // An entry begins with its time and process, and where it is told with the database.
        let begins = line.first().is_some_and(u8::is_ascii_digit);
        if begins {
            let line = String::from_utf8_lossy(line);
            let about = line.split_once("] ").and_then(|(_, rest)| rest.split(' ').next());
            let others = about.is_some_and(|it| it.starts_with("waxseal_test_") && it != database);
            keeps = !others;
        }
        if keeps {
            kept.extend_from_slice(line);
        }
    }
    kept
}

/// What things are and whose, and no more; no name of anything.
fn key_service_learned_nothing(asked: &[Request], needles: &Needles) {
    assert!(asked.len() > 50, "{} requests", asked.len());
    for Request { operation, body, .. } in asked {
        // It never gets anything to encrypt.
        assert!(["GenerateDataKey", "Decrypt"].contains(&operation.as_str()), "{operation}");
        let told = latin1(body.to_string().as_bytes());
        assert_eq!(needles.found_in(&told), [""; 0], "in {operation}");
        for (name, content) in body["EncryptionContext"].as_object().unwrap() {
            let content = content.as_str().unwrap();
            let fits = match name.as_str() {
                "waxseal:purpose" => {
                    ["value", "view", "integrity", "fingerprint", "service", "audit", "canary"]
                        .contains(&content)
                }
                "waxseal:visibility" => ["masked", "restricted"].contains(&content),
                "waxseal:slot" => content == "default" || is_view(content),
                "waxseal:day" => content.bytes().all(|byte| byte.is_ascii_digit()),
                "waxseal:deployment"
                | "waxseal:project"
                | "waxseal:secret"
                | "waxseal:value"
                | "waxseal:incarnation" => is_uid(content),
                _ => false,
            };
            assert!(fits, "{operation}: {name} is {content}");
        }
        let fields = body.as_object().unwrap().keys().map(String::as_str);
        let known = ["KeyId", "KeySpec", "CiphertextBlob", "EncryptionContext"];
        for field in fields {
            assert!(
                known.contains(&field),
                "{operation}: {field} is {}",
                Value::clone(&body[field])
            );
        }
    }
}

fn is_view(content: &str) -> bool {
    let parts = content.split_once('/');
    parts.is_some_and(|(uid, stage)| is_uid(uid) && ["draft", "live"].contains(&stage))
}

fn is_uid(content: &str) -> bool {
    content.replace('-', "").len() == 32
        && content.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
