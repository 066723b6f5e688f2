//! Which collector traces go to.

use super::Told;
use crate::support::binary::command;
use crate::support::collector::Collector;
use crate::support::tls::Authority;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that traces every call, and sends it at once.
fn tracing(settings: impl FnOnce(&mut Command)) -> Told {
    Told::start(|command| {
        command.args(["--trace-ratio", "1"]).env("OTEL_BSP_SCHEDULE_DELAY", "20");
        settings(command);
    })
}

fn stop(mut told: Told) {
    told.serving.terminate();
    assert!(told.serving.child.wait().unwrap().success());
}

/// Does things that are traced until the collector has something of it, and stops.
async fn trace(collector: &Collector, settings: impl FnOnce(&mut Command)) {
    let told = tracing(settings);
    let (admin, begun) = (told.admin_client().await, Instant::now());
    let before = collector.requests().len();
    for count in 0.. {
        admin.create_project(&format!("traced-{count}")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        if collector.requests().len() > before {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the collector got nothing");
    }
    stop(told);
}

/// The names of the services that something was sent of.
fn services(collector: &Collector) -> BTreeSet<String> {
    let resources = collector.requests().into_iter().flat_map(|request| request.resource_spans);
    let attributes = resources.flat_map(|spans| spans.resource.unwrap().attributes);
    let names = attributes.filter(|attribute| attribute.key == "service.name");
    names.map(|name| format!("{:?}", name.value.unwrap().value.unwrap())).collect()
}

fn service(name: &str) -> BTreeSet<String> {
    [format!("StringValue({name:?})")].into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_variables_of_opentelemetry_count_where_ours_are_not_set() {
    let (general, all) = Collector::start();
    trace(&general, |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all).env("OTEL_SERVICE_NAME", "secrets");
    })
    .await;
    assert_eq!(services(&general), service("secrets"));

    let ((special, traces), before) = (Collector::start(), general.requests().len());
    trace(&special, |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces);
    })
    .await;
    assert_eq!(services(&special), service("waxseal"));

    let ((ours, own), special_before) = (Collector::start(), special.requests().len());
    trace(&ours, |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all).env("WAXSEAL_OTLP_ENDPOINT", &own);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces);
    })
    .await;
    assert_eq!(services(&ours), service("waxseal"));
    assert_eq!((general.requests().len(), special.requests().len()), (before, special_before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_by_tls_is_believed_by_its_authority() {
    let (good, other) = (Authority::new("collectors"), Authority::new("others"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, good.pem()).unwrap();
    // The last one is where those of the system are.
    for variable in ["WAXSEAL_OTLP_CA", "OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"] {
        let (collector, address) = Collector::start_tls(&good.server());
        trace(&collector, |command| {
            command.args(["--otlp-endpoint", &address]).env(variable, &file);
        })
        .await;
        assert_eq!(services(&collector), service("waxseal"), "{variable}");
    }

    let (stranger, address) = Collector::start_tls(&other.server());
    let told = tracing(|command| {
        command.args(["--otlp-endpoint", &address]).env("WAXSEAL_OTLP_CA", &file);
    });
    told.admin_client().await.create_project("traced").await.unwrap();
    // What was not sent yet is tried once more at the end.
    stop(told);
    assert!(stranger.requests().is_empty());
}

#[test]
fn a_collector_that_cannot_be_spoken_to_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, value: &str, more: &[&str]| {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(dir.path().join("data")).args(more).env(name, value);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    for wrong in ["http://127.0.0.1:4318/v1/traces", "http://u:p@127.0.0.1", "collector:4317"] {
        let (code, said) = refused(name, wrong, &[]);
        assert!(code == Some(2) && said.contains(name) && !said.contains(wrong), "{said}");
    }
    let junk = dir.path().join("junk");
    std::fs::write(&junk, "junk").unwrap();
    for file in [dir.path().join("absent"), junk] {
        let file = file.to_str().unwrap();
        let (code, said) =
            refused("WAXSEAL_OTLP_CA", file, &["--otlp-endpoint", "https://127.0.0.1:1"]);
        assert!(code == Some(1) && said.contains(file), "{said}");
    }
}
