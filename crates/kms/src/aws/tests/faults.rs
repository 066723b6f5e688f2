//! What the service says and does when something is wrong, through the real client.

use super::*;

fn hasty(fake: &Fake, key: &str) -> AwsSettings {
    AwsSettings { max_attempts: 1, ..quiet(fake, key) }
}

async fn refusals(aws: &Aws, wrapped: &WrappedKey) -> [Option<Error>; 4] {
    let key = Key::generate().unwrap();
    [
        aws.unwrap(wrapped, &context()).await.err(),
        aws.generate(&context()).await.err(),
        aws.wrap(&key, &context()).await.err(),
        aws.rewrap(wrapped, &context()).await.err(),
    ]
}

#[tokio::test]
async fn every_code_means_what_the_table_says() {
    type Make = fn(String) -> Error;
    let unavailable: Make = |key_id| Error::Unavailable { key_id };
    let throttled: Make = |key_id| Error::Throttled { key_id };
    let revoked: Make = |key_id| Error::Revoked { key_id };
    let denied: Make = |key_id| Error::Denied { key_id };
    let tampered: Make = |key_id| Error::Tampered { key_id };
    let table: [(u16, &'static str, Make); 19] = [
        (400, "DisabledException", revoked),
        (400, "KMSInvalidStateException", revoked),
        (400, "NotFoundException", revoked),
        (400, "AccessDeniedException", denied),
        (400, "InvalidKeyUsageException", denied),
        (400, "InvalidCiphertextException", tampered),
        (400, "IncorrectKeyException", tampered),
        (400, "ThrottlingException", throttled),
        (400, "LimitExceededException", throttled),
        (429, "TooManyRequestsException", throttled),
        (500, "KMSInternalException", unavailable),
        (500, "KeyUnavailableException", unavailable),
        (503, "DependencyTimeoutException", unavailable),
        (400, "ExpiredTokenException", unavailable),
        (400, "UnrecognizedClientException", unavailable),
        (400, "InvalidSignatureException", unavailable),
        (400, "ValidationException", unavailable),
        (400, "NobodyKnowsException", unavailable),
        (502, "", unavailable),
    ];
    let fake = Fake::start().await;
    let key = fake.create_key();
    for (status, code, error) in table {
        // Each with a breaker of its own.
        let aws = opened(&fake, hasty(&fake, &key)).await;
        let (_, wrapped) = aws.generate(&context()).await.unwrap();
        fake.fail(Fault::Refuse(status, code), None);
        let expected = Some(error(key.clone()));
        assert_eq!(refusals(&aws, &wrapped).await, [(); 4].map(|()| expected.clone()), "{code}");
        fake.heal();
    }
}

#[tokio::test]
async fn states_of_a_key_are_enforced_and_reversible() {
    let (fake, key, aws) = started().await;
    let (_, wrapped) = aws.generate(&context()).await.unwrap();
    for state in [KeyState::Disabled, KeyState::PendingDeletion, KeyState::Gone] {
        fake.set_state(&key, state);
        let revoked = Some(Error::Revoked { key_id: key.clone() });
        let expected = [(); 4].map(|()| revoked.clone());
        assert_eq!(refusals(&aws, &wrapped).await, expected, "{state:?}");
        assert_eq!(refusals(&aws, &wrapped).await, expected, "it opens no breaker");
        fake.set_state(&key, KeyState::Enabled);
        assert_eq!(refusals(&aws, &wrapped).await, [None, None, None, None]);
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_an_outage_and_another_keys_are_not_believed() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let aws = opened(&fake, hasty(&fake, &key)).await;
    let (_, wrapped) = aws.generate(&context()).await.unwrap();
    let unavailable = || Some(Error::Unavailable { key_id: key.clone() });
    let tampered = || Some(Error::Tampered { key_id: key.clone() });

    fake.fail(Fault::Garbage, None);
    assert_eq!(refusals(&aws, &wrapped).await, [(); 4].map(|()| unavailable()));
    fake.fail(Fault::OtherKey, None);
    assert_eq!(refusals(&aws, &wrapped).await, [(); 4].map(|()| tampered()));
    fake.fail(Fault::OtherSource, None);
    assert_eq!(refusals(&aws, &wrapped).await, [None, None, None, tampered()]);
    fake.fail(Fault::Empty, None);
    let expected = [tampered(), tampered(), unavailable(), unavailable()];
    assert_eq!(refusals(&aws, &wrapped).await, expected);
    fake.heal();
    assert_eq!(refusals(&aws, &wrapped).await, [None, None, None, None]);
}

#[tokio::test]
async fn a_passing_failure_is_overcome_within_the_call() {
    let (fake, _, aws) = started().await;
    for fault in [Fault::INTERNAL, Fault::THROTTLE] {
        fake.fail(fault, Some(2));
        let before = fake.count("GenerateDataKey");
        assert!(aws.generate(&context()).await.is_ok(), "{fault:?}");
        assert_eq!(fake.count("GenerateDataKey") - before, 3);
    }
}

#[tokio::test]
async fn throttling_waits_at_most_a_second_and_opens_no_breaker() {
    let (fake, key, aws) = started().await;
    fake.fail(Fault::THROTTLE, None);
    for _ in 0..7 {
        let begun = Instant::now();
        let error = aws.generate(&context()).await.err();
        assert_eq!(error, Some(Error::Throttled { key_id: key.clone() }));
        assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    }
    fake.heal();
    assert!(aws.generate(&context()).await.is_ok());
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let settings = AwsSettings {
        attempt_timeout: Duration::from_millis(100),
        operation_timeout: Duration::from_millis(250),
        ..quiet(&fake, &key)
    };
    let aws = opened(&fake, settings).await;
    fake.fail(Fault::Hang, None);
    let begun = Instant::now();
    let error = aws.generate(&context()).await.err();
    assert_eq!(error, Some(Error::Unavailable { key_id: key }));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(90) && took < SECOND, "{took:?}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_outage() {
    let (fake, key, aws) = started().await;
    let settings = hasty(&fake, &key);
    drop((fake, aws));
    let aws = Aws::open(settings, deployment());
    let error = aws.generate(&context()).await.err();
    assert_eq!(error, Some(Error::Unavailable { key_id: key }));
}

#[tokio::test]
async fn the_breaker_spares_a_service_that_is_away_and_tries_again_with_one_call() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let pause = Duration::from_millis(400);
    let aws = opened(&fake, AwsSettings { breaker_pause: pause, ..hasty(&fake, &key) }).await;
    let unavailable = Some(Error::Unavailable { key_id: key.clone() });
    let before = fake.count("GenerateDataKey");
    let asked = || fake.count("GenerateDataKey") - before;

    fake.fail(Fault::INTERNAL, None);
    for _ in 0..20 {
        assert_eq!(aws.generate(&context()).await.err(), unavailable);
    }
    assert_eq!(asked(), 5);
    tokio::time::sleep(pause).await;
    let context = context();
    let many = (0..10).map(|_| aws.generate(&context));
    assert!(futures::future::join_all(many).await.iter().all(Result::is_err));
    assert_eq!(asked(), 6, "half open lets one through");

    fake.heal();
    assert_eq!(aws.generate(&context).await.err(), unavailable, "the pause begins anew");
    tokio::time::sleep(pause).await;
    assert!(aws.generate(&context).await.is_ok());
    assert!(aws.generate(&context).await.is_ok());
}

#[tokio::test]
async fn no_more_calls_run_at_a_time_than_allowed() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let aws = opened(&fake, AwsSettings { concurrency: 2, ..quiet(&fake, &key) }).await;
    let latency = Duration::from_millis(50);
    fake.set_latency(latency);
    let (begun, context) = (Instant::now(), context());
    let many = (0..8).map(|_| aws.generate(&context));
    assert!(futures::future::join_all(many).await.iter().all(Result::is_ok));
    assert!(begun.elapsed() >= 4 * latency, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_service_that_has_too_much_to_do_is_asked_for_half_as_much_at_a_time() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let settings = AwsSettings { concurrency: 8, ..hasty(&fake, &key) };
    let aws = opened(&fake, settings).await;
    assert!(aws.generate(&context()).await.is_ok());
    fake.fail(Fault::THROTTLE, Some(1));
    assert!(matches!(aws.generate(&context()).await, Err(Error::Throttled { .. })));
    let latency = Duration::from_millis(100);
    fake.set_latency(latency);
    let (begun, context) = (Instant::now(), context());
    // Four at once, and then the other four.
    let many = (0..8).map(|_| aws.generate(&context));
    assert!(futures::future::join_all(many).await.iter().all(Result::is_ok));
    assert!(begun.elapsed() >= 2 * latency, "{:?}", begun.elapsed());
}

/// Probes every few milliseconds, without a breaker's pause in between.
async fn watched(fake: &Fake, key: &str) -> Aws {
    let interval = Duration::from_millis(100);
    let settings = AwsSettings {
        canary_interval: interval,
        canary_interval_unhealthy: interval,
        breaker_pause: Duration::from_millis(1),
        ..hasty(fake, key)
    };
    opened(fake, settings).await
}

#[tokio::test]
async fn health_follows_the_key_and_outages_revoke_nothing() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let aws = watched(&fake, &key).await;
    let mut health = aws.health();
    assert_eq!(health.now(), Health::Good);

    for outage in [Fault::INTERNAL, Fault::THROTTLE, Fault::Garbage] {
        fake.fail(outage, None);
        assert_eq!(health.changed().await, Health::Degraded, "{outage:?}");
        let before = fake.count("Decrypt");
        until(|| fake.count("Decrypt") > before + 6).await;
        assert_eq!(health.now(), Health::Degraded, "{outage:?}");
        fake.heal();
        assert_eq!(health.changed().await, Health::Good, "{outage:?}");
    }
    let revocations: [(Fault, u64); 3] = [
        (Fault::Refuse(400, "DisabledException"), 2),
        (Fault::Refuse(400, "NotFoundException"), 2),
        (Fault::Refuse(400, "AccessDeniedException"), 3),
    ];
    for (refusal, probes) in revocations {
        let before = fake.count("Decrypt");
        fake.fail(refusal, None);
        assert_eq!(health.changed().await, Health::Degraded, "{refusal:?}");
        assert_eq!(health.changed().await, Health::Revoked, "{refusal:?}");
        assert_eq!(fake.count("Decrypt") - before, probes, "{refusal:?}");
        assert_eq!(aws.keys()[0].health, Health::Revoked);
        fake.heal();
        assert_eq!(health.changed().await, Health::Good, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_revoked_key_leaves_memory_and_comes_back() {
    let fake = Fake::start().await;
    let key = fake.create_key();
    let remembered = Remembered::new(watched(&fake, &key).await, RememberedSettings::default());
    let (_, wrapped) = remembered.generate(&context()).await.unwrap();
    assert_eq!(remembered.len(), 1);
    fake.set_state(&key, KeyState::Disabled);
    until(|| remembered.is_empty()).await;
    let revoked = Some(Error::Revoked { key_id: key.clone() });
    assert_eq!(remembered.unwrap(&wrapped, &context()).await.err(), revoked);
    fake.set_state(&key, KeyState::Enabled);
    until(|| remembered.health().now() == Health::Good).await;
    assert!(remembered.unwrap(&wrapped, &context()).await.is_ok());
}

#[tokio::test]
async fn the_status_of_a_further_key_is_what_its_last_use_told() {
    let (fake, old, aws) = started().await;
    let (_, wrapped) = aws.generate(&context()).await.unwrap();
    let new = fake.create_key();
    let also = vec![old.clone()];
    let aws = opened(&fake, AwsSettings { also, ..quiet(&fake, &new) }).await;
    let further = || aws.keys().remove(1);
    assert_eq!((further().key_id, further().active), (old.clone(), false));
    assert_eq!((further().health, further().checked), (Health::Good, None));
    fake.set_state(&old, KeyState::Disabled);
    assert!(aws.unwrap(&wrapped, &context()).await.is_err());
    assert_eq!(further().health, Health::Revoked);
    assert!(further().checked.unwrap() < SECOND);
    assert_eq!(aws.keys()[0].health, Health::Good);
}
