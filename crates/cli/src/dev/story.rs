//! What there is to do with the first project, done through gRPC and told.
//!
//! It only reads. Whatever somebody has changed or deleted since the first start is told as the
//! server tells it, and never a failure.

use super::clients::Clients;
use super::demo::{self, PROJECT, REFUSED, REVEALED};
use crate::client::Refused;
use crate::output::say;
use crate::{table, words};
use std::collections::HashMap;
use waxseal_proto::v1;
use waxseal_proto::v1::secret_payload::Payload;
use waxseal_proto::v1::slot::Slot as Which;
use waxseal_proto::v1::{Origin, Stage, UnsetReason, Visibility};

const VIEWS: [(&str, Stage); 5] = [
    ("main", Stage::Draft),
    ("main", Stage::Live),
    ("staging", Stage::Draft),
    ("staging", Stage::Live),
    ("production", Stage::Live),
];

/// Rows of a table at most: the project may have grown.
const ROWS: usize = 20;

type Visibilities = HashMap<String, Visibility>;

/// Plays the part of the story that only reads.
pub(super) async fn play(clients: &Clients) {
    say("\n2. List, as a builder: names, and never a value");
    let visibilities = list(clients).await;

    say("\n3. Reveal a masked value, as a builder with the reveal grant; it is on record first");
    reveal(clients, REVEALED).await;

    say("\n4. Reveal a restricted value: refused, whoever asks");
    reveal(clients, REFUSED).await;

    say("\n5. Resolve, as an agent's runtime: the override of that environment and stage, or else");
    say("   the default; unset where there is neither, or where defaults are not allowed");
    for (environment, stage) in VIEWS {
        say(&format!("\n   {environment}, {}", words::stage(stage)));
        resolve(clients, environment, stage, &visibilities).await;
    }
}

async fn list(clients: &Clients) -> Visibilities {
    let request = v1::ListSecretsRequest {
        parent: PROJECT.to_owned(),
        page_size: 1_000,
        show_deleted: true,
        ..Default::default()
    };
    let listed = match clients.builder.secrets().list_secrets(request).await {
        Ok(listed) => listed.into_inner().secrets,
        Err(status) => {
            refused("ListSecrets", &status.into());
            return Visibilities::new();
        }
    };
    let id = |secret: &v1::Secret| secret.name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut rows: Vec<_> = listed.iter().map(|secret| listed_row(id(secret), secret)).collect();
    let visibilities: Visibilities =
        listed.iter().map(|secret| (id(secret), secret.visibility())).collect();
    let gone = demo::secrets().filter(|secret| !visibilities.contains_key(secret.id));
    rows.extend(gone.map(|secret| [secret.id, "", "not there any more"].map(str::to_owned)));
    print(["SECRET", "VISIBILITY", "DEFAULT"], rows);
    visibilities
}

fn listed_row(id: String, secret: &v1::Secret) -> [String; 3] {
    let default = match secret {
        v1::Secret { delete_time: Some(_), .. } => "(the secret is deleted)".to_owned(),
        v1::Secret { has_value: true, default_version, .. } => format!("version {default_version}"),
        _ => "no value".to_owned(),
    };
    [id, words::visibility(secret.visibility()).to_owned(), default]
}

async fn reveal(clients: &Clients, id: &str) {
    let request = v1::RevealSecretValueRequest {
        name: format!("{PROJECT}/secrets/{id}"),
        slot: Some(v1::Slot { slot: Some(Which::Default(v1::DefaultSlot {})) }),
        version: 0,
    };
    let revealed = match clients.builder.secrets().reveal_secret_value(request).await {
        Ok(revealed) => revealed.into_inner(),
        Err(status) => return refused(&format!("RevealSecretValue  {id}"), &status.into()),
    };
    let v1::RevealSecretValueResponse { payload, version, reveal_expire_time } = revealed;
    let value = shown(id, Visibility::Masked, payload.as_ref());
    say(&format!("   RevealSecretValue  {id}, version {version}: {value}"));
    if let Some(until) = reveal_expire_time {
        let until = prost_types::Timestamp { nanos: 0, ..until };
        say(&format!("   A user interface should hide it again at {until}."));
    }
}

async fn resolve(clients: &Clients, environment: &str, stage: Stage, known: &Visibilities) {
    let request = v1::ResolveEnvironmentRequest {
        name: format!("{PROJECT}/environments/{environment}"),
        stage: stage.into(),
        ..Default::default()
    };
    let view = match clients.runtime.runtime().resolve_environment(request).await {
        Ok(view) => view.into_inner(),
        Err(status) => return refused("ResolveEnvironment", &status.into()),
    };
    let mut rows: Vec<_> = view.secrets.iter().map(|secret| resolved_row(secret, known)).collect();
    rows.extend(view.unset.iter().map(unset_row));
    rows.sort_unstable();
    print(["SECRET", "ORIGIN", "VERSION", "VALUE"], rows);
}

fn resolved_row(resolved: &v1::ResolvedSecret, known: &Visibilities) -> [String; 4] {
    let origin = match resolved.origin() {
        Origin::Unspecified => "unknown",
        Origin::Default => "default",
        Origin::Override => "override",
    };
    let v1::ResolvedSecret { secret, payload, version, .. } = resolved;
    let visibility = known.get(secret).copied().unwrap_or_default();
    let value = shown(secret, visibility, payload.as_ref());
    [secret.clone(), origin.to_owned(), version.to_string(), value]
}

fn unset_row(unset: &v1::UnsetSecret) -> [String; 4] {
    let reason = match unset.reason() {
        UnsetReason::Unspecified => "unknown",
        UnsetReason::NoValue => "(no value)",
        UnsetReason::FallbackDenied => "(the default is not allowed here)",
    };
    [unset.secret.clone(), "unset".to_owned(), String::new(), reason.to_owned()]
}

/// A value for the terminal, if it is masked and was invented by this command.
fn shown(secret: &str, visibility: Visibility, payload: Option<&v1::SecretPayload>) -> String {
    match (visibility, payload.and_then(|payload| payload.payload.as_ref())) {
        (Visibility::Restricted, _) => "(restricted)".to_owned(),
        (Visibility::Masked, Some(Payload::Text(text))) if demo::is_invented(secret, text) => {
            text.clone()
        }
        _ => "(not of this demo, so not shown)".to_owned(),
    }
}

fn refused(what: &str, refused: &Refused) {
    say(&format!("   {what}: {refused}"));
}

fn print<const N: usize>(heading: [&str; N], mut rows: Vec<[String; N]>) {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    rows.insert(0, heading.map(str::to_owned));
    table::lines(&rows).iter().for_each(|line| say(&format!("     {line}")));
    if more > 0 {
        say(&format!("     and {more} more"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> v1::SecretPayload {
        v1::SecretPayload { payload: Some(Payload::Text(text.to_owned())), crc32c: None }
    }

    #[test]
    fn only_masked_values_of_this_demo_are_shown() {
        let invented = text(demo::PASTED);
        assert_eq!(shown(REVEALED, Visibility::Masked, Some(&invented)), demo::PASTED);
        for (visibility, payload) in [
            (Visibility::Restricted, Some(&invented)),
            (Visibility::Unspecified, Some(&invented)),
            (Visibility::Masked, Some(&text("canary"))),
            (Visibility::Masked, None),
        ] {
            let shown = shown(REVEALED, visibility, payload);
            assert!(shown.starts_with('('), "{shown}");
        }
    }
}
