//! Which collector traces go to.

use super::Told;
use crate::support::binary::command;
use crate::support::collector::Collector;
use crate::support::tls::{Authority, Leaf};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Does something that is traced, and stops.
async fn trace(settings: impl FnOnce(&mut Command)) {
    let mut told = Told::start(|command| {
        command.args(["--trace-ratio", "1"]);
        settings(command);
    });
    told.admin_client().await.create_project("traced").await.unwrap();
    told.serving.terminate();
    assert!(told.serving.child.wait().unwrap().success());
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
    trace(|command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all).env("OTEL_SERVICE_NAME", "secrets");
    })
    .await;
    assert_eq!(services(&general), service("secrets"));

    let ((special, traces), before) = (Collector::start(), general.requests().len());
    trace(|command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces);
    })
    .await;
    assert_eq!(services(&special), service("waxseal"));

    let ((ours, own), special_before) = (Collector::start(), special.requests().len());
    trace(|command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &all).env("WAXSEAL_OTLP_ENDPOINT", &own);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces);
    })
    .await;
    assert_eq!(services(&ours), service("waxseal"));
    assert_eq!((general.requests().len(), special.requests().len()), (before, special_before));
}

/// What a collector with this certificate gets of a server that believes these authorities.
async fn by_tls(leaf: &Leaf, variable: &str, authorities: &Path) -> usize {
    let (collector, address) = Collector::start_tls(leaf);
    trace(|command| {
        command.args(["--otlp-endpoint", &address]).env(variable, authorities);
    })
    .await;
    collector.spans().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_by_tls_is_believed_by_its_authority() {
    let (good, other) = (Authority::new("collectors"), Authority::new("others"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, good.pem()).unwrap();
    // The last one is where those of the system are.
    for variable in ["WAXSEAL_OTLP_CA", "OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"] {
        assert!(by_tls(&good.server(), variable, &file).await > 0, "{variable}");
    }
    assert_eq!(by_tls(&other.server(), "WAXSEAL_OTLP_CA", &file).await, 0);
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
