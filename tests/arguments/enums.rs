//! Enums and slots: what has to be said has to be said, and numbers without a name are none.

use crate::support::raw::{Raw, descriptors, methods};
use crate::support::refusal::read;
use crate::support::{Server, default_slot, override_slot, refused, text};
use prost::Message;
use prost_types::FieldMask;
use prost_types::field_descriptor_proto::Type;
use std::collections::BTreeSet;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility, slot};

/// A request that is right but for the number in one field.
struct Field {
    method: &'static str,
    field: &'static str,
    /// Whether nothing may be said.
    optional: bool,
    request: fn(i32) -> Vec<u8>,
}

macro_rules! fields {
    ($($method:literal, $field:literal, $optional:literal: |$sent:ident| $request:expr;)*) => {
        const FIELDS: &[Field] = &[$(Field {
            method: $method,
            field: $field,
            optional: $optional,
            request: |$sent| $request.encode_to_vec(),
        },)*];
    };
}

fields! {
    "CreateEnvironment", "environment.fallback", true: |fallback| v1::CreateEnvironmentRequest {
        parent: demo(),
        environment_id: "new".to_owned(),
        environment: Some(v1::Environment { fallback, ..Default::default() }),
        ..Default::default()
    };
    "UpdateEnvironment", "environment.fallback", false: |fallback| v1::UpdateEnvironmentRequest {
        environment: Some(v1::Environment { name: main(), fallback, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["fallback".to_owned()] }),
        ..Default::default()
    };
    "ExplainEnvironment", "stage", false:
        |stage| v1::ExplainEnvironmentRequest { name: main(), stage };
    "CreateSecret", "secret.visibility", false: |visibility| v1::CreateSecretRequest {
        parent: demo(),
        secret_id: "NEW".to_owned(),
        secret: Some(v1::Secret { visibility, ..Default::default() }),
        ..Default::default()
    };
    "UpdateSecret", "secret.visibility", false: |visibility| v1::UpdateSecretRequest {
        secret: Some(v1::Secret { name: key(), visibility, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["visibility".to_owned()] }),
        ..Default::default()
    };
    "ListSecrets", "stage", false: |stage| v1::ListSecretsRequest {
        parent: demo(), environment: "main".to_owned(), stage, ..Default::default()
    };
    "SetSecretValue", "slot.override.stage", false: |stage| v1::SetSecretValueRequest {
        name: key(), slot: at(stage), payload: text("value"), ..Default::default()
    };
    "VerifySecretValue", "slot.override.stage", false: |stage| v1::VerifySecretValueRequest {
        name: key(), slot: at(stage), payload: text("value")
    };
    "ListSecretVersions", "slot.override.stage", false: |stage| v1::ListSecretVersionsRequest {
        name: key(), slot: at(stage), ..Default::default()
    };
    "RollbackSecretValue", "slot.override.stage", false: |stage| v1::RollbackSecretValueRequest {
        name: key(), slot: at(stage), version: 1, ..Default::default()
    };
    "DestroySecretVersion", "slot.override.stage", false: |stage| v1::DestroySecretVersionRequest {
        name: key(), slot: at(stage), version: 2, ..Default::default()
    };
    "ClearSecretValue", "slot.override.stage", false: |stage| v1::ClearSecretValueRequest {
        name: key(), slot: at(stage), ..Default::default()
    };
    "RevealSecretValue", "slot.override.stage", false: |stage| v1::RevealSecretValueRequest {
        name: key(), slot: at(stage), version: 0
    };
    "ListOverrides", "stage", false: |stage| v1::ListOverridesRequest {
        parent: main(), stage, ..Default::default()
    };
    "BatchSetOverrides", "stage", false: |stage| v1::BatchSetOverridesRequest {
        parent: main(),
        stage,
        overrides: vec![v1::OverrideValue { secret: "KEY".to_owned(), payload: text("value") }],
        ..Default::default()
    };
    "ResolveEnvironment", "stage", false: |stage| v1::ResolveEnvironmentRequest {
        name: main(), stage, ..Default::default()
    };
    "WatchEnvironment", "stage", false: |stage| v1::WatchEnvironmentRequest {
        name: main(), stage, ..Default::default()
    };
    "ResolveSecrets", "stage", false: |stage| v1::ResolveSecretsRequest {
        name: main(), stage, secrets: vec!["KEY".to_owned()], ..Default::default()
    };
    "RenderTemplates", "stage", false: |stage| v1::RenderTemplatesRequest {
        name: main(), stage, templates: vec![template(1)], ..Default::default()
    };
    "RenderTemplates", "templates.context", false: |context| v1::RenderTemplatesRequest {
        name: main(), stage: 2, templates: vec![template(context)], ..Default::default()
    };
    "ParseReferences", "stage", false: |stage| v1::ParseReferencesRequest {
        parent: demo(), text: String::new(), environment: "main".to_owned(), stage
    };
    "CreateBinding", "binding.role", false: |role| v1::CreateBindingRequest {
        parent: "principals/held".to_owned(),
        binding: Some(v1::Binding { role, scope: "projects/demo".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    "CreateApiToken", "api_token.role", false: |role| v1::CreateApiTokenRequest {
        parent: "principals/held".to_owned(),
        api_token: Some(v1::ApiToken {
            role,
            ..crate::support::token_of(v1::Role::Admin, "projects/demo")
        }),
        ..Default::default()
    };
}

fn template(context: i32) -> v1::Template {
    v1::Template { id: String::new(), text: "\"\"".to_owned(), context }
}

fn demo() -> String {
    "projects/demo".to_owned()
}

fn main() -> String {
    "projects/demo/environments/main".to_owned()
}

fn key() -> String {
    "projects/demo/secrets/KEY".to_owned()
}

fn at(stage: i32) -> Option<v1::Slot> {
    let slot = v1::OverrideSlot { environment: "main".to_owned(), stage };
    Some(v1::Slot { slot: Some(slot::Slot::Override(slot)) })
}

/// A server with the secret `KEY`, set in every slot of `main`, and a token for each method.
async fn prepared() -> (Server, Raw, [String; 3]) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        admin.set("demo", "KEY", override_slot("main", stage), "value").await.unwrap();
    }
    let request =
        v1::CreatePrincipalRequest { principal_id: "held".to_owned(), ..Default::default() };
    admin.access.clone().create_principal(request).await.unwrap();
    let tokens = [
        server.token(Role::Admin, false, "deployment").await,
        server.token(Role::Builder, true, "deployment").await,
        server.token(Role::Runtime, false, "deployment").await,
    ];
    let raw = Raw::connect(&server.address).await;
    (server, raw, tokens)
}

fn token<'a>([admin, builder, runtime]: &'a [String; 3], method: &str) -> &'a str {
    match method {
        "RevealSecretValue" => builder,
        "ResolveEnvironment" | "ResolveSecrets" | "WatchEnvironment" | "RenderTemplates" => runtime,
        _ => admin,
    }
}

#[tokio::test]
async fn a_number_without_a_name_is_refused_and_so_is_none_where_one_is_required() {
    let (_server, raw, tokens) = prepared().await;
    for Field { method, field, optional, request } in FIELDS {
        for number in [0, 3, 99, -1, i32::MAX, i32::MIN] {
            // Of the contexts of rendering there are more, and of roles.
            let is_one = number == 3 && (*field == "templates.context" || field.ends_with(".role"));
            if is_one || number == 0 && *optional {
                continue;
            }
            let answer = raw.call(method, token(&tokens, method), request(number)).await;
            let Err(status) = answer else { panic!("{method}.{field} took {number}") };
            let refusal = read(&status);
            refusal.is(tonic::Code::InvalidArgument, "INVALID_FIELD");
            let fields: Vec<_> =
                refusal.fields.iter().map(|field| field.replace("[0]", "")).collect();
            assert_eq!(fields, [*field], "{method} {number}: {status:?}");
            assert!(!status.message().contains(&number.to_string()) || number.abs() < 100);
        }
        // What was cleared in the draft stage is revealed in the live one.
        let number = match *method {
            _ if *optional => 0,
            "RevealSecretValue" => 2,
            _ => 1,
        };
        raw.call(method, token(&tokens, method), request(number)).await.unwrap();
    }
}

#[test]
fn every_enum_of_a_request_is_in_the_table() {
    let tested: BTreeSet<_> =
        FIELDS.iter().map(|field| (field.method.to_owned(), field.field.to_owned())).collect();
    let mut defined = BTreeSet::new();
    for (_, method) in methods() {
        let mut paths = Vec::new();
        collect(method.input_type(), "", &mut paths);
        defined.extend(paths.into_iter().map(|path| (method.name().to_owned(), path)));
    }
    assert_eq!(tested, defined);
}

/// The paths of all enums in a message.
fn collect(message: &str, before: &str, paths: &mut Vec<String>) {
    let files = descriptors().file;
    let name = message.trim_start_matches(".waxseal.v1.");
    let mut messages = files.iter().flat_map(|file| &file.message_type);
    let Some(found) = messages.find(|found| found.name() == name) else { return };
    for field in &found.field {
        let path = format!("{before}{}", field.name());
        match field.r#type() {
            Type::Enum => paths.push(path),
            Type::Message => collect(field.type_name(), &format!("{path}."), paths),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_slot_has_to_be_one() {
    let (server, ..) = prepared().await;
    let builder = server.builder().await;
    for slot in [None, Some(v1::Slot { slot: None })] {
        let set = builder.set("demo", "KEY", slot.clone(), "value").await;
        refused(set).is_about("INVALID_FIELD", "slot");
        refused(builder.clear("demo", "KEY", slot.clone()).await).is_about("INVALID_FIELD", "slot");
        refused(builder.reveal("demo", "KEY", slot).await).is_about("INVALID_FIELD", "slot");
    }
}

#[tokio::test]
async fn a_version_is_zero_or_more() {
    let (server, ..) = prepared().await;
    let builder = server.builder().await;
    let reveal = async |version| {
        let slot = default_slot();
        let request = v1::RevealSecretValueRequest { name: key(), slot, version };
        builder.secrets.clone().reveal_secret_value(request).await
    };
    for version in [-1, -100, i64::MIN] {
        refused(reveal(version).await).is_about("INVALID_FIELD", "version");
    }
    for version in [2, 1 << 32, i64::MAX] {
        refused(reveal(version).await).is(tonic::Code::NotFound, "VERSION_NOT_FOUND");
    }
    for version in [0, 1] {
        assert_eq!(reveal(version).await.unwrap().into_inner().version, 1);
    }
}

#[tokio::test]
async fn a_list_names_an_environment_with_its_stage_or_neither() {
    let (server, ..) = prepared().await;
    let admin = server.admin().await;
    let list = async |environment: &str, stage: i32| {
        let environment = environment.to_owned();
        let request =
            v1::ListSecretsRequest { parent: demo(), environment, stage, ..Default::default() };
        admin.secrets.clone().list_secrets(request).await
    };
    for stage in [1, 2, 99, -1] {
        refused(list("", stage).await).is_about("INVALID_FIELD", "stage");
    }
    let has_override = async |environment: &str, stage| {
        list(environment, stage).await.unwrap().into_inner().secrets[0].has_override
    };
    assert_eq!(has_override("", 0).await, None);
    assert_eq!(has_override("main", 2).await, Some(true));
    assert_eq!(has_override("staging", 2).await, Some(false));
}

#[tokio::test]
async fn restricted_does_not_become_masked_and_masked_stays_so_when_told_to() {
    let (server, raw, tokens) = prepared().await;
    let update = FIELDS.iter().find(|field| field.method == "UpdateSecret").unwrap();
    let to = async |visibility: Visibility| {
        raw.call("UpdateSecret", &tokens[0], (update.request)(visibility.into())).await
    };
    to(Visibility::Masked).await.unwrap();
    to(Visibility::Restricted).await.unwrap();
    to(Visibility::Restricted).await.unwrap();
    let back = refused(to(Visibility::Masked).await);
    back.is(tonic::Code::FailedPrecondition, "VISIBILITY_RATCHET");
    let is = server.admin().await.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(is.visibility(), Visibility::Restricted);
}
