//! What is given: by whom, to whom, and what may not come together.

use super::{LIVE, caller};
use crate::support::{Client, Server, refused, token_of};
use std::time::{Duration, SystemTime};
use tonic::Code;
use waxseal_domain::caller::Role as Of;
use waxseal_proto::v1::{self, Role, Stage, Visibility};

#[tokio::test]
async fn a_principal_does_what_its_bindings_say_and_no_more() {
    let server = Server::with_demo().await;
    let (_, ann) = caller(&server, "ann", Role::Builder, "projects/demo").await;
    ann.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    refused(ann.create_project("new").await).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let slot = crate::support::default_slot();
    refused(ann.reveal("demo", "KEY", slot).await).is(Code::PermissionDenied, "PERMISSION_DENIED");
}

#[tokio::test]
async fn an_admin_gives_within_their_own_scope_and_never_to_themselves() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_project("other").await.unwrap();
    let (_, of_demo) = caller(&server, "dee", Role::Admin, "projects/demo").await;
    admin.create_principal("ann").await.unwrap();
    for scope in ["projects/demo", LIVE] {
        of_demo.bind("ann", Role::Viewer, scope).await.unwrap();
    }
    let elsewhere = admin.bind("ann", Role::Viewer, "projects/other").await.unwrap();
    let denied =
        |status| refused::<()>(Err(status)).is(Code::PermissionDenied, "PERMISSION_DENIED");
    for scope in ["deployment", "projects/other", "projects/gone"] {
        denied(of_demo.bind("ann", Role::Viewer, scope).await.unwrap_err());
        let token = token_of(Role::Viewer, scope);
        denied(of_demo.issue("ann", token).await.unwrap_err());
    }
    // What is elsewhere neither shows nor goes.
    let seen = of_demo.bindings("ann").await.unwrap();
    assert_eq!(seen.iter().map(|seen| &*seen.scope).collect::<Vec<_>>(), ["projects/demo", LIVE]);
    denied(of_demo.unbind(&elsewhere.name).await.unwrap_err());
    assert_eq!(admin.bindings("ann").await.unwrap().len(), 3);
    of_demo.unbind(&seen[0].name).await.unwrap();
    // Nor do principals belong to a project.
    denied(of_demo.create_principal("ben").await.unwrap_err());
    denied(of_demo.get_principal("ann").await.unwrap_err());
    denied(of_demo.disable("ann", true).await.unwrap_err());
    // Nobody gives to themselves.
    for role in [Role::Admin, Role::Viewer, Role::Builder] {
        denied(of_demo.bind("dee", role, "projects/demo").await.unwrap_err());
    }
    let (_, top) = caller(&server, "top", Role::Admin, "deployment").await;
    denied(top.bind("top", Role::Runtime, "projects/demo").await.unwrap_err());
}

#[tokio::test]
async fn who_sets_does_not_resolve_where_the_two_meet() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_project("other").await.unwrap();
    const DRAFT: &str = "projects/demo/environments/main/stages/draft";
    let setting = [Role::Admin, Role::Builder];
    let meet = [
        ("deployment", "deployment"),
        ("deployment", LIVE),
        ("projects/demo", "projects/demo"),
        ("projects/demo", LIVE),
        (LIVE, LIVE),
    ];
    let mut number = 0;
    for role in setting {
        for (wide, narrow) in meet {
            for (first, second) in [
                ((role, wide), (Role::Runtime, narrow)),
                ((role, narrow), (Role::Runtime, wide)),
                ((Role::Runtime, wide), (role, narrow)),
                ((Role::Runtime, narrow), (role, wide)),
            ] {
                number += 1;
                let id = format!("both-{number}");
                admin.create_principal(&id).await.unwrap();
                admin.bind(&id, first.0, first.1).await.unwrap();
                refused(admin.bind(&id, second.0, second.1).await)
                    .is(Code::FailedPrecondition, "SEPARATION_OF_DUTIES");
            }
        }
    }
    for (one, other) in [("projects/demo", "projects/other"), (LIVE, DRAFT)] {
        number += 1;
        let id = format!("both-{number}");
        admin.create_principal(&id).await.unwrap();
        admin.bind(&id, Role::Builder, one).await.unwrap();
        admin.bind(&id, Role::Runtime, other).await.unwrap();
        for beside in [Role::Viewer, Role::Auditor, Role::Keyholder] {
            admin.bind(&id, beside, "deployment").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_binding_that_is_over_gives_nothing_and_stands_in_nobodys_way() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    let soon = SystemTime::now() + Duration::from_secs(600);
    let binding = v1::Binding {
        role: Role::Runtime.into(),
        scope: "projects/demo".to_owned(),
        expire_time: Some(soon.into()),
        ..Default::default()
    };
    admin.bind_as("ann", binding.clone()).await.unwrap();
    let (_, shown) = admin.issue("ann", token_of(Role::Runtime, "projects/demo")).await.unwrap();
    let ann = Client::connect(&server.address, &shown).await;
    ann.resolve("demo", "main", Stage::Live).await.unwrap();
    // The right ends with the binding, which is before the token does.
    let grants = ann.who_am_i().await.unwrap().grants;
    assert_eq!(grants.iter().map(|grant| grant.expire_time).collect::<Vec<_>>().len(), 1);
    assert!(grants[0].expire_time.unwrap().seconds < soon_plus(&soon, 1));
    server.pass(Duration::from_secs(601));
    refused(ann.resolve("demo", "main", Stage::Live).await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");
    let admin = server.admin().await;
    refused(admin.bind_as("ann", binding).await).is_about("INVALID_FIELD", "binding.expire_time");
    admin.bind("ann", Role::Builder, "projects/demo").await.unwrap();
}

fn soon_plus(soon: &SystemTime, seconds: u64) -> i64 {
    let at = soon.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + seconds;
    i64::try_from(at).unwrap()
}

#[tokio::test]
async fn an_identity_is_of_one_principal() {
    let server = Server::start().await;
    let admin = server.admin().await;
    const ONE: &str = "spiffe://example.org/one";
    admin.create_principal_known_by("ann", &[ONE]).await.unwrap();
    let taken = |status| refused::<()>(Err(status)).is(Code::AlreadyExists, "IDENTITY_TAKEN");
    taken(admin.create_principal_known_by("ben", &[ONE]).await.unwrap_err());
    let ben = admin.create_principal("ben").await.unwrap();
    let identities = admin.get_principal("ann").await.unwrap().identities;
    let known = v1::Principal { identities, ..ben };
    taken(admin.update_principal("ben", known.clone(), "identities").await.unwrap_err());
    // It is free once nobody has it.
    let none = v1::Principal::default();
    admin.update_principal("ann", none, "identities").await.unwrap();
    admin.update_principal("ben", known, "identities").await.unwrap();
    admin.delete_principal("ben").await.unwrap();
    admin.create_principal_known_by("cay", &[ONE]).await.unwrap();
}

#[tokio::test]
async fn whoever_is_known_by_an_identity_has_the_rights_of_its_principal() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    const ONE: &str = "spiffe://example.org/one";
    let identity = |id: &str| {
        let id = waxseal_domain::identity::SpiffeId::parse(id).unwrap();
        waxseal_domain::identity::Identity::Spiffe(id)
    };
    let engine = server.engine.clone();
    assert!(engine.authenticate_identity(&identity(ONE)).await.is_err(), "unknown");
    admin.create_principal_known_by("ann", &[ONE]).await.unwrap();
    admin.bind("ann", Role::Runtime, "projects/demo").await.unwrap();
    let ann = engine.authenticate_identity(&identity(ONE)).await.unwrap();
    assert_eq!(ann.principal, "principals/ann");
    assert_eq!(ann.grants.iter().map(|grant| grant.role).collect::<Vec<_>>(), [Of::Runtime]);
    for other in ["spiffe://example.org/One", "spiffe://example.org/one1"] {
        assert!(engine.authenticate_identity(&identity(other)).await.is_err(), "{other}");
    }
    admin.disable("ann", true).await.unwrap();
    assert!(engine.authenticate_identity(&identity(ONE)).await.is_err(), "disabled");
    admin.disable("ann", false).await.unwrap();
    engine.authenticate_identity(&identity(ONE)).await.unwrap();
    admin.delete_principal("ann").await.unwrap();
    assert!(engine.authenticate_identity(&identity(ONE)).await.is_err(), "deleted");
}

#[tokio::test]
async fn callers_are_told_who_they_are_and_what_they_may() {
    let server = Server::with_demo().await;
    let (token, ann) = caller(&server, "ann", Role::Builder, "projects/demo").await;
    let who = ann.who_am_i().await.unwrap();
    assert_eq!(who.principal, "principals/ann");
    assert_eq!(who.credential, Some(v1::who_am_i_response::Credential::ApiToken(token)));
    let [grant] = &who.grants[..] else { panic!("{who:?}") };
    assert_eq!(
        (grant.role(), grant.reveal, &*grant.scope),
        (Role::Builder, false, "projects/demo")
    );
    assert!(who.expire_time.is_some());

    let asked = ["SetSecretValue", "RevealSecretValue", "GetSecret", "ResolveSecrets", "WhoAmI"];
    let mine = ["SetSecretValue", "GetSecret", "WhoAmI"];
    for scope in ["projects/demo", LIVE, "projects/demo/environments/gone/stages/live"] {
        assert_eq!(ann.may(scope, &asked).await.unwrap(), mine, "{scope}");
    }
    // What is not there is not told from what is not theirs.
    for scope in ["deployment", "projects/other", "projects/gone"] {
        assert!(ann.may(scope, &asked).await.unwrap().is_empty(), "{scope}");
    }
}
