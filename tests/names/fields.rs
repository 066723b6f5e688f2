//! Every field of every request that holds a name, and what may stand there.

use crate::support::texts::template;
use crate::support::{default_slot, override_slot, text};
use prost::Message as _;
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
    Principal,
    Binding,
    ApiToken,
    Id,
    SecretId,
    Prefix,
    /// An id; nothing there is another request.
    OptionalId,
    /// The id of a secret; likewise.
    OptionalSecretId,
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
            Self::Principal => &[("principals/{}", Rule::Id), ("{}", Rule::Never)],
            Self::Binding => &[
                ("principals/{}/bindings/0198c5e2-7f3a-7c00-8000-0198c5e27f3a", Rule::Id),
                ("principals/ann/bindings/{}", Rule::Never),
                ("{}", Rule::Never),
            ],
            Self::ApiToken => &[
                ("principals/{}/tokens/0000AAAAzzzz", Rule::Id),
                ("principals/ann/tokens/{}", Rule::Never),
                ("{}", Rule::Never),
            ],
            Self::Id | Self::OptionalId => &[("{}", Rule::Id)],
            Self::SecretId | Self::OptionalSecretId => &[("{}", Rule::Secret)],
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
    "UpdateProject", "project.name", Project: |name| v1::UpdateProjectRequest {
        project: Some(v1::Project { name, ..Default::default() }), ..Default::default()
    };
    "DeleteProject", "name", Project:
        |name| v1::DeleteProjectRequest { name, ..Default::default() };
    "UndeleteProject", "name", Project:
        |name| v1::UndeleteProjectRequest { name, ..Default::default() };
    "DuplicateProject", "name", Project: |name| v1::DuplicateProjectRequest {
        name, project_id: "demo".to_owned(), ..Default::default()
    };
    "DuplicateProject", "project_id", Id: |project_id| v1::DuplicateProjectRequest {
        name: demo(), project_id, ..Default::default()
    };
    "ExportProject", "name", Project: |name| v1::ExportProjectRequest { name };
    "ImportProject", "project_id", Id: |project_id| v1::ImportProjectRequest {
        project_id, document: DOCUMENT.to_owned(), ..Default::default()
    };
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
    "RenameSecret", "name", Secret: |name| v1::RenameSecretRequest {
        name, new_secret_id: "RENAMED".to_owned(), ..Default::default()
    };
    "RenameSecret", "new_secret_id", SecretId: |new_secret_id| v1::RenameSecretRequest {
        name: key(), new_secret_id, ..Default::default()
    };
    "ReleaseSecretAlias", "name", Secret: |name| v1::ReleaseSecretAliasRequest {
        name, alias: key_id(), ..Default::default()
    };
    "ReleaseSecretAlias", "alias", SecretId: |alias| v1::ReleaseSecretAliasRequest {
        name: key(), alias, ..Default::default()
    };
    "PurgeSecret", "name", Secret: |name| v1::PurgeSecretRequest { name, ..Default::default() };
    "ParseReferences", "parent", Project:
        |parent| v1::ParseReferencesRequest { parent, ..Default::default() };
    "ParseReferences", "environment", OptionalId: |environment| v1::ParseReferencesRequest {
        parent: demo(), environment, stage: LIVE, ..Default::default()
    };
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
    "VerifySecretValue", "name", Secret: |name| v1::VerifySecretValueRequest {
        name, slot: default_slot(), payload: text("value")
    };
    "VerifySecretValue", "slot.override.environment", Id: |id| v1::VerifySecretValueRequest {
        name: key(), slot: override_slot(&id, Stage::Live), payload: text("value")
    };
    "ListSecretVersions", "name", Secret: |name| v1::ListSecretVersionsRequest {
        name, slot: default_slot(), ..Default::default()
    };
    "ListSecretVersions", "slot.override.environment", Id: |id| v1::ListSecretVersionsRequest {
        name: key(), slot: override_slot(&id, Stage::Live), ..Default::default()
    };
    "RollbackSecretValue", "name", Secret: |name| v1::RollbackSecretValueRequest {
        name, slot: default_slot(), version: 1, ..Default::default()
    };
    "RollbackSecretValue", "slot.override.environment", Id: |id| v1::RollbackSecretValueRequest {
        name: key(), slot: override_slot(&id, Stage::Live), version: 1, ..Default::default()
    };
    "DestroySecretVersion", "name", Secret: |name| v1::DestroySecretVersionRequest {
        name, slot: default_slot(), version: 1, ..Default::default()
    };
    "DestroySecretVersion", "slot.override.environment", Id: |id| v1::DestroySecretVersionRequest {
        name: key(), slot: override_slot(&id, Stage::Live), version: 1, ..Default::default()
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
    "WatchEnvironment", "name", Environment: |name| v1::WatchEnvironmentRequest {
        name, stage: LIVE, ..Default::default()
    };
    "ResolveSecrets", "name", Environment: |name| v1::ResolveSecretsRequest {
        name, stage: LIVE, secrets: vec![key_id()], ..Default::default()
    };
    "ResolveSecrets", "secrets[1]", SecretId: |sent| v1::ResolveSecretsRequest {
        name: main(), stage: LIVE, secrets: vec![key_id(), sent], ..Default::default()
    };
    "RenderTemplates", "name", Environment: |name| v1::RenderTemplatesRequest {
        name, stage: LIVE, templates: vec![template("", v1::RenderContext::Text)],
        ..Default::default()
    };
    "CreatePrincipal", "principal_id", Id:
        |principal_id| v1::CreatePrincipalRequest { principal_id, ..Default::default() };
    "GetPrincipal", "name", Principal: |name| v1::GetPrincipalRequest { name };
    "UpdatePrincipal", "principal.name", Principal: |name| v1::UpdatePrincipalRequest {
        principal: Some(v1::Principal { name, ..Default::default() }), ..Default::default()
    };
    "DeletePrincipal", "name", Principal:
        |name| v1::DeletePrincipalRequest { name, ..Default::default() };
    "CreateBinding", "parent", Principal: |parent| v1::CreateBindingRequest {
        parent, binding: binding(), ..Default::default()
    };
    "ListBindings", "parent", Principal:
        |parent| v1::ListBindingsRequest { parent, ..Default::default() };
    "DeleteBinding", "name", Binding:
        |name| v1::DeleteBindingRequest { name, ..Default::default() };
    "CreateApiToken", "parent", Principal: |parent| v1::CreateApiTokenRequest {
        parent, api_token: api_token(), ..Default::default()
    };
    "GetApiToken", "name", ApiToken: |name| v1::GetApiTokenRequest { name };
    "ListApiTokens", "parent", Principal:
        |parent| v1::ListApiTokensRequest { parent, ..Default::default() };
    "RevokeApiToken", "name", ApiToken:
        |name| v1::RevokeApiTokenRequest { name, ..Default::default() };
    "ListAuditEvents", "parent", Project:
        |parent| v1::ListAuditEventsRequest { parent, ..Default::default() };
    "ListAuditEvents", "secret", OptionalSecretId: |secret| v1::ListAuditEventsRequest {
        parent: demo(), secret, ..Default::default()
    };
}

fn binding() -> Option<v1::Binding> {
    let scope = "deployment".to_owned();
    Some(v1::Binding { role: v1::Role::Viewer.into(), scope, ..Default::default() })
}

fn api_token() -> Option<v1::ApiToken> {
    Some(crate::support::token_of(v1::Role::Viewer, "deployment"))
}

const DOCUMENT: &str =
    r#"{"format": "waxseal.project", "version": 1, "environments": [], "secrets": []}"#;

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
