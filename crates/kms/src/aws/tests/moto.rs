//! Against an emulator that others wrote: the protocol is as AWS has it, not only as the fake does.

use super::*;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};

/// It keeps no states of keys, so nothing is disabled here.
struct Emulated {
    endpoint: String,
    first: Aws,
    second: OnceLock<Aws>,
}

#[async_trait::async_trait]
impl Subject for Emulated {
    fn provider(&self) -> &dyn KeyProvider {
        self.second.get().unwrap_or(&self.first)
    }
    async fn rotate(&self) {
        let key = create_key(&self.endpoint).await;
        let also = vec![self.first.active_key_id()];
        let settings = AwsSettings { also, ..settings(&self.endpoint, &key) };
        assert!(self.second.set(Aws::open(settings, deployment())).is_ok());
    }
    async fn disable(&self, _key_id: &str) {
        panic!("the emulator has no states of keys");
    }
    /// A key's id in clear; where it names no key, the emulator says that access is denied.
    fn spared(&self) -> usize {
        36
    }
}

fn settings(endpoint: &str, key: &str) -> AwsSettings {
    AwsSettings {
        endpoint: Some(endpoint.to_owned()),
        region: Some("eu-central-1".to_owned()),
        credentials: Some(("test".to_owned(), "test".to_owned())),
        operation_timeout: 10 * SECOND,
        attempt_timeout: 5 * SECOND,
        ..AwsSettings::new(key)
    }
}

fn client(endpoint: &str) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .build();
    aws_sdk_kms::Client::from_conf(config)
}

/// Gives its ARN.
async fn create_key(endpoint: &str) -> String {
    let made = client(endpoint).create_key().send().await.unwrap();
    made.key_metadata.unwrap().arn.unwrap()
}

#[allow(clippy::disallowed_methods, reason = "where the emulator is, the environment says")]
fn endpoint() -> String {
    std::env::var("TEST_KMS").expect("run tests/run, or set TEST_KMS to where moto listens")
}

#[tokio::test]
async fn it_keeps_the_contract_with_an_emulator() {
    let endpoint = endpoint();
    wrapping(&async || {
        let key = create_key(&endpoint).await;
        let first = Aws::open(settings(&endpoint, &key), deployment());
        Emulated { endpoint: endpoint.clone(), first, second: OnceLock::new() }
    })
    .await;
}

#[tokio::test]
async fn an_emulators_aliases_are_resolved() {
    let endpoint = endpoint();
    let (first, second) = (create_key(&endpoint).await, create_key(&endpoint).await);
    let unique = |arn: &str| format!("alias/{}", arn.rsplit('/').next().unwrap());
    for arn in [&first, &second] {
        let alias = client(&endpoint).create_alias().alias_name(unique(arn)).target_key_id(arn);
        alias.send().await.unwrap();
    }
    let aws = Aws::open(settings(&endpoint, &unique(&first)), deployment());
    let (key, wrapped) = aws.generate(&context()).await.unwrap();
    assert_eq!((wrapped.key_id.as_str(), aws.active_key_id()), (first.as_str(), first.clone()));
    let also = vec![unique(&first)];
    let aws =
        Aws::open(AwsSettings { also, ..settings(&endpoint, &unique(&second)) }, deployment());
    assert_eq!(aws.unwrap(&wrapped, &context()).await.unwrap().expose(), key.expose());
}
