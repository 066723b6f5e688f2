//! Traces, as a collector gets them.

use super::Told;
use crate::support::binary::first_token;
use crate::support::collector::Collector;
use crate::support::raw::{Raw, bearer, path};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use std::collections::BTreeSet;
use waxseal_proto::v1::{self, Stage, Visibility};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The server's spans, once it has stopped and so sent everything.
fn stopped(mut told: Told, collector: &Collector) -> Vec<Span> {
    told.serving.terminate();
    assert!(told.serving.child.wait().unwrap().success());
    collector.spans()
}

fn start(collector: &str, ratio: &str) -> Told {
    Told::start(|command| {
        command.args(["--otlp-endpoint", collector, "--trace-ratio", ratio]);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_caller_samples_has_spans_and_no_other_does() {
    let (collector, address) = Collector::start();
    let told = start(&address, "0");
    let token = first_token(&told.setup.data_dir());
    let runtime = crate::canary::create_token(&told.setup, "runtime", &[]);
    let raw = Raw::connect(&told.serving.url()).await;
    let call = async |method: &str, token: &str, flags: &str, message: Vec<u8>| {
        let mut metadata = bearer(token);
        let parent = format!("00-{TRACE}-{PARENT}-{flags}");
        metadata.insert("traceparent", parent.parse().unwrap());
        raw.send(path(method), metadata, message).await
    };
    let create = |id: &str| {
        let project_id = id.to_owned();
        v1::CreateProjectRequest { project_id, ..Default::default() }.encode_to_vec()
    };
    call("CreateProject", &token, "00", create("unseen")).await.unwrap();
    call("CreateProject", &token, "01", create("seen")).await.unwrap();
    let resolve = v1::ResolveEnvironmentRequest {
        name: "projects/seen/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    call("ResolveEnvironment", &runtime, "01", resolve.encode_to_vec()).await.unwrap();
    call("CreateProject", &runtime, "01", create("refused")).await.unwrap_err();

    let spans = stopped(told, &collector);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:#?}");
    let servers: Vec<_> = spans.iter().filter(|span| span.kind() == SpanKind::Server).collect();
    let names: Vec<_> = servers.iter().map(|span| &*span.name).collect();
    let create = "waxseal.v1.ProjectService/CreateProject";
    assert_eq!(names, [create, "waxseal.v1.RuntimeService/ResolveEnvironment", create]);
    assert!(servers.iter().all(|span| hex(&span.parent_span_id) == PARENT));
    let status = |span: &Span| {
        let code = span.attributes.iter().find(|a| a.key == "rpc.grpc.status_code").unwrap();
        format!("{:?}", code.value.as_ref().unwrap().value)
    };
    for (span, code) in servers.iter().zip([0, 0, 7]) {
        assert_eq!(status(span), format!("Some(IntValue({code}))"));
    }
    let steps = |server: &Span| -> BTreeSet<String> {
        let of = spans.iter().filter(|span| span.parent_span_id == server.span_id);
        of.map(|span| span.name.clone()).collect()
    };
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(steps(servers[0]), known(&["key generate", "store begin", "store commit"]));
    assert!(steps(servers[1]).is_superset(&known(&["store head", "store view rows"])));
    assert_eq!(steps(servers[2]), BTreeSet::new(), "refused before anything was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_ratio_every_call_can_be_traced_and_spans_tell_no_name() {
    let (collector, address) = Collector::start();
    let told = start(&address, "1");
    let (admin, builder) = (told.admin_client().await, told.client("builder", &[]).await);
    admin.create_project("telling-name").await.unwrap();
    let made =
        builder.create_secret("telling-name", "TELLING", Visibility::Masked, Some("telling"));
    made.await.unwrap();
    let raw = Raw::connect(&told.serving.url()).await;
    raw.send("/telling.v1.Path/Method", bearer("telling"), Vec::new()).await.unwrap_err();
    let spans = stopped(told, &collector);
    let servers = spans.iter().filter(|span| span.kind() == SpanKind::Server);
    let names: Vec<_> = servers.map(|span| &*span.name).collect();
    assert_eq!(
        names,
        [
            "waxseal.v1.AccessService/Initialize",
            "waxseal.v1.ProjectService/CreateProject",
            "waxseal.v1.SecretService/CreateSecret",
            "_OTHER"
        ]
    );
    let known = ["rpc.system", "rpc.service", "rpc.method", "rpc.grpc.status_code"];
    for span in &spans {
        for attribute in &span.attributes {
            assert!(known.contains(&&*attribute.key), "{}", attribute.key);
        }
        assert!(span.events.is_empty() && span.links.is_empty());
    }
    let told = format!("{:?}", collector.requests()).to_lowercase();
    assert!(!told.contains("telling") && !told.contains("token:"), "{told}");
}

/// A collector that is not there costs the traces and nothing else; a stop does not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nothing_up() {
    // Takes connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut told = start(&format!("http://{}", silent.local_addr().unwrap()), "1");
    let admin = told.admin_client().await;
    for number in 0..50 {
        admin.create_project(&format!("project-{number}")).await.unwrap();
    }
    told.serving.terminate();
    let begun = std::time::Instant::now();
    assert!(told.serving.child.wait().unwrap().success());
    // The bound of a stop, which holds with a busy machine as well.
    assert!(begun.elapsed().as_secs() < 30);
}
