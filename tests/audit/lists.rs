//! Listing records: by whom, of what, page by page, and for whom.

use super::world::World;
use crate::support::{Client, refused};
use tonic::{Code, Response};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{AuditEvent, ListAuditEventsRequest, ListAuditEventsResponse, Visibility};

pub fn all() -> ListAuditEventsRequest {
    ListAuditEventsRequest { parent: "deployment".to_owned(), ..Default::default() }
}

async fn list(
    client: &Client,
    request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, tonic::Status> {
    client.audit.clone().list_audit_events(request).await.map(Response::into_inner)
}

pub async fn events(client: &Client, request: ListAuditEventsRequest) -> Vec<AuditEvent> {
    list(client, request).await.unwrap().events
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_what_they_say() {
    let world = World::sqlite().await;
    world.disclose().await;
    world.until_count("CreateProject", "PERMISSION_DENIED", 1).await;
    let auditor = &world.auditor;
    let everything = events(auditor, all()).await;
    assert!(everything.len() > 8);
    let shown = everything.iter().find(|event| event.action == "RevealSecretValue").unwrap();
    assert_eq!((&*shown.project, &*shown.secret, shown.version), ("demo", "KEY", 2));
    assert_eq!((&*shown.outcome, shown.count), ("ok", 0));
    assert!(shown.credential.starts_with("token:") && shown.time.is_some());
    let denied = everything.iter().find(|event| event.outcome == "PERMISSION_DENIED").unwrap();
    assert_eq!(denied.action, "CreateProject");

    let by = ListAuditEventsRequest { principal: shown.principal.clone(), ..all() };
    let by = events(auditor, by).await;
    assert!(!by.is_empty() && by.iter().all(|event| event.principal == shown.principal));
    let of = ListAuditEventsRequest { action: "SetSecretValue".to_owned(), ..all() };
    assert_eq!(events(auditor, of).await.len(), 2);
    let about = ListAuditEventsRequest { secret: "KEY".to_owned(), ..all() };
    assert_eq!(events(auditor, about).await.len(), 4, "made, set twice, revealed");
    let since = ListAuditEventsRequest { start_time: shown.time, ..all() };
    let since = events(auditor, since).await;
    assert!(since.contains(shown) && since.len() < everything.len());
    let before = ListAuditEventsRequest { end_time: shown.time, ..all() };
    let before = events(auditor, before).await;
    assert!(!before.contains(shown) && !before.is_empty());
    // Asking is on record as well.
    let asked = ListAuditEventsRequest { action: "ListAuditEvents".to_owned(), ..all() };
    assert_eq!(events(auditor, asked).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_from_the_newest_to_the_oldest_and_fit_their_list_only() {
    let world = World::sqlite().await;
    let whole = events(&world.auditor, all()).await;
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAuditEventsRequest { page_size: 3, page_token, ..all() };
        let page = list(&world.auditor, request).await.unwrap();
        assert!(page.events.len() <= 3);
        paged.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let other = ListAuditEventsRequest {
            page_token: page_token.clone(),
            secret: "KEY".to_owned(),
            ..all()
        };
        refused(list(&world.auditor, other).await).is_about("INVALID_PAGE_TOKEN", "page_token");
        let another = world.server.client(Role::Auditor, false, "deployment").await;
        let stolen = ListAuditEventsRequest { page_token: page_token.clone(), ..all() };
        let answer = list(&another, stolen).await;
        refused(answer).is_about("INVALID_PAGE_TOKEN", "page_token");
        // That the token was tried makes tokens; the list goes on where it was.
    }
    let known: Vec<_> = paged.iter().filter(|event| whole.contains(event)).collect();
    assert_eq!(known, whole.iter().collect::<Vec<_>>());
    let places = whole.iter().filter(|event| event.chain == "deployment");
    assert!(places.map(|event| event.sequence).is_sorted_by(|newer, older| newer > older));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_as_far_as_the_scope_goes() {
    let world = World::sqlite().await;
    world.admin.create_project("other").await.unwrap();
    world.builder.create_secret("other", "KEY", Visibility::Masked, None).await.unwrap();
    let narrow = world.server.client(Role::Auditor, false, "projects/demo").await;
    let of = |project: &str| ListAuditEventsRequest {
        parent: format!("projects/{project}"),
        ..Default::default()
    };
    let seen = events(&narrow, of("demo")).await;
    assert!(!seen.is_empty() && seen.iter().all(|event| event.project == "demo"));
    refused(list(&narrow, of("other")).await).is(Code::PermissionDenied, "PERMISSION_DENIED");
    refused(list(&narrow, all()).await).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let other = events(&world.auditor, of("other")).await;
    assert_eq!(other.iter().filter(|event| event.action == "CreateSecret").count(), 1);
    assert!(other.iter().all(|event| event.project == "other"));
    let absent = list(&world.auditor, of("absent")).await;
    refused(absent).is(Code::NotFound, "PROJECT_NOT_FOUND");
    refused(list(&world.builder, all()).await).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let whole = waxseal_proto::v1::VerifyAuditTrailRequest {};
    let verify = narrow.audit.clone().verify_audit_trail(whole).await;
    refused(verify).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let export = waxseal_proto::v1::ExportAuditTrailRequest {};
    let export = narrow.audit.clone().export_audit_trail(export).await;
    refused(export).is(Code::PermissionDenied, "PERMISSION_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_held_to_their_rules() {
    let world = World::sqlite().await;
    let bad = |change: &dyn Fn(&mut ListAuditEventsRequest)| {
        let mut request = all();
        change(&mut request);
        list(&world.auditor, request)
    };
    refused(bad(&|r| r.parent = "projects/".to_owned()).await).is_about("INVALID_NAME", "parent");
    refused(bad(&|r| r.parent = String::new()).await).is_about("INVALID_NAME", "parent");
    refused(bad(&|r| r.secret = "1".to_owned()).await).is_about("INVALID_NAME", "secret");
    let long = |most: usize| "x".repeat(most + 1);
    refused(bad(&|r| r.principal = long(256)).await).is_about("INVALID_FIELD", "principal");
    refused(bad(&|r| r.action = long(64)).await).is_about("INVALID_FIELD", "action");
    refused(bad(&|r| r.page_size = -1).await).is_about("INVALID_FIELD", "page_size");
    let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let wrong = bad(&|r| r.start_time = time(i64::MAX, 0)).await;
    refused(wrong).is_about("INVALID_FIELD", "start_time");
    refused(bad(&|r| r.end_time = time(0, -1)).await).is_about("INVALID_FIELD", "end_time");
}
