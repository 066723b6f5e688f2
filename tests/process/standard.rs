//! Health and reflection, which need no credentials on this machine.

use super::serve;
use crate::support::Setup;
use crate::support::binary::Serving;
use crate::support::client::channel;
use crate::support::raw::methods;
use std::collections::BTreeSet;
use tonic::{Code, Request};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

pub fn check(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

fn services() -> BTreeSet<String> {
    methods().into_iter().map(|(service, _)| service).collect()
}

#[tokio::test]
async fn health_is_serving_for_the_whole_and_for_each_service_until_a_stop() {
    let setup = Setup::sqlite();
    let mut serving = Serving::start(&mut serve(&setup));
    let mut health = HealthClient::new(channel(&serving.url()).await);
    let mut names: Vec<_> = services().into_iter().collect();
    assert!(names.len() >= 4, "{names:?}");
    names.push(String::new());
    let mut watches = Vec::new();
    for name in &names {
        let answer = health.check(check(name)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
        let mut watch = health.watch(check(name)).await.unwrap().into_inner();
        let first = watch.message().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::Serving, "{name}");
        watches.push((name, watch));
    }
    assert_eq!(health.check(check("never")).await.unwrap_err().code(), Code::NotFound);

    serving.terminate();
    for (name, mut watch) in watches {
        let next: HealthCheckResponse = watch.message().await.unwrap().unwrap();
        assert_eq!(next.status(), ServingStatus::NotServing, "{name}");
    }
    super::ends_well(&mut serving, std::time::Duration::from_secs(30));
}

/// Asks one version of reflection for the services and for the file of each.
macro_rules! reflects {
    ($name:ident, $version:ident) => {
        #[tokio::test]
        async fn $name() {
            use pb::server_reflection_client::ServerReflectionClient;
            use pb::server_reflection_request::MessageRequest;
            use pb::server_reflection_response::MessageResponse;
            use tonic_reflection::pb::$version as pb;

            let serving = Serving::start(&mut serve(&Setup::sqlite()));
            let mut reflection = ServerReflectionClient::new(channel(&serving.url()).await);
            let mut ask = async |message| {
                let host = String::new();
                let request = pb::ServerReflectionRequest { host, message_request: Some(message) };
                let asked = Request::new(futures::stream::iter([request]));
                let mut answers =
                    reflection.server_reflection_info(asked).await.unwrap().into_inner();
                answers.message().await.unwrap().unwrap().message_response.unwrap()
            };
            let listed = ask(MessageRequest::ListServices(String::new())).await;
            let MessageResponse::ListServicesResponse(listed) = listed else {
                panic!("{listed:?}")
            };
            let listed: BTreeSet<_> =
                listed.service.into_iter().map(|service| service.name).collect();
            assert!(services().is_subset(&listed), "{listed:?}");
            assert!(listed.contains("grpc.health.v1.Health"), "{listed:?}");
            for service in services() {
                let answer = ask(MessageRequest::FileContainingSymbol(service.clone())).await;
                let MessageResponse::FileDescriptorResponse(files) = answer else {
                    panic!("{service}: {answer:?}")
                };
                assert!(!files.file_descriptor_proto.is_empty());
            }
            // So that clients can read the details of errors.
            let details = ask(MessageRequest::FileContainingSymbol("google.rpc.ErrorInfo".into()));
            assert!(matches!(details.await, MessageResponse::FileDescriptorResponse(_)));
        }
    };
}

reflects!(reflection_v1_tells_of_every_service, v1);
reflects!(reflection_v1alpha_tells_of_every_service, v1alpha);
