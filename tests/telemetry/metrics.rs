//! Metrics, scraped from the real binary.

use super::Told;
use crate::support::raw::Raw;
use std::collections::{BTreeMap, BTreeSet};
use tonic::Code;
use tonic::metadata::MetadataMap;
use waxseal_proto::v1::{Stage, Visibility};

/// The samples of a scrape, by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The names that a scrape can have, by their type: a counter's sample ends in `_total`, and a
/// histogram has three kinds of them.
fn exported(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .flat_map(|(name, kind)| {
            let suffixes: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

/// The series of one method and status.
fn count(samples: &BTreeMap<String, f64>, method: &str, status: &str) -> f64 {
    let series = format!(
        "rpc_server_call_duration_seconds_count{{rpc_method=\"{method}\",\
         rpc_response_status_code=\"{status}\"}}"
    );
    samples.get(&series).copied().unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_counted_by_method_and_status() {
    let told = Told::start(|_| {});
    let before = samples(&told.metrics());
    let (admin, builder) = (told.admin_client().await, told.client("builder", &["--reveal"]).await);
    let runtime = told.client("runtime", &[]).await;
    admin.create_project("demo").await.unwrap();
    let made = builder.create_secret("demo", "KEY", Visibility::Masked, Some("value"));
    made.await.unwrap();
    for _ in 0..5 {
        runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    }
    let gone = runtime.resolve("demo", "none", Stage::Live).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    runtime.create_project("mine").await.unwrap_err();
    let raw = Raw::connect(&told.serving.url()).await;
    for path in ["/waxseal.v1.RuntimeService/Nothing", "/a/b", "/"] {
        raw.send(path, MetadataMap::new(), Vec::new()).await.unwrap_err();
    }

    let after = samples(&told.metrics());
    let service = |service: &str, method: &str| format!("waxseal.v1.{service}Service/{method}");
    let resolve = service("Runtime", "ResolveEnvironment");
    for (method, status, calls) in [
        (&*service("Project", "CreateProject"), "OK", 1.0),
        (&service("Project", "CreateProject"), "PERMISSION_DENIED", 1.0),
        (&service("Secret", "CreateSecret"), "OK", 1.0),
        (&resolve, "OK", 5.0),
        (&resolve, "NOT_FOUND", 1.0),
        ("_OTHER", "UNIMPLEMENTED", 3.0),
    ] {
        assert_eq!(count(&after, method, status), calls, "{method} {status}");
    }
    let rose = |name: &str| after[name] - before[name];
    assert!(rose("waxseal_received_bytes_total") > 100.0);
    assert!(rose("waxseal_sent_bytes_total") > 100.0);
    assert!(rose("waxseal_view_cache_hits_total") >= 4.0);
    assert!(rose("waxseal_view_cache_misses_total") >= 1.0);
    let made = "waxseal_key_calls_total{operation=\"generate\",outcome=\"ok\"}";
    assert!(rose(made) >= 2.0, "the project's keys and the value's");
    assert_eq!(after["waxseal_ready"], 1.0);
    assert!(after["waxseal_connections_open"] >= 4.0);
    assert!(after["waxseal_head_age_seconds"] < 30.0);
    let total: f64 = after
        .iter()
        .filter(|(series, _)| series.starts_with("rpc_server_call_duration_seconds_count"))
        .map(|(_, count)| count)
        .sum();
    let series = "rpc_server_call_duration_seconds_bucket{le=\"+Inf\"";
    let buckets: f64 =
        after.iter().filter(|(name, _)| name.starts_with(series)).map(|(_, count)| count).sum();
    assert_eq!(total, buckets);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_is_counted_and_its_age_told() {
    // Signed once, at the start.
    let told = Told::start(|command| {
        command.args(["--audit-checkpoint-interval", "1h"]);
    });
    let (admin, runtime) = (told.admin_client().await, told.client("runtime", &[]).await);
    admin.create_project("demo").await.unwrap();
    let before = samples(&told.metrics());
    assert_eq!(before["waxseal_audit_failures_total"], 0.0);
    assert_eq!(before["waxseal_audit_denials_dropped_total"], 0.0);
    runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    let after = samples(&told.metrics());
    for name in ["waxseal_audit_commits_total", "waxseal_audit_rows_total"] {
        assert_eq!(after[name] - before[name], 1.0, "{name}: a disclosure");
    }
    let unsealed = "waxseal_audit_unsealed_seconds";
    let begun = std::time::Instant::now();
    while samples(&told.metrics())[unsealed] <= after[unsealed] {
        assert!(begun.elapsed().as_secs() < 20, "it grows while nothing is signed");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// No name that a caller chose, and no principal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_of_a_caller_is_a_label() {
    let told = Told::start(|_| {});
    let admin = told.admin_client().await;
    admin.create_project("telling-name").await.unwrap();
    admin.create_environment("telling-name", "telling-place").await.unwrap();
    let raw = Raw::connect(&told.serving.url()).await;
    raw.send("/telling.v1.Path/Method", MetadataMap::new(), Vec::new()).await.unwrap_err();
    let metrics = told.metrics();
    assert!(!metrics.to_lowercase().contains("telling"), "{metrics}");
    assert!(!metrics.contains("token:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_what_is_under_way_are_gauges() {
    let told = Told::start(|_| {});
    let (admin, runtime) = (told.admin_client().await, told.client("runtime", &[]).await);
    admin.create_project("demo").await.unwrap();
    let request = waxseal_proto::v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let mut stream = runtime.runtime.clone().watch_environment(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let open = samples(&told.metrics());
    assert_eq!(open["waxseal_streams_open"], 1.0);
    assert_eq!(open["waxseal_calls_in_flight"], 1.0);
    drop(stream);
    let begun = std::time::Instant::now();
    loop {
        let now = samples(&told.metrics());
        let watch = "waxseal.v1.RuntimeService/WatchEnvironment";
        if now["waxseal_streams_open"] == 0.0 && now["waxseal_calls_in_flight"] == 0.0 {
            assert_eq!(count(&now, watch, "CANCELLED"), 1.0, "its caller went away");
            break;
        }
        assert!(begun.elapsed().as_secs() < 20, "{now:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The words of a text that name metrics.
fn named(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c| !word(c))
        .filter(|word| word.starts_with("waxseal_") || word.starts_with("rpc_server_"))
        .map(str::to_owned)
        .collect()
}

/// The table in the README says all there is, and no more; dashboard and alerts use nothing else.
#[tokio::test]
async fn documents_name_the_metrics_there_are() {
    let told = Told::start(|_| {});
    let exported = exported(&told.metrics());
    assert!(exported.len() > 20, "{exported:?}");
    let read = |name: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(root.join(name)).unwrap()
    };
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## Observability\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let table: BTreeSet<_> = rows.flat_map(|row| named(row.split('|').nth(1).unwrap())).collect();
    // A histogram is one row.
    let whole = |name: &String| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    assert_eq!(table, exported.iter().map(whole).collect());

    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/grafana/waxseal.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let names = named(expression);
            assert!(!names.is_empty(), "{expression}");
            asked.extend(names);
        }
    }
    assert!(panels.len() > 5 && asked.len() > 10, "{asked:?}");
    let rules = read("deploy/prometheus/rules.yml");
    let expressions: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), rules.matches("- alert: ").count());
    for expression in expressions {
        let names = named(expression);
        assert!(!names.is_empty(), "{expression}");
        asked.extend(names);
    }
    let unknown: Vec<_> = asked.difference(&exported).collect();
    assert!(unknown.is_empty(), "{unknown:?} of dashboard and rules are not exported");
}
