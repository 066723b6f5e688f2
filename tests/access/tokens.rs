//! API tokens: shown once, of their principal, and no way to more of them.

use super::{LIVE, caller};
use crate::support::{Client, Server, refused, token_of};
use std::time::{Duration, SystemTime};
use tonic::Code;
use uuid::Uuid;
use waxseal_proto::v1::{self, Role, Stage};

#[tokio::test]
async fn a_token_is_shown_once_also_to_a_retry() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    admin.bind("ann", Role::Viewer, "projects/demo").await.unwrap();
    let request = v1::CreateApiTokenRequest {
        parent: "principals/ann".to_owned(),
        api_token: Some(token_of(Role::Viewer, "projects/demo")),
        request_id: Uuid::now_v7().to_string(),
    };
    let made = admin.access.clone().create_api_token(request.clone()).await.unwrap().into_inner();
    assert!(!format!("{made:?}").contains(&made.token), "nor is it printed");
    let status = admin.access.clone().create_api_token(request.clone()).await.unwrap_err();
    let name = made.api_token.unwrap().name;
    assert!(status.message().contains(&name), "it is named, to be revoked");
    assert!(!format!("{status:?}").contains(&made.token));
    refused::<()>(Err(status)).is(Code::FailedPrecondition, "TOKEN_SHOWN_ONCE");
    let other =
        v1::CreateApiTokenRequest { api_token: Some(token_of(Role::Viewer, LIVE)), ..request };
    refused(admin.access.clone().create_api_token(other).await)
        .is(Code::InvalidArgument, "REQUEST_ID_REUSED");
    let list =
        v1::ListApiTokensRequest { parent: "principals/ann".to_owned(), ..Default::default() };
    let listed = admin.access.clone().list_api_tokens(list).await.unwrap().into_inner();
    assert_eq!(listed.api_tokens.len(), 1, "one was made");
    assert_eq!(listed.api_tokens[0].name, name);
}

#[tokio::test]
async fn a_token_takes_its_right_from_a_binding() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    admin.bind("ann", Role::Builder, "projects/demo").await.unwrap();
    for (role, reveal, scope) in [
        (Role::Admin, false, "projects/demo"),
        (Role::Builder, true, "projects/demo"),
        (Role::Builder, false, "deployment"),
        (Role::Runtime, false, LIVE),
    ] {
        let token = v1::ApiToken { reveal, ..token_of(role, scope) };
        refused(admin.issue("ann", token).await).is(Code::FailedPrecondition, "BINDING_MISSING");
    }
    admin.issue("ann", token_of(Role::Builder, LIVE)).await.unwrap();
}

#[tokio::test]
async fn a_token_lives_a_year_and_a_day_at_most() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    admin.bind("ann", Role::Viewer, "projects/demo").await.unwrap();
    const DAY: u64 = 86_400;
    let until = |time: Option<SystemTime>| v1::ApiToken {
        expire_time: time.map(Into::into),
        ..token_of(Role::Viewer, "projects/demo")
    };
    let now = SystemTime::now();
    for wrong in [
        None,
        Some(SystemTime::UNIX_EPOCH),
        Some(now - Duration::from_secs(60)),
        Some(now + Duration::from_secs(366 * DAY + 3_600)),
        Some(now + Duration::from_secs(100_000 * DAY)),
    ] {
        let answer = admin.issue("ann", until(wrong)).await;
        assert_eq!(refused(answer).reason, "INVALID_FIELD", "{wrong:?}");
    }
    admin.issue("ann", until(Some(now + Duration::from_secs(365 * DAY)))).await.unwrap();
}

#[tokio::test]
async fn a_token_neither_makes_nor_replaces_itself_and_can_end_itself() {
    let server = Server::with_demo().await;
    let (token, ann) = caller(&server, "ann", Role::Admin, "deployment").await;
    let denied =
        |status| refused::<()>(Err(status)).is(Code::PermissionDenied, "PERMISSION_DENIED");
    denied(ann.issue("ann", token_of(Role::Admin, "deployment")).await.unwrap_err());
    denied(ann.bind("ann", Role::Viewer, "projects/demo").await.unwrap_err());
    let identity = v1::Identity {
        identity: Some(v1::identity::Identity::SpiffeId("spiffe://example.org/x".to_owned())),
    };
    let known = v1::Principal { identities: vec![identity], ..Default::default() };
    denied(ann.update_principal("ann", known, "identities").await.unwrap_err());
    assert!(ann.revoke(&token).await.unwrap().revoke_time.is_some());
    refused(ann.who_am_i().await).is(Code::Unauthenticated, "CREDENTIALS_INVALID");

    // Of whatever role; and nobody else's.
    let (mine, ben) = caller(&server, "ben", Role::Runtime, LIVE).await;
    let (theirs, cay) = caller(&server, "cay", Role::Runtime, LIVE).await;
    denied(ben.revoke(&theirs).await.unwrap_err());
    ben.revoke(&mine).await.unwrap();
    refused(ben.resolve("demo", "main", Stage::Live).await)
        .is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    cay.resolve("demo", "main", Stage::Live).await.unwrap();
}

#[tokio::test]
async fn a_token_by_its_id_under_another_principal_is_none() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let (token, ann) = caller(&server, "ann", Role::Viewer, "projects/demo").await;
    admin.create_principal("ben").await.unwrap();
    let id = token.rsplit('/').next().unwrap();
    let elsewhere = format!("principals/ben/tokens/{id}");
    let request = v1::GetApiTokenRequest { name: elsewhere.clone() };
    let not_found = (Code::NotFound, "API_TOKEN_NOT_FOUND");
    refused(admin.access.clone().get_api_token(request).await).is(not_found.0, not_found.1);
    refused(admin.revoke(&elsewhere).await).is(not_found.0, not_found.1);
    ann.who_am_i().await.unwrap();
}

#[tokio::test]
async fn it_is_known_to_the_minute_when_a_token_was_used() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    admin.bind("ann", Role::Viewer, "projects/demo").await.unwrap();
    let (token, shown) = admin.issue("ann", token_of(Role::Viewer, "projects/demo")).await.unwrap();
    let used = async || {
        let request = v1::GetApiTokenRequest { name: token.name.clone() };
        let answer = admin.access.clone().get_api_token(request).await.unwrap();
        answer.into_inner().api_token.unwrap().last_use_time
    };
    assert_eq!(used().await, None);
    Client::connect(&server.address, &shown).await.who_am_i().await.unwrap();
    // It is noted after the call, by whoever has time.
    let noted = async {
        loop {
            if let Some(at) = used().await {
                break at;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let at = tokio::time::timeout(Duration::from_secs(20), noted).await.unwrap();
    assert_eq!((at.seconds % 60, at.nanos), (0, 0));
}
