use super::*;
use crate::contract::{Subject, contract, wrapping};
use crate::fake::{Fake, Fault, KeyState};
use crate::{Health, Remembered, RememberedSettings};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use waxseal_domain::uid::ProjectUid;

mod faults;
mod moto;
mod policies;

const SECOND: Duration = Duration::from_secs(1);

fn deployment() -> Deployment {
    Deployment::from_bytes([1; 16])
}

fn context() -> KeyContext {
    KeyContext::integrity(deployment(), ProjectUid::from_bytes([2; 16]))
}

/// Without the probe's requests in between: it makes its first and then none for long.
fn quiet(fake: &Fake, key: &str) -> AwsSettings {
    let long = Duration::from_secs(60 * 60);
    let settings = fake.settings(key, "caller");
    AwsSettings { canary_interval: long, canary_interval_unhealthy: long, ..settings }
}

/// A provider whose first probe is over.
async fn opened(fake: &Fake, settings: AwsSettings) -> Aws {
    let before = fake.count("Decrypt");
    let aws = Aws::open(settings, deployment());
    until(|| fake.count("Decrypt") > before && aws.keys()[0].checked.is_some()).await;
    // The answer to that request has been heard.
    tokio::time::sleep(Duration::from_millis(20)).await;
    aws
}

async fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < 10 * SECOND, "it does not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A key with its provider.
async fn started() -> (Fake, String, Aws) {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let aws = opened(&fake, quiet(&fake, &key)).await;
    (fake, key, aws)
}

/// A rotation is another provider, with the old key as a further one.
struct Faked {
    fake: Fake,
    first: Aws,
    second: OnceLock<Aws>,
}

#[async_trait::async_trait]
impl Subject for Faked {
    fn provider(&self) -> &dyn KeyProvider {
        self.second.get().unwrap_or(&self.first)
    }
    async fn rotate(&self) {
        let key = self.fake.create_key();
        let also = vec![self.first.active_key_id()];
        let settings = AwsSettings { also, ..quiet(&self.fake, &key) };
        assert!(self.second.set(Aws::open(settings, deployment())).is_ok());
    }
    async fn disable(&self, key_id: &str) {
        self.fake.set_state(key_id, KeyState::Disabled);
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract(async || {
        let fake = Fake::start().await;
        let key = fake.create_key();
        let first = Aws::open(quiet(&fake, &key), deployment());
        Faked { fake, first, second: OnceLock::new() }
    })
    .await;
}

#[tokio::test]
async fn it_keeps_the_contract_by_alias() {
    contract(async || {
        let fake = Fake::start().await;
        fake.alias("alias/waxseal", &fake.create_key());
        let first = Aws::open(quiet(&fake, "alias/waxseal"), deployment());
        Faked { fake, first, second: OnceLock::new() }
    })
    .await;
}

#[tokio::test]
async fn every_request_names_its_keys_by_arn_and_sends_the_whole_context() {
    let (fake, key, aws) = started().await;
    let other = fake.create_key();
    let (_, old) = aws.generate(&context()).await.unwrap();
    aws.unwrap(&old, &context()).await.unwrap();
    aws.wrap(&Key::generate().unwrap(), &context()).await.unwrap();
    let also = vec![key.clone()];
    let rotated = opened(&fake, AwsSettings { also, ..quiet(&fake, &other) }).await;
    rotated.rewrap(&old, &context()).await.unwrap();

    let entries = serde_json::to_value(context().entries()).unwrap();
    let mut seen = Vec::new();
    for request in fake.requests() {
        let body = &request.body;
        if request.operation == "ReEncrypt" {
            assert_eq!(body["SourceKeyId"], key.as_str());
            assert_eq!(body["DestinationKeyId"], other.as_str());
            assert_eq!(body["SourceEncryptionContext"], entries);
            assert_eq!(body["DestinationEncryptionContext"], entries);
        } else {
            let named = body["KeyId"].as_str().unwrap();
            assert!(named == key || named == other, "{request:?}");
            if body["EncryptionContext"]["waxseal:purpose"] != "canary" {
                assert_eq!(body["EncryptionContext"], entries);
            }
        }
        seen.push(request.operation);
    }
    for operation in ["GenerateDataKey", "Decrypt", "Encrypt", "ReEncrypt"] {
        assert!(seen.iter().any(|it| it == operation), "{operation}");
    }
}

#[tokio::test]
async fn each_call_costs_one_request() {
    let (fake, key, aws) = started().await;
    let before = fake.counts();
    let (_, wrapped) = aws.generate(&context()).await.unwrap();
    aws.unwrap(&wrapped, &context()).await.unwrap();
    aws.rewrap(&wrapped, &context()).await.unwrap();
    aws.wrap(&Key::generate().unwrap(), &context()).await.unwrap();
    // What is not ours, or cannot be, costs none.
    let foreign = WrappedKey { key_id: key.replace("key/0", "key/1"), ..wrapped.clone() };
    assert!(aws.unwrap(&foreign, &context()).await.is_err());
    let long = WrappedKey { bytes: vec![1; WrappedKey::LONGEST + 1], ..wrapped };
    assert!(aws.unwrap(&long, &context()).await.is_err());
    let cost = |operation: &str| {
        fake.count(operation) - before.get(operation).copied().unwrap_or_default()
    };
    let costs = ["GenerateDataKey", "Decrypt", "ReEncrypt", "Encrypt", "DescribeKey"].map(cost);
    assert_eq!(costs, [1, 1, 1, 1, 0]);
}

#[tokio::test]
async fn with_a_memory_a_cold_read_costs_one_request_a_key_and_a_warm_one_none() {
    let (fake, _, aws) = started().await;
    let mut keys = Vec::new();
    for _ in 0..30 {
        keys.push(aws.generate(&context()).await.unwrap().1);
    }
    let remembered = Remembered::new(aws, RememberedSettings::default());
    for expected in [30, 0, 0] {
        let before: u64 = fake.counts().values().sum();
        let context = context();
        let asked = keys.iter().map(|wrapped| remembered.unwrap(wrapped, &context));
        assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
        let after: u64 = fake.counts().values().sum();
        assert_eq!(after - before, expected);
    }
}

#[tokio::test]
async fn an_alias_is_followed_once() {
    let fake = Fake::start().await;
    let (first, second) = (fake.create_key(), fake.create_key());
    fake.alias("alias/waxseal", &first);
    let aws = opened(&fake, quiet(&fake, "alias/waxseal")).await;
    assert_eq!(aws.active_key_id(), first);
    let (_, wrapped) = aws.generate(&context()).await.unwrap();
    fake.alias("alias/waxseal", &second);
    assert!(aws.unwrap(&wrapped, &context()).await.is_ok());
    assert_eq!(aws.generate(&context()).await.unwrap().1.key_id, first);
    assert_eq!(fake.count("DescribeKey"), 0);

    // After a restart the alias leads elsewhere, and the old key is no longer ours.
    let aws = opened(&fake, quiet(&fake, "alias/waxseal")).await;
    assert_eq!(aws.generate(&context()).await.unwrap().1.key_id, second);
    let unconfigured = Some(Error::Unconfigured { key_id: first.clone() });
    assert_eq!(aws.unwrap(&wrapped, &context()).await.err(), unconfigured);
    let also = vec!["alias/gone".to_owned(), first.rsplit('/').next().unwrap().to_owned()];
    let aws = opened(&fake, AwsSettings { also, ..quiet(&fake, "alias/waxseal") }).await;
    for _ in 0..3 {
        assert!(aws.unwrap(&wrapped, &context()).await.is_ok());
    }
    assert_eq!(fake.count("DescribeKey"), 2, "each name is asked for once");
}

#[tokio::test]
async fn opening_waits_for_nothing_and_a_service_that_comes_later_is_found() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    fake.fail(Fault::INTERNAL, None);
    let settings = AwsSettings {
        canary_interval_unhealthy: Duration::from_millis(20),
        breaker_pause: Duration::from_millis(20),
        max_attempts: 1,
        ..quiet(&fake, &key)
    };
    let begun = Instant::now();
    let aws = Aws::open(settings, deployment());
    assert!(begun.elapsed() < SECOND / 10);
    until(|| aws.health().now() == Health::Degraded).await;
    fake.heal();
    until(|| aws.health().now() == Health::Good).await;
    assert!(aws.generate(&context()).await.is_ok());
}

#[tokio::test]
async fn the_probe_ends_with_the_provider() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let interval = Duration::from_millis(10);
    let settings = AwsSettings { canary_interval: interval, ..quiet(&fake, &key) };
    let aws = Aws::open(settings, deployment());
    until(|| fake.count("Decrypt") > 3).await;
    assert_eq!(fake.count("GenerateDataKey"), 1, "one canary serves all probes");
    drop(aws);
    tokio::time::sleep(5 * interval).await;
    let after = fake.count("Decrypt");
    tokio::time::sleep(10 * interval).await;
    assert_eq!(fake.count("Decrypt"), after);
}

/// The connector for HTTPS is there: without it nothing would ever reach the wire.
#[tokio::test]
async fn an_https_endpoint_is_spoken_to_in_tls() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let fake = Fake::start().await;
    let settings = AwsSettings { endpoint: Some(endpoint), ..quiet(&fake, "alias/waxseal") };
    let _aws = Aws::open(settings, deployment());
    let accepted = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 6];
        stream.read_exact(&mut hello).await.unwrap();
        hello
    };
    let hello = tokio::time::timeout(10 * SECOND, accepted).await.unwrap();
    // A handshake record of TLS 1.x that begins with a ClientHello.
    assert_eq!((hello[0], hello[1], hello[5]), (22, 3, 1));
}
