//! What is told of the versions of a slot, and never their values.

use super::{filled, slots};
use crate::support::{Client, Server, default_slot, override_slot, refused};
use tonic::Code;
use waxseal_proto::v1::{self, Stage, Visibility};

/// `current`, `cleared`, `destroyed` by number, in the order of the list.
fn flags(listed: &v1::ListSecretVersionsResponse) -> Vec<(i64, &'static str)> {
    let flags =
        |version: &v1::SecretVersion| match (version.current, version.cleared, version.destroyed) {
            (false, false, false) => "",
            (true, false, false) => "current",
            (false, true, false) => "cleared",
            (true, true, false) => "current and cleared",
            (false, false, true) => "destroyed",
            other => panic!("version {} says {other:?}", version.version),
        };
    listed.versions.iter().map(|version| (version.version, flags(version))).collect()
}

#[tokio::test]
async fn the_newest_comes_first_and_each_says_what_it_is() {
    let (server, admin, builder) = filled(3).await;
    let viewer = server.viewer().await;
    for secret in ["OPEN", "TIGHT"] {
        for slot in slots() {
            let list = async || viewer.versions("demo", secret, slot.clone()).await.unwrap();
            assert_eq!(flags(&list().await), [(3, "current"), (2, ""), (1, "")]);

            builder.clear("demo", secret, slot.clone()).await.unwrap();
            let cleared = [(4, "current and cleared"), (3, ""), (2, ""), (1, "")];
            assert_eq!(flags(&list().await), cleared);

            builder.roll_back("demo", secret, slot.clone(), 2).await.unwrap();
            admin.destroy("demo", secret, slot.clone(), 3).await.unwrap();
            let mixed = [(4, "cleared"), (3, "destroyed"), (2, "current"), (1, "")];
            assert_eq!(flags(&list().await), mixed);

            let times: Vec<_> = list()
                .await
                .versions
                .iter()
                .map(|version| version.create_time.map(|time| (time.seconds, time.nanos)).unwrap())
                .collect();
            assert!(times.is_sorted_by(|newer, older| newer > older), "{times:?}");
        }
    }
}

#[tokio::test]
async fn a_version_is_as_old_as_its_writing_whatever_was_done_to_it() {
    let (server, admin, builder) = filled(3).await;
    let slot = default_slot();
    let times = async || -> Vec<_> {
        let listed = builder.versions("demo", "OPEN", slot.clone()).await.unwrap();
        listed.versions.into_iter().map(|version| version.create_time).collect()
    };
    let before = times().await;
    server.pass(std::time::Duration::from_secs(60));
    builder.roll_back("demo", "OPEN", slot.clone(), 1).await.unwrap();
    admin.destroy("demo", "OPEN", slot.clone(), 2).await.unwrap();
    builder.restrict("demo", "OPEN").await.unwrap();
    assert_eq!(times().await, before);
}

#[tokio::test]
async fn the_etag_is_that_of_the_slot() {
    let (_server, _admin, builder) = filled(2).await;
    let etag = async |slot: &Option<v1::Slot>| {
        builder.versions("demo", "OPEN", slot.clone()).await.unwrap().etag
    };
    assert_eq!(
        etag(&default_slot()).await,
        builder.get_secret("demo", "OPEN").await.unwrap().default_etag
    );
    let live = override_slot("main", Stage::Live);
    let listed = builder.overrides("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(etag(&live).await, listed[0].etag);
    assert_ne!(etag(&live).await, etag(&default_slot()).await);

    let rolled = builder.roll_back("demo", "OPEN", live.clone(), 1).await.unwrap();
    assert_eq!(etag(&live).await, rolled.etag);
    let cleared = builder.clear("demo", "OPEN", live.clone()).await.unwrap();
    assert_eq!(etag(&live).await, cleared.etag);

    // There is one for a slot that was never written, and a first write can be based on it.
    let never = override_slot("staging", Stage::Draft);
    let listed = builder.versions("demo", "OPEN", never.clone()).await.unwrap();
    assert!(listed.versions.is_empty() && listed.next_page_token.is_empty());
    let set = |etag: &str| v1::SetSecretValueRequest {
        name: "projects/demo/secrets/OPEN".to_owned(),
        slot: never.clone(),
        payload: crate::support::text("first"),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let written = builder.secrets.clone().set_secret_value(set(&listed.etag)).await.unwrap();
    assert_eq!(written.into_inner().etag, etag(&never).await);
    let stale = builder.secrets.clone().set_secret_value(set(&listed.etag)).await;
    refused(stale).is(Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn pages_together_are_the_whole_list() {
    let (_server, _admin, builder) = filled(7).await;
    let slot = override_slot("main", Stage::Live);
    let page = async |slot: &Option<v1::Slot>, page_size: i32, page_token: &str| {
        let request = v1::ListSecretVersionsRequest {
            name: "projects/demo/secrets/TIGHT".to_owned(),
            slot: slot.clone(),
            page_size,
            page_token: page_token.to_owned(),
        };
        let answer = builder.secrets.clone().list_secret_versions(request).await;
        answer.map(tonic::Response::into_inner)
    };
    let whole = page(&slot, 0, "").await.unwrap();
    assert_eq!(whole.versions.len(), 7);
    for size in 1..=8 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let listed = page(&slot, size, &token).await.unwrap();
            assert_eq!(listed.etag, whole.etag);
            assert!((1..=size as usize).contains(&listed.versions.len()));
            seen.extend(listed.versions);
            token = listed.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, whole.versions, "pages of {size}");
    }
    let token = page(&slot, 2, "").await.unwrap().next_page_token;
    let elsewhere = page(&default_slot(), 2, &token).await;
    refused(elsewhere).is_about("INVALID_PAGE_TOKEN", "page_token");

    // A version that is written meanwhile moves none of the others.
    builder.set("demo", "TIGHT", slot.clone(), "one more").await.unwrap();
    let next = page(&slot, 2, &token).await.unwrap();
    let numbers: Vec<_> = next.versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [5, 4]);
}

#[tokio::test]
async fn what_is_not_there_or_deleted_has_no_versions_to_list() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    let list = async |builder: &Client, name: &str, slot: Option<v1::Slot>| {
        refused(builder.versions("demo", name, slot).await)
    };
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("v")).await.unwrap();
    let nowhere = override_slot("nowhere", Stage::Live);
    list(&builder, "NEVER", default_slot()).await.is(Code::NotFound, "SECRET_NOT_FOUND");
    list(&builder, "key", default_slot()).await.is(Code::NotFound, "SECRET_NOT_FOUND");
    list(&builder, "KEY", nowhere).await.is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
    list(&builder, "KEY", None).await.is_about("INVALID_FIELD", "slot");
    builder.delete_secret("demo", "KEY").await.unwrap();
    list(&builder, "KEY", default_slot()).await.is(Code::FailedPrecondition, "SECRET_DELETED");
    builder.undelete_secret("demo", "KEY").await.unwrap();
    assert_eq!(super::kept(&builder, "KEY", &default_slot()).await, [1]);
}
