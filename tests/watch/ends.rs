//! What ends a stream, and what the end says.

use super::{demo, next, watch};
use crate::support::raw::{path, plain};
use crate::support::refusal::read;
use crate::support::{Client, Server, Setup, default_slot};
use prost::Message as _;
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// Reads to the end, and gives its code, its reason, and the revision to go on from.
async fn end(views: &mut super::Views) -> (Code, String, String) {
    let status = loop {
        if let Err(status) = next(views).await {
            break status;
        }
    };
    let refusal = read(&status);
    let revision = refusal.metadata.get("revision").cloned().unwrap_or_default();
    (status.code(), refusal.reason, revision)
}

#[tokio::test]
async fn its_greatest_age() {
    let mut setup = Setup::new();
    setup.config.watch_max_age = Duration::from_secs(1);
    let server = setup.start().await;
    server.make_demo().await;
    let runtime = server.runtime().await;
    let began = Instant::now();
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    let held = next(&mut views).await.unwrap().revision;
    let (code, reason, revision) = end(&mut views).await;
    assert_eq!((code, reason.as_str()), (Code::Unavailable, "STREAM_EXPIRED"));
    assert_eq!(revision, held);
    assert!(began.elapsed() > Duration::from_millis(850), "{:?}", began.elapsed());
    let mut views = watch(&runtime, Stage::Live, &revision).await.unwrap();
    assert!(next(&mut views).await.unwrap().not_modified);
}

#[tokio::test]
async fn a_stopping_server() {
    let (server, _builder, runtime) = demo().await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    let held = next(&mut views).await.unwrap().revision;
    let began = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let (code, reason, revision) = end(&mut views).await;
    assert_eq!((code, reason.as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(revision, held);
    let setup = stopping.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "an open stream holds up no stop");
    let server = setup.start().await;
    let runtime = server.runtime().await;
    let mut views = watch(&runtime, Stage::Live, &revision).await.unwrap();
    assert!(next(&mut views).await.unwrap().not_modified, "taken up after a restart");
}

#[tokio::test]
async fn a_token_that_expires() {
    let (server, _builder, _runtime) = demo().await;
    let token =
        server.token_for(Role::Runtime, false, "deployment", Duration::from_secs(3_600)).await;
    let runtime = Client::connect(&server.address, &token).await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    next(&mut views).await.unwrap();
    server.pass(Duration::from_secs(3_601));
    let (code, reason, _) = end(&mut views).await;
    assert_eq!((code, reason.as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
}

#[tokio::test]
async fn a_project_or_an_environment_that_is_deleted() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/staging".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let mut staging =
        runtime.runtime.clone().watch_environment(request).await.unwrap().into_inner();
    next(&mut staging).await.unwrap();
    let mut main = watch(&runtime, Stage::Live, "").await.unwrap();
    next(&mut main).await.unwrap();
    admin.delete_environment("demo", "staging", false).await.unwrap();
    let (code, reason, _) = end(&mut staging).await;
    assert_eq!((code, reason.as_str()), (Code::NotFound, "ENVIRONMENT_NOT_FOUND"));
    let name = "projects/demo".to_owned();
    let delete = v1::DeleteProjectRequest { name, ..Default::default() };
    admin.projects.clone().delete_project(delete).await.unwrap();
    let (code, reason, _) = end(&mut main).await;
    assert_eq!((code, reason.as_str()), (Code::NotFound, "PROJECT_NOT_FOUND"));
}

#[tokio::test]
async fn what_is_wrong_from_the_start_is_no_stream() {
    let (_server, builder, runtime) = demo().await;
    let refused = watch(&builder, Stage::Live, "").await.unwrap_err();
    read(&refused).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let refused = watch(&runtime, Stage::Live, "x").await.unwrap_err();
    read(&refused).is(Code::InvalidArgument, "INVALID_REVISION");
    let refused = watch(&runtime, Stage::Unspecified, "").await.unwrap_err();
    read(&refused).is(Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn a_reader_that_takes_nothing() {
    is_cut_off(false).await;
}

#[tokio::test]
async fn a_reader_that_takes_a_few_bytes_a_second() {
    is_cut_off(true).await;
}

/// A reader that gets on too slowly, or not at all, is told so when it reads on.
async fn is_cut_off(trickles: bool) {
    let (server, builder, _runtime) = demo().await;
    // More than the windows of a connection hold.
    let large = "x".repeat(65_536);
    for secret in 0..8 {
        let name = format!("LARGE_{secret}");
        builder.create_secret("demo", &name, Visibility::Masked, Some(&large)).await.unwrap();
    }
    let token = server.token(Role::Runtime, false, "deployment").await;
    let mut unread = Unread::watch(&server.address, &token).await;
    let changing = async {
        for change in 0.. {
            builder.set("demo", "KEY", default_slot(), &format!("{change:08}")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let cut_off = tokio::select! {
        () = changing => unreachable!(),
        () = unread.idle_for(Duration::from_secs(14), trickles) => unread.read_to_the_end().await,
    };
    let refusal = read(&cut_off);
    refusal.is(Code::Aborted, "SLOW_CONSUMER");
    assert!(refusal.metadata.contains_key("revision"));
}

/// A stream whose flow-control window nobody gives back.
struct Unread {
    body: h2::RecvStream,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Unread {
    async fn watch(address: &str, token: &str) -> Self {
        let request = v1::WatchEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            ..Default::default()
        };
        let message = request.encode_to_vec();
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(&message);
        let host = address.trim_start_matches("http://");
        let stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::post(format!("{address}{}", path("WatchEnvironment")))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {token}"));
        let (response, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        body.send_data(framed.into(), true).unwrap();
        Self { body: response.await.unwrap().into_body(), connection }
    }

    /// Reads nothing for so long, or a few bytes a second.
    async fn idle_for(&mut self, time: Duration, trickles: bool) {
        let end = tokio::time::sleep(time);
        if !trickles {
            return end.await;
        }
        let trickle = async {
            let mut taken = self.body.data().await.unwrap().unwrap().len();
            while taken > 0 {
                self.body.flow_control().release_capacity(1).unwrap();
                taken -= 1;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            () = end => {}
            () = trickle => {}
        }
    }

    async fn read_to_the_end(mut self) -> tonic::Status {
        while let Some(data) = self.body.data().await {
            let data = data.unwrap();
            self.body.flow_control().release_capacity(data.len()).unwrap();
        }
        let trailers = self.body.trailers().await.unwrap().unwrap();
        self.connection.abort();
        tonic::Status::from_header_map(&trailers).unwrap()
    }
}

#[tokio::test]
async fn a_watch_without_credentials_is_refused() {
    let server = Server::with_demo().await;
    let refused = plain(&server.address, path("WatchEnvironment"), &[], vec![0; 5]).await;
    read(&refused).is(Code::Unauthenticated, "CREDENTIALS_MISSING");
}
