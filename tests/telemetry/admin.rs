//! The admin port.

use super::{Told, ask, get};
use crate::support::binary::{Serving, command};
use crate::support::client::channel;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test]
async fn only_three_paths_are_served_and_only_by_get() {
    let told = Told::start(|_| {});
    assert_eq!(get(&told.admin, "/healthz").body, "alive\n");
    let ready = get(&told.admin, "/readyz");
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));
    let metrics = get(&told.admin, "/metrics?x=1");
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(metrics.body.ends_with("# EOF\n"));

    for path in ["/", "/metrics/", "/debug/pprof", "/METRICS", "//metrics", "/healthz/../metrics"] {
        assert_eq!(get(&told.admin, path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n");
            let refused = ask(&told.admin, &request);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert!(refused.head.contains("allow: GET"));
        }
    }
    let body = "GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(ask(&told.admin, body).status, 400);
    let long = format!("GET /metrics HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    assert_eq!(ask(&told.admin, &long).status, 431);
}

#[tokio::test]
async fn nothing_is_served_there_unless_it_is_asked_for() {
    let setup = crate::support::Setup::sqlite();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(setup.data_dir())
        .stderr(Stdio::null());
    let serving = Serving::start(&mut command);
    assert!(!serving.printed.contains("metrics on"), "{}", serving.printed);
}

/// The engines are away, so that there is no server yet; a probe for life must not restart what
/// waits for them.
#[tokio::test]
async fn a_process_that_waits_for_its_engines_is_alive_and_not_ready() {
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let database = format!("postgres://u:p@{closed}/d?sslmode=disable");
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .env("WAXSEAL_DATABASE_URL", database)
        .env("WAXSEAL_KMS_KEY", "alias/none")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("waxseal: metrics on http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    assert_eq!(get(address, "/healthz").status, 200);
    assert_eq!(get(address, "/readyz").status, 503);
    assert_eq!(get(address, "/metrics").status, 503);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn health_over_grpc_tells_life_from_readiness() {
    let told = Told::start(|_| {});
    let mut health = HealthClient::new(channel(&told.serving.url()).await);
    for service in ["", "liveness"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let said = health.check(request).await.unwrap().into_inner();
        assert_eq!(said.status(), ServingStatus::Serving, "{service:?}");
    }
}
