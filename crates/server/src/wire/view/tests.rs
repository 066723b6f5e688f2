use super::*;
use bytes::Buf as _;
use prost::Message as _;
use waxseal_domain::value::SecretValue;
use waxseal_domain::view::{Unset, encoded_unset, encoded_value};
use waxseal_proto::v1::{self, secret_payload::Payload};

fn name(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn resolved(at: &str, kind: PayloadKind, value: &[u8], origin: Origin, version: u64) -> Resolved {
    let value = SecretValue::new(kind, Zeroizing::new(value.to_vec())).unwrap();
    Resolved { name: name(at), value, origin, version }
}

fn view() -> View {
    let text = PayloadKind::Text;
    let long = "x".repeat(65_536);
    View {
        secrets: vec![
            resolved("A", text, b"x", Origin::Default, 1),
            resolved("BYTES", PayloadKind::Bytes, &[0, 255, 128], Origin::Override, 127),
            resolved("LONG", text, long.as_bytes(), Origin::Override, 128),
            resolved(&"N".repeat(64), text, "é\n".as_bytes(), Origin::Default, 1 << 40),
        ],
        unset: vec![
            Unset { name: name("NONE"), reason: UnsetReason::NoValue },
            Unset { name: name(&"U".repeat(64)), reason: UnsetReason::FallbackDenied },
        ],
        aliases: vec![(name("OLD"), name("A")), (name("OLDER"), name("NONE"))],
    }
}

/// The same view as the generated messages have it.
fn message(view: &View) -> v1::ResolveEnvironmentResponse {
    let secret = |resolved: &Resolved| {
        let value = resolved.value.expose();
        let payload = match resolved.value.kind() {
            PayloadKind::Text => Payload::Text(String::from_utf8(value.to_vec()).unwrap()),
            PayloadKind::Bytes => Payload::Data(value.to_vec()),
        };
        let crc32c = Some(i64::from(crc32c::crc32c(value)));
        v1::ResolvedSecret {
            secret: resolved.name.to_string(),
            payload: Some(v1::SecretPayload { payload: Some(payload), crc32c }),
            origin: environment::origin(resolved.origin).into(),
            version: i64::try_from(resolved.version).unwrap(),
        }
    };
    let unset = |unset: &Unset| v1::UnsetSecret {
        secret: unset.name.to_string(),
        reason: environment::unset_reason(unset.reason).into(),
    };
    v1::ResolveEnvironmentResponse {
        revision: "token".to_owned(),
        secrets: view.secrets.iter().map(secret).collect(),
        unset: view.unset.iter().map(unset).collect(),
        not_modified: false,
    }
}

/// What is sent, without its frame.
fn answered(parts: Vec<Bytes>, not_modified: bool) -> Vec<u8> {
    let resolution = Resolution { revision: "token".into(), parts, not_modified };
    let mut chunk = super::message(resolution).unwrap();
    let mut frame = chunk.copy_to_bytes(5);
    assert_eq!((frame.get_u8(), frame.get_u32() as usize), (0, chunk.remaining()));
    chunk.copy_to_bytes(chunk.remaining()).into()
}

#[test]
fn a_view_decodes_as_what_it_is() {
    let expected = message(&view());
    let answer = answered(vec![Encoder.encode(view()).bytes], false);
    assert!(v1::ResolveEnvironmentResponse::decode(&*answer).unwrap() == expected);
    assert!(answer == expected.encode_to_vec(), "byte for byte");
    let v1::ResolveSecretsResponse { revision, secrets, unset, not_modified } =
        v1::ResolveSecretsResponse::decode(&*answer).unwrap();
    let same = v1::ResolveEnvironmentResponse { revision, secrets, unset, not_modified };
    assert!(same == expected, "both responses have the same fields");
}

#[test]
fn every_range_is_one_whole_field() {
    let EncodedView { bytes, secrets, unset, aliases } = Encoder.encode(view());
    let expected = message(&view());
    assert_eq!((secrets.len(), unset.len()), (4, 2));
    assert_eq!(aliases, view().aliases);
    for (entry, secret) in secrets.into_iter().zip(expected.secrets) {
        let alone = answered(vec![bytes.slice(entry.entry)], false);
        let decoded = v1::ResolveSecretsResponse::decode(&*alone).unwrap();
        assert_eq!(entry.name.as_str(), secret.secret);
        assert!(decoded.secrets == [secret] && decoded.unset.is_empty());
    }
    for (entry, unset) in unset.into_iter().zip(expected.unset) {
        let alone = answered(vec![bytes.slice(entry.entry)], false);
        let decoded = v1::ResolveSecretsResponse::decode(&*alone).unwrap();
        assert_eq!(entry.name.as_str(), unset.secret);
        assert!(decoded.unset == [unset] && decoded.secrets.is_empty());
    }
}

#[test]
fn an_entry_tells_what_stands_where() {
    let encoded = Encoder.encode(view());
    for (entry, resolved) in encoded.secrets.iter().zip(view().secrets) {
        assert!(encoded.bytes[entry.value.clone()] == *resolved.value.expose());
        assert_eq!(entry.kind, resolved.value.kind());
        assert_eq!((entry.origin, entry.version), (resolved.origin, resolved.version));
    }
    let reasons: Vec<_> = encoded.unset.iter().map(|entry| entry.reason).collect();
    assert_eq!(reasons, [UnsetReason::NoValue, UnsetReason::FallbackDenied]);
}

#[test]
fn a_renamed_entry_differs_in_its_name_alone() {
    let encoded = Encoder.encode(view());
    let expected = message(&view());
    for new in ["O".to_owned(), "O".repeat(64)] {
        let rename = |found| {
            let renamed = Encoder.rename(&encoded, found, &name(&new));
            let alone = answered(vec![renamed], false);
            v1::ResolveSecretsResponse::decode(&*alone).unwrap()
        };
        for (entry, secret) in encoded.secrets.iter().zip(&expected.secrets) {
            let decoded = rename(Found::Set(entry));
            let renamed = v1::ResolvedSecret { secret: new.clone(), ..secret.clone() };
            assert!(decoded.secrets == [renamed] && decoded.unset.is_empty());
        }
        for (entry, unset) in encoded.unset.iter().zip(&expected.unset) {
            let decoded = rename(Found::Unset(entry));
            let renamed = v1::UnsetSecret { secret: new.clone(), ..*unset };
            assert!(decoded.unset == [renamed] && decoded.secrets.is_empty());
        }
    }
    let same = &encoded.secrets[2];
    let again = Encoder.rename(&encoded, Found::Set(same), &same.name);
    assert!(again == encoded.bytes.slice(same.entry.clone()), "byte for byte");
}

#[test]
fn not_modified_is_said() {
    let decoded = v1::ResolveEnvironmentResponse::decode(&*answered(vec![], true)).unwrap();
    assert!(decoded.not_modified && decoded.secrets.is_empty() && decoded.revision == "token");
}

#[test]
fn an_entry_is_never_larger_than_the_domain_counts() {
    for length in [1, 127, 128, 16_383, 16_384, 65_536] {
        for version in [1, 127, 128, u64::from(u32::MAX), u64::MAX >> 1] {
            for secret in ["A".to_owned(), "N".repeat(64)] {
                let value = vec![b'x'; length];
                let counted = encoded_value(&name(&secret), length as u64, version);
                let kind = PayloadKind::Text;
                let resolved = resolved(&secret, kind, &value, Origin::Default, version);
                let view = View { secrets: vec![resolved], ..View::default() };
                let encoded = Encoder.encode(view).bytes.len() as u64;
                assert!(encoded <= counted, "{secret} {length} {version}: {encoded} > {counted}");
                // The checksum is counted at its longest.
                assert!(counted - encoded <= 6, "{secret} {length} {version}");
            }
        }
    }
    for secret in ["A".to_owned(), "N".repeat(64)] {
        let counted = encoded_unset(&name(&secret));
        let unset = vec![Unset { name: name(&secret), reason: UnsetReason::FallbackDenied }];
        let encoded = Encoder.encode(View { unset, ..View::default() }).bytes.len();
        assert_eq!(encoded as u64, counted);
    }
}

#[test]
fn an_encoded_view_is_as_large_as_its_buffer() {
    let view = Encoder.encode(view());
    let owned = view.bytes.len();
    let ranges = view.secrets.iter().map(|secret| secret.entry.len()).sum::<usize>()
        + view.unset.iter().map(|unset| unset.entry.len()).sum::<usize>();
    assert_eq!(owned, ranges);
}
