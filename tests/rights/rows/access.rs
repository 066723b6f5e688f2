//! Principals, bindings and tokens.

use super::{Row, Undo, garbage, row};
use crate::support::{Client, token_of};
use prost::Message as _;
use std::cell::RefCell;
use waxseal_proto::v1::{self, Role};

/// The scope of what is aimed at.
const SCOPE: &str = "projects/demo/environments/staging/stages/draft";

thread_local! {
    /// Binding and token of the principal `held`, of the server that this test has.
    static HELD: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Makes a principal with something to be aimed at.
pub async fn hold(admin: &Client) {
    admin.create_principal("held").await.unwrap();
    bind(admin).await;
    // What the token takes its right from stays.
    admin.bind("held", Role::Viewer, SCOPE).await.unwrap();
    let (token, _) = admin.issue("held", token_of(Role::Viewer, SCOPE)).await.unwrap();
    HELD.with_borrow_mut(|held| held.1 = token.name);
}

pub async fn bind(admin: &Client) {
    let binding = admin.bind("held", Role::Auditor, SCOPE).await.unwrap();
    HELD.with_borrow_mut(|held| held.0 = binding.name);
}

fn binding() -> String {
    HELD.with_borrow(|held| held.0.clone())
}

fn token() -> String {
    HELD.with_borrow(|held| held.1.clone())
}

fn principals() -> Vec<String> {
    ["principals/held", "principals/gone"].map(str::to_owned).into()
}

/// A row of one that is made anew under another name.
fn of_held<Q: prost::Message + 'static>(
    method: &'static str,
    held: fn() -> String,
    absent: [&str; 2],
    ask: fn(String) -> Q,
) -> Row {
    Row {
        method,
        aim: String::new(),
        existing: Box::new(move |_| ask(held()).encode_to_vec()),
        absent: absent.map(|name| ask(name.to_owned()).encode_to_vec()).into(),
        malformed: Vec::new(),
        unnamed: Some(ask("x".to_owned()).encode_to_vec()),
        undo: Undo::Nothing,
    }
}

/// The same row, with scopes that do not exist beside the names that do not.
fn of_scopes(mut row: Row, ask: fn(String, &str) -> Vec<u8>) -> Row {
    for scope in [
        "projects/gone",
        "projects/gone/environments/staging/stages/draft",
        "projects/demo/environments/gone/stages/draft",
    ] {
        row.absent.push(ask("principals/held".to_owned(), scope));
    }
    row
}

fn binding_in(parent: String, scope: &str) -> v1::CreateBindingRequest {
    let (role, scope) = (Role::Viewer.into(), scope.to_owned());
    let binding = Some(v1::Binding { role, scope, ..Default::default() });
    v1::CreateBindingRequest { parent, binding, ..Default::default() }
}

fn token_in(parent: String, scope: &str) -> v1::CreateApiTokenRequest {
    let api_token = Some(token_of(Role::Viewer, scope));
    v1::CreateApiTokenRequest { parent, api_token, ..Default::default() }
}

fn of_nothing(method: &'static str, message: Vec<u8>) -> Row {
    Row {
        method,
        aim: String::new(),
        existing: Box::new(move |_| message.clone()),
        absent: Vec::new(),
        malformed: Vec::new(),
        unnamed: None,
        undo: Undo::Nothing,
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_principals();
    rows.extend(of_bindings());
    rows.extend(of_tokens());
    let permissions = vec!["GetSecret".to_owned()];
    let test = v1::TestPermissionsRequest { scope: SCOPE.to_owned(), permissions };
    rows.push(of_nothing("WhoAmI", Vec::new()));
    rows.push(of_nothing("TestPermissions", test.encode_to_vec()));
    rows.push(of_nothing("Initialize", Vec::new()));
    rows
}

fn of_principals() -> Vec<Row> {
    let create =
        |principal_id: String| v1::CreatePrincipalRequest { principal_id, ..Default::default() };
    let spare = ["principals/spare", "principals/gone"].map(str::to_owned);
    vec![
        super::projects::of_all("CreatePrincipal", create, &["held"], create("-".to_owned())),
        row("GetPrincipal", "", &principals(), |name, _| v1::GetPrincipalRequest { name }, |_| ()),
        of_nothing("ListPrincipals", Vec::new()),
        row(
            "UpdatePrincipal",
            "",
            &principals(),
            |name, number| v1::UpdatePrincipalRequest {
                principal: Some(v1::Principal {
                    name,
                    display_name: format!("{number}"),
                    ..Default::default()
                }),
                ..Default::default()
            },
            |request| {
                request.update_mask = Some(prost_types::FieldMask { paths: vec![garbage()] });
                (request.etag, request.request_id) = (garbage(), garbage());
            },
        ),
        Row {
            undo: Undo::CreateSparePrincipal,
            ..row(
                "DeletePrincipal",
                "",
                &spare,
                |name, _| v1::DeletePrincipalRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
    ]
}

fn of_bindings() -> Vec<Row> {
    const ABSENT: [&str; 2] = [
        "principals/held/bindings/0198c5e2-7f3a-7c00-8000-0198c5e27f3a",
        "principals/gone/bindings/0198c5e2-7f3a-7c00-8000-0198c5e27f3a",
    ];
    vec![
        of_scopes(
            row(
                "CreateBinding",
                "",
                &principals(),
                |parent, _| binding_in(parent, SCOPE),
                |request| {
                    request.binding.as_mut().unwrap().role = 99;
                    request.request_id = garbage();
                },
            ),
            |parent, scope| binding_in(parent, scope).encode_to_vec(),
        ),
        row(
            "ListBindings",
            "",
            &principals(),
            |parent, _| v1::ListBindingsRequest { parent, ..Default::default() },
            |request| (request.page_size, request.page_token) = (-1, garbage()),
        ),
        Row {
            undo: Undo::BindAnew,
            ..of_held("DeleteBinding", binding, ABSENT, |name| v1::DeleteBindingRequest {
                name,
                ..Default::default()
            })
        },
    ]
}

fn of_tokens() -> Vec<Row> {
    const ABSENT: [&str; 2] =
        ["principals/held/tokens/0000AAAAzzzz", "principals/gone/tokens/0000AAAAzzzz"];
    vec![
        of_scopes(
            row(
                "CreateApiToken",
                "",
                &principals(),
                |parent, _| token_in(parent, SCOPE),
                |request| {
                    request.api_token.as_mut().unwrap().expire_time = None;
                    request.request_id = garbage();
                },
            ),
            |parent, scope| token_in(parent, scope).encode_to_vec(),
        ),
        of_held("GetApiToken", token, ABSENT, |name| v1::GetApiTokenRequest { name }),
        row(
            "ListApiTokens",
            "",
            &principals(),
            |parent, _| v1::ListApiTokensRequest { parent, ..Default::default() },
            |request| (request.page_size, request.page_token) = (-1, garbage()),
        ),
        of_held("RevokeApiToken", token, ABSENT, |name| v1::RevokeApiTokenRequest {
            name,
            ..Default::default()
        }),
    ]
}
