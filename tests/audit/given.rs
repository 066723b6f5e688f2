//! Who was given what, by whom: what is on record of changes of access, and of those that were
//! refused.

use super::lists::{all, events};
use super::world::World;
use crate::support::token_of;
use tonic::Code;
use waxseal_proto::v1::{AuditEvent, ListAuditEventsRequest, Role};

/// What is on record of a method, the newest first, but for what the operator of the machine did.
async fn of(world: &World, action: &str) -> Vec<AuditEvent> {
    let wanted = ListAuditEventsRequest { action: action.to_owned(), ..all() };
    let mut found = events(&world.auditor, wanted).await;
    found.retain(|event| event.principal != "local");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_and_taken_is_on_record_by_its_name() {
    let world = World::sqlite().await;
    let admin = &world.admin;
    admin.create_principal("ann").await.unwrap();
    let given = admin.bind("ann", Role::Viewer, "projects/demo").await.unwrap();
    let wish = token_of(Role::Viewer, "projects/demo");
    let (token, shown) = admin.issue("ann", wish).await.unwrap();
    admin.unbind(&given.name).await.unwrap();

    let made = of(&world, "CreatePrincipal").await;
    assert_eq!((made.len(), &*made[0].resource, &*made[0].grant), (1, "principals/ann", ""));
    for action in ["CreateBinding", "DeleteBinding"] {
        let events = of(&world, action).await;
        let said = (events.len(), &events[0].resource, &*events[0].grant);
        assert_eq!(said, (1, &given.name, "viewer projects/demo"), "{action}");
    }
    let issued = of(&world, "CreateApiToken").await;
    assert_eq!((issued.len(), &issued[0].resource), (1, &token.name));
    let (what, end) = issued[0].grant.split_once(" until ").unwrap();
    assert_eq!((what, end.parse().ok()), ("viewer projects/demo", token.expire_time));
    let trail = world.export().await.join("\n");
    let secret = shown.split('_').nth(3).unwrap();
    assert!(trail.contains(&token.name) && !trail.contains(secret));
    assert_eq!(world.until_signed().await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_of_access_is_on_record() {
    let world = World::sqlite().await;
    world.admin.create_principal("ann").await.unwrap();
    // Without the right at all, and with it but not for that.
    let refused = world.runtime.bind("ann", Role::Viewer, "projects/demo").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    world.until_count("CreateBinding", "PERMISSION_DENIED", 1).await;
    world.admin.create_principal("dee").await.unwrap();
    world.admin.bind("dee", Role::Admin, "deployment").await.unwrap();
    let (_, token) = world.admin.issue("dee", token_of(Role::Admin, "deployment")).await.unwrap();
    let dee = crate::support::Client::connect(&world.server.address, &token).await;
    dee.bind("dee", Role::Viewer, "projects/demo").await.unwrap_err();
    world.until_count("CreateBinding", "PERMISSION_DENIED", 2).await;
    dee.issue("dee", token_of(Role::Admin, "deployment")).await.unwrap_err();
    world.until_count("CreateApiToken", "PERMISSION_DENIED", 1).await;

    let denied = of(&world, "CreateBinding").await;
    let mut denied = denied.iter().filter(|event| event.outcome == "PERMISSION_DENIED");
    let own = denied.next().unwrap();
    assert_eq!((&*own.principal, &*own.resource), ("principals/dee", "principals/dee/bindings"));
    let issued = of(&world, "CreateApiToken").await;
    let issued = issued.iter().find(|event| event.outcome == "PERMISSION_DENIED").unwrap();
    assert_eq!(issued.resource, "principals/dee/tokens");
}
