//! What `{:?}` prints of all that can hold a value.

use super::battery::data;
use super::needles::{Needles, latin1};
use super::{BYTES, PLAIN, TEXT};
use crate::support::{default_slot, text};
use std::fmt::Debug;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Slot;
use waxseal_domain::value::{PayloadKind, SecretValue};
use waxseal_engine::{BatchSetOverrides, CreateSecret, Revealed, SetSecretValue};
use waxseal_proto::v1;

fn needles() -> Needles {
    let mut needles = Needles::default();
    needles.value("the text", TEXT.as_bytes());
    needles.value("the plain text", PLAIN.as_bytes());
    needles.value("the bytes", BYTES);
    needles
}

fn prints_nothing(printed: &dyn Debug) {
    for printed in [format!("{printed:?}"), format!("{printed:#?}")] {
        assert_eq!(needles().found_in(&latin1(printed.as_bytes())), [""; 0], "{printed}");
        assert!(!printed.is_empty());
    }
}

#[test]
fn no_message_prints_a_value() {
    for payload in [text(TEXT), text(PLAIN), data(BYTES)] {
        let with_sum = payload.clone().map(|payload| v1::SecretPayload {
            crc32c: Some(i64::from(crc32c::crc32c(PLAIN.as_bytes()))),
            ..payload
        });
        let sum = crc32c::crc32c(PLAIN.as_bytes()).to_string();
        assert!(!format!("{with_sum:?}").contains(&sum), "a checksum tells of its value");
        let resolved = v1::ResolvedSecret {
            secret: "KEY".to_owned(),
            payload: payload.clone(),
            origin: 1,
            version: 1,
        };
        let value = v1::OverrideValue { secret: "KEY".to_owned(), payload: payload.clone() };
        let set = v1::SetSecretValueRequest {
            slot: default_slot(),
            payload: payload.clone(),
            ..Default::default()
        };
        // The choice within a payload cannot be printed at all: it has no `Debug`.
        let printed: [&dyn Debug; 8] = [
            &payload,
            &tonic::Request::new(set.clone()),
            &set,
            &v1::CreateSecretRequest { payload: payload.clone(), ..Default::default() },
            &v1::BatchSetOverridesRequest { overrides: vec![value], ..Default::default() },
            &v1::RevealSecretValueResponse { payload: payload.clone(), ..Default::default() },
            &tonic::Response::new(v1::ResolveEnvironmentResponse {
                secrets: vec![resolved.clone()],
                ..Default::default()
            }),
            &v1::ResolveSecretsResponse { secrets: vec![resolved], ..Default::default() },
        ];
        printed.into_iter().for_each(prints_nothing);
    }
}

#[test]
fn nothing_of_the_domain_or_the_engine_prints_a_value() {
    let project = || ProjectId::parse("demo").unwrap();
    let name = || SecretName::parse("KEY").unwrap();
    for (kind, bytes) in [
        (PayloadKind::Text, TEXT.as_bytes()),
        (PayloadKind::Text, PLAIN.as_bytes()),
        (PayloadKind::Bytes, BYTES),
    ] {
        let value = || SecretValue::new(kind, bytes.to_vec().into()).unwrap();
        prints_nothing(&value());
        prints_nothing(&SetSecretValue {
            project: project(),
            name: name(),
            slot: Slot::Default,
            value: value(),
            etag: None,
            request: None,
        });
        prints_nothing(&CreateSecret {
            project: project(),
            name: name(),
            visibility: Visibility::Masked,
            description: String::new(),
            value: Some(value()),
            request: None,
        });
        prints_nothing(&BatchSetOverrides {
            project: project(),
            environment: EnvironmentId::parse("main").unwrap(),
            stage: Stage::Live,
            overrides: vec![(name(), value())],
            request: None,
        });
        prints_nothing(&Revealed {
            value: value(),
            version: 1,
            hide: waxseal_domain::time::Timestamp::from_micros(0),
        });
    }
    let material: [u8; 32] = PLAIN.as_bytes()[..32].try_into().unwrap();
    prints_nothing(&waxseal_envelope::Key::from_bytes(material.into()));
}
