//! The suite that every provider passes.
//!
//! A test writes a [`Subject`] for its provider and calls [`contract`]; a promise that is not
//! kept panics and says which.
#![allow(clippy::expect_used, reason = "a suite fails by panicking")]

use crate::{Error, Health, KeyContext, KeyKind, KeyProvider, WrappedKey};
use std::collections::BTreeMap;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;
use waxseal_envelope::{Key, ValuePlace, ViewPlace};

/// A provider together with what only its operator can do to it.
#[async_trait::async_trait]
pub trait Subject: Send + Sync {
    /// The provider.
    fn provider(&self) -> &dyn KeyProvider;

    /// Configures a new key and makes it the active one. The old key stays configured.
    async fn rotate(&self);

    /// Disables a key.
    async fn disable(&self, key_id: &str);

    /// How many bytes at the beginning of a wrapped key are not to be damaged, because an emulator
    /// answers to that as the service does not.
    fn spared(&self) -> usize {
        0
    }
}

/// Runs the whole suite, each test against a subject of its own.
///
/// # Panics
/// If the provider breaks a promise.
pub async fn contract<S: Subject>(make: impl AsyncFn() -> S) {
    wrapping(&make).await;
    a_wrapped_key_does_not_change_its_wrapping_key(&make().await).await;
    a_disabled_key_is_revoked(&make().await).await;
    a_disabled_active_key_stops_everything(&make().await).await;
}

/// The part of the suite for emulators of a service: it disables no key, and does not depend on
/// why a key is refused that is said to be of another wrapping key.
///
/// # Panics
/// If the provider breaks a promise.
pub async fn wrapping<S: Subject>(make: &impl AsyncFn() -> S) {
    what_is_wrapped_unwraps(&make().await).await;
    every_key_is_another(&make().await).await;
    another_context_is_refused(&make().await).await;
    every_entry_of_a_context_counts(&make().await).await;
    swapped_keys_are_refused(&make().await).await;
    damaged_keys_are_refused(&make().await).await;
    an_unknown_key_id_is_refused(&make().await).await;
    old_keys_unwrap_after_a_rotation(&make().await).await;
    a_key_from_elsewhere_is_wrapped(&make().await).await;
    rewrapping_changes_the_wrapping_and_not_the_key(&make().await).await;
    rewrapping_refuses_what_unwrapping_refuses(&make().await).await;
    the_keys_are_told_the_active_one_first(&make().await).await;
}

async fn what_is_wrapped_unwraps(subject: &impl Subject) {
    let provider = subject.provider();
    for context in contexts() {
        let (key, wrapped) = generate(provider, &context).await;
        assert_eq!(wrapped.kind, KeyKind::Direct);
        assert_eq!(wrapped.key_id, provider.active_key_id());
        assert!(!wrapped.bytes.is_empty() && wrapped.bytes.len() <= WrappedKey::LONGEST);
        let open = wrapped.bytes.windows(32).any(|window| window == key.expose());
        assert!(!open, "the wrapped key holds the key in clear");
        let unwrapped = provider.unwrap(&wrapped, &context).await.expect("its own key unwraps");
        assert_eq!(unwrapped.expose(), key.expose());
    }
}

async fn every_key_is_another(subject: &impl Subject) {
    let context = value_context();
    let (first, first_wrapped) = generate(subject.provider(), &context).await;
    let (second, second_wrapped) = generate(subject.provider(), &context).await;
    assert_ne!(first.expose(), second.expose());
    assert_ne!(first_wrapped.bytes, second_wrapped.bytes);
}

async fn another_context_is_refused(subject: &impl Subject) {
    let contexts = contexts();
    for (index, context) in contexts.iter().enumerate() {
        let (_, wrapped) = generate(subject.provider(), context).await;
        for (other_index, other) in contexts.iter().enumerate() {
            if other_index != index {
                refused(subject, &wrapped, other, "under another context").await;
            }
        }
    }
}

async fn every_entry_of_a_context_counts(subject: &impl Subject) {
    for context in contexts() {
        let (_, wrapped) = generate(subject.provider(), &context).await;
        let entries = context.entries();
        for (name, content) in entries {
            let mut changed = entries.clone();
            changed.insert(name.clone(), format!("{content}x"));
            refused_entries(subject, &wrapped, changed, &format!("with {name} changed")).await;

            let mut removed = entries.clone();
            removed.remove(name);
            refused_entries(subject, &wrapped, removed, &format!("without {name}")).await;
        }
        let mut added = entries.clone();
        added.insert("waxseal:other".to_owned(), "x".to_owned());
        refused_entries(subject, &wrapped, added, "with an entry more").await;
    }
}

async fn swapped_keys_are_refused(subject: &impl Subject) {
    let [left, right] = [Visibility::Masked, Visibility::Restricted]
        .map(|visibility| KeyContext::value(deployment(), &ValuePlace { visibility, ..place() }));
    let (_, left_wrapped) = generate(subject.provider(), &left).await;
    let (_, right_wrapped) = generate(subject.provider(), &right).await;
    refused(subject, &left_wrapped, &right, "in the other's place").await;
    refused(subject, &right_wrapped, &left, "in the other's place").await;
}

async fn damaged_keys_are_refused(subject: &impl Subject) {
    let context = value_context();
    let (_, wrapped) = generate(subject.provider(), &context).await;
    let bytes = &wrapped.bytes;
    let with = |bytes: Vec<u8>| WrappedKey { bytes, ..wrapped.clone() };

    refused(subject, &with(bytes[..bytes.len() - 1].to_vec()), &context, "cut by a byte").await;
    refused(subject, &with([bytes.as_slice(), &[0]].concat()), &context, "with a byte more").await;
    refused(subject, &with(Vec::new()), &context, "empty").await;
    let long = vec![1; WrappedKey::LONGEST + 1];
    refused(subject, &with(long), &context, "longer than any").await;
    for index in [subject.spared(), bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        refused(subject, &with(flipped), &context, &format!("with byte {index} flipped")).await;
    }
}

async fn an_unknown_key_id_is_refused(subject: &impl Subject) {
    let context = value_context();
    let (_, wrapped) = generate(subject.provider(), &context).await;
    for key_id in [format!("{}x", wrapped.key_id), String::new()] {
        let elsewhere = WrappedKey { key_id: key_id.clone(), ..wrapped.clone() };
        let error = subject.provider().unwrap(&elsewhere, &context).await.err();
        assert_eq!(error, Some(Error::Unconfigured { key_id }));
    }
}

async fn old_keys_unwrap_after_a_rotation(subject: &impl Subject) {
    let context = value_context();
    let (key, old) = generate(subject.provider(), &context).await;
    subject.rotate().await;
    let provider = subject.provider();
    assert_ne!(provider.active_key_id(), old.key_id, "a rotation makes another key active");

    let (_, new) = generate(provider, &context).await;
    assert_eq!(new.key_id, provider.active_key_id());
    let unwrapped = provider.unwrap(&old, &context).await.expect("the old key still unwraps");
    assert_eq!(unwrapped.expose(), key.expose());
}

async fn a_wrapped_key_does_not_change_its_wrapping_key(subject: &impl Subject) {
    let context = value_context();
    let (_, old) = generate(subject.provider(), &context).await;
    subject.rotate().await;
    let relabelled = WrappedKey { key_id: subject.provider().active_key_id(), ..old };
    refused(subject, &relabelled, &context, "under another key's id").await;
}

async fn a_disabled_key_is_revoked(subject: &impl Subject) {
    let context = value_context();
    let (_, old) = generate(subject.provider(), &context).await;
    subject.rotate().await;
    let provider = subject.provider();
    let (_, new) = generate(provider, &context).await;
    subject.disable(&old.key_id).await;

    let revoked = Some(Error::Revoked { key_id: old.key_id.clone() });
    assert_eq!(provider.unwrap(&old, &context).await.err(), revoked);
    assert_eq!(provider.rewrap(&old, &context).await.err(), revoked);
    assert!(provider.unwrap(&new, &context).await.is_ok(), "other keys are not concerned");
    generate(provider, &context).await;
}

async fn a_disabled_active_key_stops_everything(subject: &impl Subject) {
    let (provider, context) = (subject.provider(), value_context());
    let (_, wrapped) = generate(provider, &context).await;
    let key_id = wrapped.key_id.clone();
    subject.disable(&key_id).await;

    let revoked = Some(Error::Revoked { key_id });
    assert_eq!(provider.unwrap(&wrapped, &context).await.err(), revoked);
    assert_eq!(provider.generate(&context).await.err(), revoked);
    assert_eq!(provider.rewrap(&wrapped, &context).await.err(), revoked);
    let key = Key::generate().expect("random bytes");
    assert_eq!(provider.wrap(&key, &context).await.err(), revoked);
}

async fn a_key_from_elsewhere_is_wrapped(subject: &impl Subject) {
    let provider = subject.provider();
    let key = Key::generate().expect("random bytes");
    for context in contexts() {
        let wrapped = provider.wrap(&key, &context).await.expect("the active key wraps");
        assert_eq!(wrapped.key_id, provider.active_key_id());
        let unwrapped = provider.unwrap(&wrapped, &context).await.expect("what it wrapped");
        assert_eq!(unwrapped.expose(), key.expose());
        refused(subject, &wrapped, &other_than(&context), "under another context").await;
    }
}

async fn rewrapping_changes_the_wrapping_and_not_the_key(subject: &impl Subject) {
    let context = value_context();
    let (key, old) = generate(subject.provider(), &context).await;
    subject.rotate().await;
    let provider = subject.provider();
    let new = provider.rewrap(&old, &context).await.expect("both keys are configured");
    assert_eq!(new.key_id, provider.active_key_id());
    assert_ne!(new.key_id, old.key_id);
    assert_ne!(new.bytes, old.bytes);
    for wrapped in [&old, &new] {
        let unwrapped = provider.unwrap(wrapped, &context).await.expect("old and new unwrap");
        assert_eq!(unwrapped.expose(), key.expose());
    }
    refused(subject, &new, &other_than(&context), "under another context").await;
}

async fn rewrapping_refuses_what_unwrapping_refuses(subject: &impl Subject) {
    let (provider, context) = (subject.provider(), value_context());
    let (_, wrapped) = generate(provider, &context).await;
    let key_id = wrapped.key_id.clone();
    let tampered = Some(Error::Tampered { key_id: key_id.clone() });
    let error = provider.rewrap(&wrapped, &other_than(&context)).await.err();
    assert_eq!(error, tampered, "under another context");
    let cut = wrapped.bytes[..wrapped.bytes.len() - 1].to_vec();
    for bytes in [cut, Vec::new(), vec![1; WrappedKey::LONGEST + 1]] {
        let damaged = WrappedKey { bytes, ..wrapped.clone() };
        assert_eq!(provider.rewrap(&damaged, &context).await.err(), tampered, "damaged");
    }
    let key_id = format!("{key_id}x");
    let elsewhere = WrappedKey { key_id: key_id.clone(), ..wrapped };
    let error = provider.rewrap(&elsewhere, &context).await.err();
    assert_eq!(error, Some(Error::Unconfigured { key_id }));
}

async fn the_keys_are_told_the_active_one_first(subject: &impl Subject) {
    let context = value_context();
    let (_, old) = generate(subject.provider(), &context).await;
    subject.rotate().await;
    let provider = subject.provider();
    generate(provider, &context).await;
    let keys = provider.keys();
    let told: Vec<_> = keys.iter().map(|key| (key.key_id.as_str(), key.active)).collect();
    assert_eq!(told, [(provider.active_key_id().as_str(), true), (&old.key_id, false)]);
    assert!(keys.iter().all(|key| key.health == Health::Good));
    assert_eq!(provider.health().now(), Health::Good);
}

async fn generate(provider: &dyn KeyProvider, context: &KeyContext) -> (Key, WrappedKey) {
    provider.generate(context).await.expect("the active key generates")
}

async fn refused(subject: &impl Subject, wrapped: &WrappedKey, context: &KeyContext, how: &str) {
    let error = subject.provider().unwrap(wrapped, context).await.err();
    let tampered = Error::Tampered { key_id: wrapped.key_id.clone() };
    assert_eq!(error, Some(tampered), "a wrapped key {how}");
}

async fn refused_entries(
    subject: &impl Subject,
    wrapped: &WrappedKey,
    entries: BTreeMap<String, String>,
    how: &str,
) {
    refused(subject, wrapped, &KeyContext::from_entries(entries), how).await;
}

fn deployment() -> Deployment {
    Deployment::from_bytes([1; 16])
}

fn place() -> ValuePlace {
    ValuePlace {
        project: ProjectUid::from_bytes([2; 16]),
        secret: SecretUid::from_bytes([3; 16]),
        place: Place::Override(EnvironmentUid::from_bytes([4; 16]), Stage::Live),
        value: ValueUid::from_bytes([5; 16]),
        visibility: Visibility::Masked,
        kind: PayloadKind::Text,
    }
}

fn value_context() -> KeyContext {
    KeyContext::value(deployment(), &place())
}

/// The same with one entry changed.
fn other_than(context: &KeyContext) -> KeyContext {
    let mut entries = context.entries().clone();
    entries.insert("waxseal:deployment".to_owned(), "another".to_owned());
    KeyContext::from_entries(entries)
}

/// One of each purpose.
fn contexts() -> [KeyContext; 7] {
    let view = ViewPlace {
        incarnation: Incarnation::from_bytes([6; 16]),
        project: place().project,
        environment: EnvironmentUid::from_bytes([4; 16]),
        stage: Stage::Live,
        revision: 1,
        schema: 1,
    };
    [
        value_context(),
        KeyContext::view(deployment(), &view, 20_000),
        KeyContext::fingerprint(deployment(), place().project),
        KeyContext::integrity(deployment(), place().project),
        KeyContext::service(deployment()),
        KeyContext::audit(deployment()),
        KeyContext::canary(deployment()),
    ]
}
