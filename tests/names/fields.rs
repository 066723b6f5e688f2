//! Every field of every request that holds a name, and what may stand there.

use crate::support::raw::{descriptors, methods};
use crate::support::{default_slot, override_slot, text};
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use std::collections::BTreeSet;
use waxseal_proto::v1::{self, Stage};

/// What a string may be, written down here a second time.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    Id,
    Secret,
    Prefix,
    /// A full name is asked for, and a bare one never fits.
    Never,
}

impl Rule {
    pub(super) fn takes(self, string: &str) -> bool {
        let is = |set: &str, c: char| set.contains(c);
        const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
        const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const DIGITS: &str = "0123456789";
        let letter = |c| is(LOWER, c) || is(UPPER, c);
        let word = |c| letter(c) || is(DIGITS, c) || c == '_';
        match self {
            Self::Id => {
                (1..=63).contains(&string.len())
                    && string.starts_with(|c| is(LOWER, c))
                    && !string.ends_with('-')
                    && string.chars().all(|c| is(LOWER, c) || is(DIGITS, c) || c == '-')
            }
            Self::Secret => {
                (1..=64).contains(&string.len())
                    && string.starts_with(|c| letter(c) || c == '_')
                    && string.chars().all(word)
            }
            Self::Prefix => string.len() <= 64 && string.chars().all(word),
            Self::Never => false,
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Prefix => "INVALID_FIELD",
            Self::Id | Self::Secret | Self::Never => "INVALID_NAME",
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Project,
    Environment,
    Secret,
    Id,
    SecretId,
    Prefix,
    /// An id; nothing there is another request.
    OptionalId,
}

impl Form {
    /// Where a string can be put in, and the rule that holds there.
    pub(super) const fn templates(self) -> &'static [(&'static str, Rule)] {
        match self {
            Self::Project => &[("projects/{}", Rule::Id), ("{}", Rule::Never)],
            Self::Environment => &[
                ("projects/{}/environments/main", Rule::Id),
                ("projects/demo/environments/{}", Rule::Id),
                ("{}", Rule::Never),
            ],
            Self::Secret => &[
                ("projects/{}/secrets/KEY", Rule::Id),
                ("projects/demo/secrets/{}", Rule::Secret),
                ("{}", Rule::Never),
            ],
            Self::Id | Self::OptionalId => &[("{}", Rule::Id)],
            Self::SecretId => &[("{}", Rule::Secret)],
            Self::Prefix => &[("{}", Rule::Prefix)],
        }
    }
}

/// A field of a request that is right but for what is put into it.
pub(super) struct Field {
    pub(super) method: &'static str,
    /// As `BadRequest` names it.
    pub(super) field: &'static str,
    pub(super) form: Form,
    pub(super) request: fn(String) -> Vec<u8>,
}

const DRAFT: i32 = Stage::Draft as i32;

const LIVE: i32 = Stage::Live as i32;

macro_rules! fields {
    ($($method:literal, $field:literal, $form:ident: |$sent:ident| $request:expr;)*) => {
        pub(super) const FIELDS: &[Field] = &[$(Field {
            method: $method,
            field: $field,
            form: Form::$form,
            request: |$sent: String| $request.encode_to_vec(),
        },)*];
    };
}

fields! {
    "CreateProject", "project_id", Id:
        |project_id| v1::CreateProjectRequest { project_id, ..Default::default() };
    "GetProject", "name", Project: |name| v1::GetProjectRequest { name };
    "CreateEnvironment", "parent", Project: |parent| v1::CreateEnvironmentRequest {
        parent, environment_id: "main".to_owned(), ..Default::default()
    };
    "CreateEnvironment", "environment_id", Id: |environment_id| v1::CreateEnvironmentRequest {
        parent: demo(), environment_id, ..Default::default()
    };
    "GetEnvironment", "name", Environment: |name| v1::GetEnvironmentRequest { name };
    "ListEnvironments", "parent", Project:
        |parent| v1::ListEnvironmentsRequest { parent, ..Default::default() };
    "UpdateEnvironment", "environment.name", Environment: |name| v1::UpdateEnvironmentRequest {
        environment: Some(v1::Environment { name, ..Default::default() }), ..Default::default()
    };
    "DeleteEnvironment", "name", Environment: |name| v1::DeleteEnvironmentRequest {
        name, ..Default::default()
    };
    "CloneEnvironment", "name", Environment: |name| v1::CloneEnvironmentRequest {
        name, environment_id: "main".to_owned(), ..Default::default()
    };
    "CloneEnvironment", "environment_id", Id: |environment_id| v1::CloneEnvironmentRequest {
        name: main(), environment_id, ..Default::default()
    };
    "ExplainEnvironment", "name", Environment:
        |name| v1::ExplainEnvironmentRequest { name, stage: DRAFT };
    "CreateSecret", "parent", Project: |parent| v1::CreateSecretRequest {
        parent, secret_id: "NEW".to_owned(), secret: masked(), ..Default::default()
    };
    "CreateSecret", "secret_id", SecretId: |secret_id| v1::CreateSecretRequest {
        parent: demo(), secret_id, secret: masked(), ..Default::default()
    };
    "GetSecret", "name", Secret: |name| v1::GetSecretRequest { name };
    "ListSecrets", "parent", Project:
        |parent| v1::ListSecretsRequest { parent, ..Default::default() };
    "ListSecrets", "prefix", Prefix: |prefix| v1::ListSecretsRequest {
        parent: demo(), prefix, ..Default::default()
    };
    "ListSecrets", "environment", OptionalId: |environment| v1::ListSecretsRequest {
        parent: demo(), environment, stage: LIVE, ..Default::default()
    };
    "UpdateSecret", "secret.name", Secret: |name| v1::UpdateSecretRequest {
        secret: Some(v1::Secret { name, ..Default::default() }), ..Default::default()
    };
    "DeleteSecret", "name", Secret: |name| v1::DeleteSecretRequest { name, ..Default::default() };
    "UndeleteSecret", "name", Secret:
        |name| v1::UndeleteSecretRequest { name, ..Default::default() };
    "SetSecretValue", "name", Secret: |name| v1::SetSecretValueRequest {
        name, slot: default_slot(), payload: text("value"), ..Default::default()
    };
    "SetSecretValue", "slot.override.environment", Id: |id| v1::SetSecretValueRequest {
        name: key(), slot: override_slot(&id, Stage::Live), payload: text("value"),
        ..Default::default()
    };
    "ClearSecretValue", "name", Secret: |name| v1::ClearSecretValueRequest {
        name, slot: default_slot(), ..Default::default()
    };
    "ClearSecretValue", "slot.override.environment", Id: |id| v1::ClearSecretValueRequest {
        name: key(), slot: override_slot(&id, Stage::Live), ..Default::default()
    };
    "RevealSecretValue", "name", Secret: |name| v1::RevealSecretValueRequest {
        name, slot: default_slot(), version: 0
    };
    "RevealSecretValue", "slot.override.environment", Id: |id| v1::RevealSecretValueRequest {
        name: key(), slot: override_slot(&id, Stage::Live), version: 0
    };
    "ListOverrides", "parent", Environment: |parent| v1::ListOverridesRequest {
        parent, stage: DRAFT, ..Default::default()
    };
    "BatchSetOverrides", "parent", Environment: |parent| v1::BatchSetOverridesRequest {
        parent, stage: DRAFT, overrides: vec![entry(key_id())], ..Default::default()
    };
    "BatchSetOverrides", "overrides[1].secret", SecretId: |sent| v1::BatchSetOverridesRequest {
        parent: main(), stage: DRAFT, overrides: vec![entry(key_id()), entry(sent)],
        ..Default::default()
    };
    "ResolveEnvironment", "name", Environment: |name| v1::ResolveEnvironmentRequest {
        name, stage: LIVE, ..Default::default()
    };
    "ResolveSecrets", "name", Environment: |name| v1::ResolveSecretsRequest {
        name, stage: LIVE, secrets: vec![key_id()], ..Default::default()
    };
    "ResolveSecrets", "secrets[1]", SecretId: |sent| v1::ResolveSecretsRequest {
        name: main(), stage: LIVE, secrets: vec![key_id(), sent], ..Default::default()
    };
}

fn demo() -> String {
    "projects/demo".to_owned()
}

fn main() -> String {
    "projects/demo/environments/main".to_owned()
}

fn key() -> String {
    "projects/demo/secrets/ABSENT".to_owned()
}

fn key_id() -> String {
    "ABSENT".to_owned()
}

fn masked() -> Option<v1::Secret> {
    Some(v1::Secret { visibility: v1::Visibility::Masked.into(), ..Default::default() })
}

fn entry(secret: String) -> v1::OverrideValue {
    v1::OverrideValue { secret, payload: text("value") }
}

/// The texts of requests that are no names, by the last part of their path.
const NO_NAMES: [&str; 8] = [
    "page_token",
    "request_id",
    "etag",
    "revision",
    "if_revision_not",
    "description",
    "display_name",
    "paths",
];

#[test]
fn every_name_that_a_request_holds_is_in_the_table() {
    let index = |field: &str| field.replace(['0', '1'], "").replace("[]", "");
    let tested: BTreeSet<_> =
        FIELDS.iter().map(|field| (field.method.to_owned(), index(field.field))).collect();
    let mut defined = BTreeSet::new();
    for (_, method) in methods() {
        let mut texts = Vec::new();
        collect(method.input_type(), "", &mut texts);
        let names = texts.into_iter().filter(|path| {
            let last = path.rsplit('.').next().unwrap_or_default();
            !NO_NAMES.contains(&last) && path != "payload.text" && path != "overrides.payload.text"
        });
        defined.extend(names.map(|path| (method.name().to_owned(), path)));
    }
    // Within a resource only its name is looked at where it is changed, and not where it is made.
    defined.retain(|(method, path)| {
        let made = method.starts_with("Create") && path.ends_with(".name");
        !made && !path.ends_with(".uid") && !path.ends_with("_etag")
    });
    assert_eq!(tested, defined);
}

/// The paths of all texts in a message.
fn collect(message: &str, before: &str, texts: &mut Vec<String>) {
    let name = message.rsplit('.').next().unwrap_or_default();
    let files = descriptors().file;
    let mut messages = files
        .iter()
        .filter(|file| message.starts_with(".waxseal") || file.package() == "google.protobuf")
        .flat_map(|file| {
            file.message_type
                .iter()
                .flat_map(|outer| std::iter::once(outer).chain(&outer.nested_type))
        });
    let Some(found) = messages.find(|found| found.name() == name) else { return };
    for field in &found.field {
        let path = format!("{before}{}", field.name());
        match field.r#type() {
            Type::String => texts.push(path),
            Type::Message => collect(field.type_name(), &format!("{path}."), texts),
            _ => {}
        }
    }
}
