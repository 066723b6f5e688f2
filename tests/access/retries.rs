//! A request id makes a change of who may do what safe to repeat: each of these holds for every
//! method of access that has one.

use crate::support::{Client, Server, refused, token_of};
use futures::future::join_all;
use tonic::{Code, Response, Status};
use uuid::Uuid;
use waxseal_domain::caller::Role as Held;
use waxseal_proto::v1::{self, Role};

#[derive(Clone, Copy, Debug)]
enum Change {
    CreatePrincipal,
    UpdatePrincipal,
    DeletePrincipal,
    CreateBinding,
    DeleteBinding,
    CreateApiToken,
    RevokeApiToken,
}

use Change as C;

const ALL: [Change; 7] = [
    C::CreatePrincipal,
    C::UpdatePrincipal,
    C::DeletePrincipal,
    C::CreateBinding,
    C::DeleteBinding,
    C::CreateApiToken,
    C::RevokeApiToken,
];

/// What the changes are about: one thing, or another of its kind.
struct Things {
    bindings: [String; 2],
    tokens: [String; 2],
}

const DEMO: &str = "projects/demo";

async fn things(admin: &Client) -> Things {
    for id in ["ann", "ending", "ending-too"] {
        admin.create_principal(id).await.unwrap();
    }
    admin.bind("ann", Role::Viewer, DEMO).await.unwrap();
    let mut bindings = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        bindings.push(admin.bind("ann", Role::Auditor, DEMO).await.unwrap().name);
        tokens.push(admin.issue("ann", token_of(Role::Viewer, DEMO)).await.unwrap().0.name);
    }
    Things { bindings: bindings.try_into().unwrap(), tokens: tokens.try_into().unwrap() }
}

impl Change {
    /// Calls the method about one thing or the other; gives the encoded response.
    async fn call(
        self,
        client: &Client,
        things: &Things,
        which: usize,
        request_id: &str,
        expires: prost_types::Timestamp,
    ) -> Result<Vec<u8>, Status> {
        let mut access = client.access.clone();
        let (request_id, parent) = (request_id.to_owned(), "principals/ann".to_owned());
        match self {
            Self::CreatePrincipal => {
                let principal_id = ["new", "new-too"][which].to_owned();
                let request =
                    v1::CreatePrincipalRequest { principal_id, request_id, ..Default::default() };
                encoded(access.create_principal(request).await)
            }
            Self::UpdatePrincipal => {
                let display_name = ["One", "Other"][which].to_owned();
                let principal =
                    Some(v1::Principal { name: parent, display_name, ..Default::default() });
                let request =
                    v1::UpdatePrincipalRequest { principal, request_id, ..Default::default() };
                encoded(access.update_principal(request).await)
            }
            Self::DeletePrincipal => {
                let name = ["principals/ending", "principals/ending-too"][which].to_owned();
                let request = v1::DeletePrincipalRequest { name, request_id, ..Default::default() };
                encoded(access.delete_principal(request).await)
            }
            Self::CreateBinding => {
                let role = [Role::Viewer, Role::Auditor][which].into();
                let scope = DEMO.to_owned();
                let binding = Some(v1::Binding { role, scope, ..Default::default() });
                let request = v1::CreateBindingRequest { parent, binding, request_id };
                encoded(access.create_binding(request).await)
            }
            Self::DeleteBinding => {
                let name = things.bindings[which].clone();
                let request = v1::DeleteBindingRequest { name, request_id };
                encoded(access.delete_binding(request).await)
            }
            Self::CreateApiToken => {
                let live = "projects/demo/environments/main/stages/live";
                let token = token_of(Role::Viewer, [DEMO, live][which]);
                let api_token = Some(v1::ApiToken { expire_time: Some(expires), ..token });
                let request = v1::CreateApiTokenRequest { parent, api_token, request_id };
                encoded(access.create_api_token(request).await)
            }
            Self::RevokeApiToken => {
                let name = things.tokens[which].clone();
                let request = v1::RevokeApiTokenRequest { name, request_id };
                encoded(access.revoke_api_token(request).await)
            }
        }
    }
}

fn encoded<T: prost::Message>(answer: Result<Response<T>, Status>) -> Result<Vec<u8>, Status> {
    answer.map(|response| response.into_inner().encode_to_vec())
}

/// How many changes of a kind are on record.
async fn recorded(auditor: &Client, change: Change) -> usize {
    let request = v1::ListAuditEventsRequest {
        parent: "deployment".to_owned(),
        action: format!("{change:?}"),
        ..Default::default()
    };
    let answer = auditor.audit.clone().list_audit_events(request).await.unwrap().into_inner();
    answer.events.iter().filter(|event| event.outcome == "ok").count()
}

#[test]
fn the_table_holds_every_method_of_access_with_a_request_id() {
    let files = crate::support::raw::descriptors().file;
    let has_id = |request: &str| {
        let name = request.rsplit('.').next().unwrap();
        let mut messages = files.iter().flat_map(|file| &file.message_type);
        let message = messages.find(|message| message.name() == name);
        message.unwrap().field.iter().any(|field| field.name() == "request_id")
    };
    let methods = crate::support::raw::methods().into_iter();
    let methods = methods.filter(|(service, _)| service.ends_with("AccessService"));
    let mut with_id: Vec<_> = methods
        .filter(|(_, method)| has_id(method.input_type()))
        .map(|(_, method)| method.name().to_owned())
        .collect();
    let mut table = ALL.map(|change| format!("{change:?}")).to_vec();
    with_id.sort();
    table.sort();
    assert_eq!(table, with_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_repetitions_at_once_one_is_applied_and_one_on_record() {
    let server = Server::with_demo().await;
    let setup = server.admin().await;
    let things = things(&setup).await;
    let auditor = server.client(Held::Auditor, false, "deployment").await;
    let token = server.token(Held::Admin, false, "deployment").await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(Client::connect(&server.address, &token).await);
    }
    let expires = token_of(Role::Viewer, DEMO).expire_time.unwrap();
    for change in ALL {
        let id = Uuid::now_v7().to_string();
        let before = recorded(&auditor, change).await;
        let calls = (0..20).map(|call| change.call(&clients[call % 4], &things, 0, &id, expires));
        let (mut answers, mut shown) = (Vec::new(), 0);
        for answer in join_all(calls).await {
            match answer {
                Ok(answer) => answers.push(answer),
                refusal => match refused(refusal) {
                    refusal if refusal.reason == "TOKEN_SHOWN_ONCE" => shown += 1,
                    refusal => refusal.is(Code::Aborted, "REQUEST_IN_PROGRESS"),
                },
            }
        }
        assert!(!answers.is_empty(), "{change:?}");
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{change:?}");
        match change {
            // It is in one answer, and in no other.
            C::CreateApiToken => assert_eq!(answers.len(), 1),
            _ => assert_eq!(shown, 0, "{change:?}"),
        }
        assert_eq!(recorded(&auditor, change).await, before + 1, "{change:?}");

        // Afterwards as well, under this id and by this caller.
        let again = change.call(&clients[0], &things, 0, &id, expires).await;
        match change {
            C::CreateApiToken => {
                refused(again).is(Code::FailedPrecondition, "TOKEN_SHOWN_ONCE");
            }
            _ => assert_eq!(again.unwrap(), answers[0], "{change:?}"),
        }
        let reused = change.call(&clients[0], &things, 1, &id, expires).await;
        refused(reused).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(recorded(&auditor, change).await, before + 1, "{change:?}");
        // To another caller the id means nothing.
        change.call(&setup, &things, 1, &id, expires).await.unwrap();
        assert_eq!(recorded(&auditor, change).await, before + 2, "{change:?}");
    }
}
