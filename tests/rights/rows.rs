//! What is asked: every method, for each kind of secret and slot that rights could depend on.

pub mod access;
mod history;
mod projects;

use crate::canary::{PLAIN, TEXT};
use crate::support::{default_slot, override_slot, text};
use prost::Message;
use waxseal_proto::v1::{self, Stage, Visibility};

/// One line of the table.
pub struct Row {
    pub method: &'static str,
    /// What it is aimed at, where that matters.
    pub aim: String,
    /// A call that succeeds for whoever may make it; the number is another one every time.
    pub existing: Box<dyn Fn(usize) -> Vec<u8>>,
    /// The same for what does not exist.
    pub absent: Vec<Vec<u8>>,
    /// Aimed at what exists and at what does not, and wrong in something beside the name.
    pub malformed: Vec<Vec<u8>>,
    /// With a name that is none.
    pub unnamed: Option<Vec<u8>>,
    /// What a success is undone by.
    pub undo: Undo,
}

pub enum Undo {
    Nothing,
    CreateSparePrincipal,
    BindAnew,
    DeleteProject(&'static str),
    UndeleteProject(&'static str),
    CreateSpare,
    Undelete(String),
    Delete(String),
    Set(String, Option<v1::Slot>),
    /// Gives a secret the first of these names back, whatever it is called now.
    Rename(String),
    /// Makes the name an alias of the secret again.
    Alias(String, String),
    /// Makes the second version the current one again.
    Forward(String, Option<v1::Slot>),
    /// Makes a deleted secret anew.
    Gone(String, Visibility),
    /// Makes a secret with two versions anew.
    Worn(String, Visibility),
}

const DRAFT: i32 = Stage::Draft as i32;
const DEMO: &str = "projects/demo";
const STAGING: &str = "projects/demo/environments/staging";
const ENVIRONMENTS: [&str; 3] =
    [STAGING, "projects/demo/environments/gone", "projects/gone/environments/staging"];
const LONG: &str = "projects/demo/environments/Staging";

fn garbage() -> String {
    "garbage".to_owned()
}

/// Builds a row from one way to ask, given a name and whether to spoil the rest.
fn row<Q: Message + 'static>(
    method: &'static str,
    aim: impl Into<String>,
    names: &[String],
    ask: impl Fn(String, usize) -> Q + 'static,
    spoil: impl Fn(&mut Q),
) -> Row {
    let (first, absent) = names.split_first().unwrap();
    let spoilt = |name: &String| {
        let mut request = ask(name.clone(), 0);
        spoil(&mut request);
        request.encode_to_vec()
    };
    let (malformed, unnamed) = (names.iter().map(spoilt).collect(), ask(LONG.to_owned(), 0));
    let absent = absent.iter().map(|name| ask(name.clone(), 0).encode_to_vec()).collect();
    let name = first.clone();
    Row {
        method,
        aim: aim.into(),
        unnamed: Some(unnamed.encode_to_vec()),
        existing: Box::new(move |number| ask(name.clone(), number).encode_to_vec()),
        absent,
        malformed,
        undo: Undo::Nothing,
    }
}

pub fn rows() -> Vec<Row> {
    let mut rows = projects::rows();
    rows.extend(access::rows());
    rows.extend(of_environments());
    for (visibility, letter) in [(Visibility::Masked, "M"), (Visibility::Restricted, "R")] {
        rows.extend(of_secrets(visibility, letter));
        rows.extend(of_slots(letter));
        rows.extend(history::rows(visibility, letter));
    }
    rows.push(row(
        "ListSecrets",
        "",
        &projects(),
        |parent, _| v1::ListSecretsRequest { parent, ..Default::default() },
        |request| (request.page_token, request.prefix) = (garbage(), "\u{e9}".to_owned()),
    ));
    rows.push(row(
        "ListOverrides",
        "",
        &ENVIRONMENTS.map(str::to_owned),
        |parent, _| v1::ListOverridesRequest { parent, stage: DRAFT, ..Default::default() },
        |request| (request.page_size, request.page_token) = (-1, garbage()),
    ));
    rows.push(row(
        "ResolveEnvironment",
        "",
        &ENVIRONMENTS.map(str::to_owned),
        |name, _| v1::ResolveEnvironmentRequest { name, stage: DRAFT, ..Default::default() },
        |request| request.if_revision_not = garbage(),
    ));
    rows.push(row(
        "WatchEnvironment",
        "",
        &ENVIRONMENTS.map(str::to_owned),
        |name, _| v1::WatchEnvironmentRequest { name, stage: DRAFT, ..Default::default() },
        |request| request.if_revision_not = garbage(),
    ));
    rows.push(row(
        "ListAuditEvents",
        "",
        &projects(),
        |parent, _| v1::ListAuditEventsRequest { parent, ..Default::default() },
        |request| (request.page_size, request.page_token) = (-1, garbage()),
    ));
    const OF_NOTHING: [&str; 4] =
        ["GetKeyStatus", "RewrapDataKeys", "VerifyAuditTrail", "ExportAuditTrail"];
    rows.extend(OF_NOTHING.map(|method| Row {
        method,
        aim: String::new(),
        existing: Box::new(|_| Vec::new()),
        absent: Vec::new(),
        malformed: Vec::new(),
        unnamed: None,
        undo: Undo::Nothing,
    }));
    rows.sort_by_key(|row| order(row.method));
    rows
}

/// As the definitions have them.
fn order(method: &str) -> usize {
    let methods = crate::support::raw::methods();
    methods.iter().position(|(_, found)| found.name() == method).unwrap()
}

fn projects() -> Vec<String> {
    [DEMO, "projects/gone"].map(str::to_owned).into()
}

fn of_environments() -> Vec<Row> {
    let all = ENVIRONMENTS.map(str::to_owned);
    let spare = ENVIRONMENTS.map(|name| name.replace("staging", "spare"));
    vec![
        row(
            "CreateEnvironment",
            "",
            &projects(),
            |parent, number| v1::CreateEnvironmentRequest {
                parent,
                environment_id: format!("new-{number}"),
                ..Default::default()
            },
            |request| (request.environment_id, request.request_id) = ("-".to_owned(), garbage()),
        ),
        row("GetEnvironment", "", &all, |name, _| v1::GetEnvironmentRequest { name }, |_| ()),
        row(
            "ListEnvironments",
            "",
            &projects(),
            |parent, _| v1::ListEnvironmentsRequest { parent, ..Default::default() },
            |request| (request.page_size, request.page_token) = (-1, garbage()),
        ),
        row(
            "UpdateEnvironment",
            "",
            &all,
            |name, number| v1::UpdateEnvironmentRequest {
                environment: Some(v1::Environment {
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
            undo: Undo::CreateSpare,
            ..row(
                "DeleteEnvironment",
                "",
                &spare,
                |name, _| v1::DeleteEnvironmentRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
        row(
            "CloneEnvironment",
            "",
            &all,
            |name, number| v1::CloneEnvironmentRequest {
                name,
                environment_id: format!("new-{number}"),
                ..Default::default()
            },
            |request| request.environment_id = "-".to_owned(),
        ),
        row(
            "ExplainEnvironment",
            "",
            &all,
            |name, _| v1::ExplainEnvironmentRequest { name, stage: DRAFT },
            |request| request.stage = 99,
        ),
    ]
}

/// A secret that exists, and one in each place where none does.
fn secrets(id: &str) -> Vec<String> {
    [
        format!("projects/demo/secrets/{id}"),
        "projects/demo/secrets/NONE".to_owned(),
        format!("projects/gone/secrets/{id}"),
    ]
    .into()
}

fn of_secrets(visibility: Visibility, letter: &str) -> Vec<Row> {
    let kind = if letter == "M" { "masked" } else { "restricted" };
    let (key, gone) = (format!("KEY_{letter}"), format!("GONE_{letter}"));
    let (to_resolve, to_write) = (key.clone(), key.clone());
    let entry =
        |secret: &String| v1::OverrideValue { secret: secret.clone(), payload: text(PLAIN) };
    let environments = ENVIRONMENTS.map(str::to_owned);
    vec![
        row(
            "CreateSecret",
            kind,
            &projects(),
            move |parent, number| v1::CreateSecretRequest {
                parent,
                secret_id: format!("NEW_{number}"),
                secret: Some(v1::Secret { visibility: visibility.into(), ..Default::default() }),
                ..Default::default()
            },
            |request| (request.secret, request.payload) = (None, text("")),
        ),
        row("GetSecret", kind, &secrets(&key), |name, _| v1::GetSecretRequest { name }, |_| ()),
        row(
            "UpdateSecret",
            kind,
            &secrets(&key),
            |name, number| v1::UpdateSecretRequest {
                secret: Some(v1::Secret {
                    name,
                    description: format!("{number}"),
                    ..Default::default()
                }),
                ..Default::default()
            },
            |request| request.update_mask = Some(prost_types::FieldMask { paths: vec![garbage()] }),
        ),
        Row {
            undo: Undo::Undelete(key.clone()),
            ..row(
                "DeleteSecret",
                kind,
                &secrets(&key),
                |name, _| v1::DeleteSecretRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
        Row {
            undo: Undo::Delete(gone.clone()),
            ..row(
                "UndeleteSecret",
                kind,
                &secrets(&gone),
                |name, _| v1::UndeleteSecretRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
        row(
            "BatchSetOverrides",
            kind,
            &environments,
            move |parent, _| v1::BatchSetOverridesRequest {
                parent,
                stage: DRAFT,
                overrides: vec![entry(&to_write)],
                ..Default::default()
            },
            |request| request.overrides.clear(),
        ),
        row(
            "ResolveSecrets",
            kind,
            &environments,
            move |name, _| v1::ResolveSecretsRequest {
                name,
                stage: DRAFT,
                secrets: vec![to_resolve.clone()],
                ..Default::default()
            },
            |request| request.secrets = vec!["-".to_owned()],
        ),
    ]
}

fn of_slots(letter: &str) -> Vec<Row> {
    let kind = if letter == "M" { "masked" } else { "restricted" };
    let key = format!("KEY_{letter}");
    let names = secrets(&key);
    let mut rows = Vec::new();
    for (of, slot) in
        [("default", default_slot()), ("override", override_slot("staging", Stage::Draft))]
    {
        let aim = format!("{kind} {of}");
        let (to_set, to_clear, to_show) = (slot.clone(), slot.clone(), slot.clone());
        rows.push(row(
            "SetSecretValue",
            aim.clone(),
            &names,
            move |name, _| v1::SetSecretValueRequest {
                name,
                slot: to_set.clone(),
                payload: text(TEXT),
                ..Default::default()
            },
            |request| (request.payload, request.etag) = (None, garbage()),
        ));
        rows.push(Row {
            undo: Undo::Set(key.clone(), slot.clone()),
            ..row(
                "ClearSecretValue",
                aim.clone(),
                &names,
                move |name, _| v1::ClearSecretValueRequest {
                    name,
                    slot: to_clear.clone(),
                    ..Default::default()
                },
                |request| request.slot = override_slot("-", Stage::Unspecified),
            )
        });
        rows.push(row(
            "RevealSecretValue",
            aim,
            &names,
            move |name, _| v1::RevealSecretValueRequest { name, slot: to_show.clone(), version: 0 },
            |request| (request.slot, request.version) = (None, -1),
        ));
    }
    rows
}
