//! Reveals and writes while masked becomes restricted.

use super::{fill, slots, value};
use crate::support::client::{Answer, shown};
use crate::support::refusal::read;
use crate::support::stored::{audited, versions};
use crate::support::{Client, Server, default_slot, refused};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Code;
use waxseal_domain::secret::Visibility as Class;
use waxseal_proto::v1::{Stage, Visibility};

const ROUNDS: usize = 25;

/// A call that has read what there is, and is held where it asks for its first key.
async fn held<T: Send + 'static>(
    server: &Server,
    call: impl Future<Output = Answer<T>> + Send + 'static,
) -> (JoinHandle<Answer<T>>, oneshot::Sender<()>) {
    let release = server.hold_next_key();
    let call = tokio::spawn(call);
    while server.waiting_for_keys() == 0 {
        tokio::task::yield_now().await;
    }
    (call, release)
}

#[tokio::test]
async fn a_reveal_that_was_overtaken_by_the_ratchet_shows_nothing() {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    for (name, slot) in slots() {
        let secret = format!("IN_{}", name.replace(' ', "_"));
        builder.create_secret("demo", &secret, Visibility::Masked, None).await.unwrap();
        builder.set("demo", &secret, slot.clone(), "masked yet").await.unwrap();
        let reveal = {
            let (builder, secret) = (builder.clone(), secret.clone());
            async move { builder.reveal("demo", &secret, slot).await }
        };
        let (reveal, release) = held(&server, reveal).await;
        builder.restrict("demo", &secret).await.unwrap();
        let before = audited(&server.setup.database());
        drop(release);
        refused(reveal.await.unwrap()).is(Code::PermissionDenied, "SECRET_RESTRICTED");
        assert_eq!(audited(&server.setup.database()), before, "nothing was disclosed");
    }
}

#[tokio::test]
async fn a_reveal_that_was_overtaken_by_a_deletion_shows_nothing() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("there yet")).await.unwrap();
    let reveal = {
        let builder = builder.clone();
        async move { builder.reveal("demo", "KEY", default_slot()).await }
    };
    let (reveal, release) = held(&server, reveal).await;
    builder.delete_secret("demo", "KEY").await.unwrap();
    drop(release);
    refused(reveal.await.unwrap()).is(Code::FailedPrecondition, "SECRET_DELETED");
}

#[tokio::test]
async fn a_value_that_was_sealed_before_the_ratchet_is_sealed_again() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for (name, slot) in slots() {
        let secret = format!("IN_{}", name.replace(' ', "_"));
        builder.create_secret("demo", &secret, Visibility::Masked, None).await.unwrap();
        fill(&builder, &secret, &slots(), 1).await;
        let write = {
            let (builder, secret) = (builder.clone(), secret.clone());
            async move { builder.set("demo", &secret, slot, &value(&secret, name, 2)).await }
        };
        let (write, release) = held(&server, write).await;
        builder.restrict("demo", &secret).await.unwrap();
        drop(release);
        assert_eq!(write.await.unwrap().unwrap().version, 2);
        for row in versions(&server.setup.database(), "demo", &secret) {
            assert!(row.open(&server.setup, Class::Restricted).await.is_some(), "{secret}");
        }
        runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
    }
}

#[tokio::test]
async fn a_ratchet_that_was_overtaken_by_writes_takes_them_along() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    fill(&builder, "KEY", &slots(), 1).await;
    let ratchet = {
        let builder = builder.clone();
        async move { builder.restrict("demo", "KEY").await }
    };
    let (ratchet, release) = held(&server, ratchet).await;
    for (name, slot) in slots() {
        builder.set("demo", "KEY", slot, &value("KEY", name, 2)).await.unwrap();
    }
    drop(release);
    assert_eq!(ratchet.await.unwrap().unwrap().visibility(), Visibility::Restricted);
    let rows = versions(&server.setup.database(), "demo", "KEY");
    assert_eq!(rows.len(), 2 * slots().len());
    for row in rows {
        assert!(row.open(&server.setup, Class::Restricted).await.is_some());
    }
    super::resolves_as_filled(&runtime, "KEY", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reveal_that_starts_after_the_ratchet_shows_anything() {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    for round in 0..ROUNDS {
        let (shown_before, refused_after) = (Arc::<AtomicUsize>::default(), Arc::default());
        let secret = format!("KEY_{round}");
        builder.create_secret("demo", &secret, Visibility::Masked, None).await.unwrap();
        fill(&builder, &secret, &slots()[..2], 2).await;
        let ratcheted = Arc::new(AtomicBool::new(false));
        let revealers: Vec<_> = (0..4)
            .map(|number| {
                tokio::spawn(reveal_until_refused(
                    builder.clone(),
                    secret.clone(),
                    number,
                    ratcheted.clone(),
                    (shown_before.clone(), Arc::clone(&refused_after)),
                ))
            })
            .collect();
        while shown_before.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        builder.restrict("demo", &secret).await.unwrap();
        ratcheted.store(true, Ordering::SeqCst);
        for revealer in join_all(revealers).await {
            revealer.unwrap();
        }
        for row in versions(&server.setup.database(), "demo", &secret) {
            assert!(row.open(&server.setup, Class::Restricted).await.is_some());
        }
        assert!(refused_after.load(Ordering::SeqCst) >= 4);
    }
}

type Tally = (Arc<AtomicUsize>, Arc<AtomicUsize>);

/// Reveals one version again and again, and stops some refusals after the ratchet has answered.
async fn reveal_until_refused(
    client: Client,
    secret: String,
    number: usize,
    ratcheted: Arc<AtomicBool>,
    (shown_before, refused_after): Tally,
) {
    let (name, slot) = slots()[number % 2].clone();
    let version = i64::try_from(number / 2).unwrap() + 1;
    let mut refusals = 0;
    while refusals < 3 {
        let starts_after = ratcheted.load(Ordering::SeqCst);
        match client.reveal_version("demo", &secret, slot.clone(), version).await {
            Ok(revealed) => {
                assert!(!starts_after, "{secret} is shown after the ratchet has answered");
                assert_eq!(shown(revealed.payload.as_ref()), value(&secret, name, version));
                shown_before.fetch_add(1, Ordering::SeqCst);
            }
            refusal => {
                refused(refusal).is(Code::PermissionDenied, "SECRET_RESTRICTED");
                if starts_after {
                    refusals += 1;
                    refused_after.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn values_written_during_the_ratchet_end_up_restricted_and_right() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for round in 0..ROUNDS {
        let secret = format!("KEY_{round}");
        builder.create_secret("demo", &secret, Visibility::Masked, None).await.unwrap();
        fill(&builder, &secret, &slots(), 1).await;
        let writers = slots().into_iter().map(|(name, slot)| {
            let (builder, secret) = (builder.clone(), secret.clone());
            tokio::spawn(async move {
                for version in 2..=5 {
                    let value = value(&secret, name, version);
                    match builder.set("demo", &secret, slot.clone(), &value).await {
                        Ok(written) => assert_eq!(written.version, version),
                        Err(status) => panic!("{status:?}"),
                    }
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        // It may be overtaken again and again, and then says so.
        while let Err(status) = builder.restrict("demo", &secret).await {
            read(&status).is(Code::Aborted, "CONFLICT");
        }
        for writer in join_all(writers).await {
            writer.unwrap();
        }

        let rows = versions(&server.setup.database(), "demo", &secret);
        let mut texts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &rows {
            let text = row.open(&server.setup, Class::Restricted).await;
            let text = text.unwrap_or_else(|| panic!("version {} of {secret}", row.version));
            texts.entry((row.environment, row.stage)).or_default().push(text);
        }
        let mut found: Vec<_> = texts.into_values().collect();
        let mut written: Vec<Vec<_>> = slots()
            .iter()
            .map(|(name, _)| (1..=5).map(|version| value(&secret, name, version)).collect())
            .collect();
        found.sort();
        written.sort();
        assert_eq!(found, written);
        super::resolves_as_filled(&runtime, &secret, 5).await;
        for (_, slot) in slots() {
            for version in 0..=5 {
                let answer = builder.reveal_version("demo", &secret, slot.clone(), version).await;
                refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_ratchets_at_once_each_succeeds_and_the_values_stand() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    fill(&builder, "KEY", &slots(), 2).await;
    let ratchets = (0..16).map(|_| {
        let builder = builder.clone();
        tokio::spawn(async move { builder.restrict("demo", "KEY").await })
    });
    for answer in join_all(ratchets.collect::<Vec<_>>()).await {
        assert_eq!(answer.unwrap().unwrap().visibility(), Visibility::Restricted);
    }
    super::resolves_as_filled(&runtime, "KEY", 2).await;
}
