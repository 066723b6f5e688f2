//! Values that must never be seen outside the answers that carry them, looked for everywhere else
//! in every form they could take.

pub mod battery;
pub mod fields;
pub mod methods;
pub mod needles;
mod printed;
mod process;
pub mod trail;

use crate::support::Setup;
use crate::support::binary::{Serving, command};
use crate::support::collector::Collector;
use crate::telemetry::get;
use battery::Battery;
use needles::{Needles, latin1};
use prost::Message as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A text that every escaping changes, one that none does, and bytes that are no text. None of
/// them is a valid name of anything: a name may be told.
pub const TEXT: &str = "Zx9\"q/7+kC \\aN%rY=5v<Bé\u{7}W3-mT";
pub const PLAIN: &str = "canary-Q7wT2mZ9pLx4Vb6NsR8dKf1HgJ3cYtE5aU0o";
pub const BYTES: &[u8] = b"\xff\xfeB1n\x80\x00cAn\xc3\x28arY\x01\x7f\xe2\x82\"\\%+/";

/// One of each role.
pub struct Tokens {
    pub admin: String,
    pub builder: String,
    pub runtime: String,
    pub viewer: String,
    pub auditor: String,
    pub keyholder: String,
}

impl Tokens {
    pub fn all(&self) -> [&str; 6] {
        let [admin, builder, runtime, viewer] = self.of_values();
        [admin, builder, runtime, viewer, &self.auditor, &self.keyholder]
    }

    /// Those of the roles that may do something with values or their slots.
    pub fn of_values(&self) -> [&str; 4] {
        [&self.admin, &self.builder, &self.runtime, &self.viewer]
    }
}

pub fn create_token(setup: &Setup, role: &str, more: &[&str]) -> String {
    let made = command()
        .args(["token", "create", "--scope", "deployment", "--expires", "1h", "--role", role])
        .args(more)
        .arg("--data-dir")
        .arg(setup.data_dir())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stderr.is_empty());
    String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
}

/// Every call there is, with canaries wherever something can be put, against the real process
/// with all the log it can give.
async fn nothing_is_seen(format: &str) {
    let setup = Setup::sqlite();
    let beside = tempfile::tempdir().unwrap();
    let (out, err) = (beside.path().join("out"), beside.path().join("err"));
    let checkpoints = beside.path().join("checkpoints");
    let (collector, collecting) = Collector::start();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--otlp-endpoint", &collecting, "--trace-ratio", "1", "--data-dir"])
        .arg(setup.data_dir())
        .arg("--audit-checkpoints")
        .arg(&checkpoints)
        .env("WAXSEAL_LOG", "trace")
        .env("WAXSEAL_LOG_FORMAT", format)
        .env("RUST_BACKTRACE", "full")
        .stderr(Stdio::from(std::fs::File::create(&err).unwrap()));
    let mut serving = Serving::start_into(&mut command, &out);
    let tokens = Tokens {
        admin: crate::support::binary::first_token(&setup.data_dir()),
        builder: create_token(&setup, "builder", &["--reveal"]),
        runtime: create_token(&setup, "runtime", &[]),
        viewer: create_token(&setup, "viewer", &[]),
        auditor: create_token(&setup, "auditor", &[]),
        keyholder: create_token(&setup, "keyholder", &[]),
    };
    let mut needles = needles(&tokens);
    let mut battery = Battery::new(&serving, &tokens).await;
    battery.succeed().await;
    methods::succeed(&serving, &tokens, &mut needles).await;
    battery.fail().await;
    fields::everywhere(&serving, &tokens, &mut battery).await;
    assert!(battery.refusals.len() > 300, "{} refusals", battery.refusals.len());
    refusals_are_clean(&battery, &needles);
    drop(battery);
    let metrics = metrics(&serving);
    needles.absent_from("the metrics", metrics.as_bytes(), &["RevealSecretValue"]);
    trail::is_clean(&serving, &tokens.auditor, &checkpoints, &needles, async || {
        let database = setup.database();
        database.busy_timeout(Duration::from_secs(30)).unwrap();
        database.execute_batch(trail::DOCTOR).unwrap();
    })
    .await;

    // While the write-ahead log is there, and again when all is written and closed.
    data_is_clean(&setup.data_dir(), &needles);
    assert!(setup.data_dir().join("waxseal.db-wal").metadata().unwrap().len() > 0);
    serving.terminate();
    assert!(serving.child.wait().unwrap().success());
    data_is_clean(&setup.data_dir(), &needles);
    for stream in [&out, &err] {
        let told = std::fs::read(stream).unwrap();
        needles.absent_from(&stream.display().to_string(), &told, &["waxseal"]);
    }
    // Everything is sent when the server has stopped.
    let traces = collector.requests();
    assert!(collector.spans().len() > 300, "{} spans", collector.spans().len());
    let there = ["waxseal.v1.SecretService/RevealSecretValue"];
    needles.absent_from("the traces", format!("{traces:?}").as_bytes(), &there);
    let sent: Vec<u8> = traces.iter().flat_map(|request| request.encode_to_vec()).collect();
    needles.absent_from("the traces", &sent, &there);
    let log = std::fs::read_to_string(&err).unwrap();
    assert!(log.contains("TRACE"), "the log was not at its most talkative");
    assert_eq!(log.lines().all(|line| line.starts_with('{')), format == "json");
}

pub fn metrics(serving: &Serving) -> String {
    let line = serving.printed.lines().find_map(|l| l.strip_prefix("waxseal: metrics on http://"));
    let metrics = get(line.unwrap().strip_suffix("/metrics").unwrap(), "/metrics");
    assert!(metrics.body.contains("rpc_server_call_duration_seconds_count"));
    metrics.body
}

/// Every canary and every token.
pub fn needles(tokens: &Tokens) -> Needles {
    let mut needles = Needles::default();
    needles.value("the text", TEXT.as_bytes());
    needles.value("the plain text", PLAIN.as_bytes());
    needles.value("the bytes", BYTES);
    for token in tokens.all() {
        needles.token(token);
    }
    needles
}

/// Nothing is in what callers were told.
pub fn refusals_are_clean(battery: &Battery, needles: &Needles) {
    for (call, status) in &battery.refusals {
        let told = format!("{status:?}\n{status}\n{}", latin1(status.details()));
        assert_eq!(needles.found_in(&told), [""; 0], "in the refusal of {call}");
        for entry in status.metadata().iter() {
            let told = format!("{entry:?}");
            assert_eq!(needles.found_in(&told), [""; 0], "in the metadata of {call}");
        }
    }
}

fn data_is_clean(dir: &Path, needles: &Needles) {
    let mut looked_at = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "keys.json" || name.ends_with(".token") || name.ends_with(".sock") {
            continue;
        }
        let told = latin1(&std::fs::read(&path).unwrap());
        assert_eq!(needles.found_in(&told), [""; 0], "in {name}");
        looked_at += told.len();
    }
    assert!(looked_at > 50_000, "{looked_at} bytes of data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_and_no_token_is_in_the_text_log_the_data_or_a_refusal() {
    nothing_is_seen("text").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_and_no_token_is_in_the_json_log_the_data_or_a_refusal() {
    nothing_is_seen("json").await;
}
