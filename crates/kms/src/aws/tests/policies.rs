//! The shipped key policy, enforced between the real client and the fake.

use super::*;
use crate::fake::ACCOUNT;
use crate::fake::policy::Policy;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;
use waxseal_envelope::{ValuePlace, ViewPlace};

fn value(visibility: Visibility) -> KeyContext {
    let place = ValuePlace {
        project: ProjectUid::from_bytes([2; 16]),
        secret: SecretUid::from_bytes([3; 16]),
        place: Place::Default,
        value: ValueUid::from_bytes([5; 16]),
        visibility,
        kind: PayloadKind::Text,
    };
    KeyContext::value(deployment(), &place)
}

fn view() -> KeyContext {
    let place = ViewPlace {
        incarnation: Incarnation::from_bytes([6; 16]),
        project: ProjectUid::from_bytes([2; 16]),
        environment: EnvironmentUid::from_bytes([4; 16]),
        stage: Stage::Live,
        revision: 1,
        schema: 1,
    };
    KeyContext::view(deployment(), &place, 20_000)
}

#[tokio::test]
async fn each_host_can_do_its_part_and_no_more() {
    let fake = Fake::start().await;
    let (key, next) = (fake.create_key(), fake.create_key());
    for key in [&key, &next] {
        let policy = include_str!("../../../../../deploy/kms/separate.json");
        fake.set_policy(key, Policy::parse(policy).unwrap());
    }
    let host = async |name: &str, key: &str, also: &str| {
        fake.role(name, &format!("arn:aws:iam::{ACCOUNT}:role/waxseal-{name}"));
        let credentials = Some((name.to_owned(), "secret".to_owned()));
        let also = vec![also.to_owned()];
        let settings = AwsSettings { credentials, also, ..quiet(&fake, key) };
        // The probe succeeds in every role.
        opened(&fake, settings).await
    };
    let management = host("management", &key, &next).await;
    let runtime = host("runtime", &key, &next).await;
    let keys = host("keys", &next, &key).await;
    for aws in [&management, &runtime, &keys] {
        assert_eq!(aws.health().now(), Health::Good);
    }
    let denied = Some(Error::Denied { key_id: key.clone() });

    let (masked, restricted) = (value(Visibility::Masked), value(Visibility::Restricted));
    let (_, masked_key) = management.generate(&masked).await.unwrap();
    let (_, restricted_key) = management.generate(&restricted).await.unwrap();
    assert!(management.unwrap(&masked_key, &masked).await.is_ok());
    assert_eq!(management.unwrap(&restricted_key, &restricted).await.err(), denied);
    // Saying that it was masked does not open it.
    let tampered = Some(Error::Tampered { key_id: key.clone() });
    assert_eq!(management.unwrap(&restricted_key, &masked).await.err(), tampered);
    assert_eq!(management.generate(&view()).await.err(), denied);
    assert_eq!(management.rewrap(&masked_key, &masked).await.err(), denied);

    let (_, view_key) = runtime.generate(&view()).await.unwrap();
    assert!(runtime.unwrap(&view_key, &view()).await.is_ok());
    assert!(runtime.unwrap(&restricted_key, &restricted).await.is_ok());
    assert_eq!(management.unwrap(&view_key, &view()).await.err(), denied);
    assert_eq!(runtime.generate(&masked).await.err(), denied);
    assert_eq!(runtime.rewrap(&masked_key, &masked).await.err(), denied);

    for context in [KeyContext::service(deployment()), KeyContext::audit(deployment())] {
        let (_, made) = management.generate(&context).await.unwrap();
        assert!(keys.unwrap(&made, &context).await.is_ok());
        assert!(runtime.unwrap(&made, &context).await.is_ok());
        assert_eq!(runtime.generate(&context).await.err(), denied);
    }
    for (wrapped, context) in [(&masked_key, &masked), (&restricted_key, &restricted)] {
        assert_eq!(keys.unwrap(wrapped, context).await.err(), denied);
        let moved = keys.rewrap(wrapped, context).await.unwrap();
        assert_eq!(moved.key_id, next);
        assert!(runtime.unwrap(&moved, context).await.is_ok());
    }
}
