//! The first project. All its values are invented, and say so.

use super::clients::Clients;
use crate::client::Refused;
use crate::failure::Failure;
use crate::output::say;
use crate::words;
use tonic::{Response, Status};
use waxseal_proto::v1;
use waxseal_proto::v1::secret_payload::Payload;
use waxseal_proto::v1::slot::Slot as Which;
use waxseal_proto::v1::{Fallback, Stage, Visibility};

pub(super) const PROJECT: &str = "projects/demo";
const PROJECT_ID: &str = "demo";

/// The masked secret that the story reveals, and the restricted one that it fails to.
pub(super) const REVEALED: &str = "WEATHER_URL";
pub(super) const REFUSED: &str = "STRIPE_KEY";
/// What the printed command sets `REVEALED` to.
pub(super) const PASTED: &str = "https://weather.example/pasted";

struct Environment {
    id: &'static str,
    fallback: Fallback,
    protected: bool,
}

pub(super) struct Secret {
    pub(super) id: &'static str,
    pub(super) visibility: Visibility,
    description: &'static str,
    value: Option<&'static str>,
}

struct Override {
    secret: &'static str,
    environment: &'static str,
    stage: Stage,
    value: &'static str,
}

const PRODUCTION: &str = "production";

/// Besides `main`, which every project has.
const ENVIRONMENTS: [Environment; 2] = [
    Environment { id: "staging", fallback: Fallback::Allow, protected: false },
    Environment { id: PRODUCTION, fallback: Fallback::Deny, protected: true },
];

const SECRETS: [Secret; 3] = [
    Secret {
        id: REVEALED,
        visibility: Visibility::Masked,
        description: "Where the forecast comes from",
        value: Some("https://weather.example/default"),
    },
    Secret {
        id: REFUSED,
        visibility: Visibility::Restricted,
        description: "Charges cards; nobody ever reads it again",
        value: Some("not-a-real-key-default"),
    },
    Secret {
        id: "DATABASE_PASSWORD",
        visibility: Visibility::Restricted,
        description: "The password of the bookings database",
        value: Some("not-a-real-password-default"),
    },
];

const OVERRIDES: [Override; 3] = [
    Override {
        secret: REVEALED,
        environment: "staging",
        stage: Stage::Draft,
        value: "https://weather.example/draft",
    },
    Override {
        secret: REFUSED,
        environment: "staging",
        stage: Stage::Live,
        value: "not-a-real-key-staging",
    },
    Override {
        secret: REFUSED,
        environment: PRODUCTION,
        stage: Stage::Live,
        value: "not-a-real-key-production",
    },
];

/// Made last of all: where it is, the project is complete, or was until somebody changed it. A
/// deleted secret still counts.
const PLACEHOLDER: Secret = Secret {
    id: "SLACK_TOKEN",
    visibility: Visibility::Masked,
    description: "A placeholder: named already, to be set later",
    value: None,
};

/// Every secret that the first project had at first.
pub(super) fn secrets() -> impl Iterator<Item = &'static Secret> {
    const ALL: [&[Secret]; 2] = [&SECRETS, &[PLACEHOLDER]];
    ALL.into_iter().flatten()
}

/// Whether this command has invented the value. Only then may it be printed: by now somebody may
/// have put a real one in its place.
pub(super) fn is_invented(secret: &str, value: &str) -> bool {
    secrets().any(|known| known.id == secret && known.value == Some(value))
        || OVERRIDES.iter().any(|known| known.secret == secret && known.value == value)
        || (secret, value) == (REVEALED, PASTED)
}

/// Makes the first project, or what is missing of one that was not finished. One that was
/// finished is left as it is.
pub(super) async fn make(clients: &Clients) -> Result<(), Failure> {
    say("\n1. Create");
    if is_finished(clients).await {
        say(&format!("   Nothing: {PROJECT} was found, and is left as it is."));
        return Ok(());
    }
    create_project(clients).await?;
    for environment in &ENVIRONMENTS {
        create_environment(clients, environment).await?;
    }
    for secret in &SECRETS {
        create_secret(clients, secret).await?;
    }
    for value in &OVERRIDES {
        set_override(clients, value).await?;
    }
    create_secret(clients, &PLACEHOLDER).await
}

async fn is_finished(clients: &Clients) -> bool {
    let name = format!("{PROJECT}/secrets/{}", PLACEHOLDER.id);
    let got = clients.builder.secrets().get_secret(v1::GetSecretRequest { name }).await;
    // What else fails is told where the project is read.
    !matches!(got.map_err(Refused::from), Err(refused) if refused.is_absent())
}

async fn create_project(clients: &Clients) -> Result<(), Failure> {
    let project = v1::Project { display_name: "Demo".to_owned(), ..Default::default() };
    let request = v1::CreateProjectRequest {
        project_id: PROJECT_ID.to_owned(),
        project: Some(project),
        request_id: String::new(),
    };
    let done = clients.admin.projects().create_project(request).await;
    tell("CreateProject", PROJECT_ID.to_owned(), done)
}

async fn create_environment(clients: &Clients, new: &Environment) -> Result<(), Failure> {
    let &Environment { id, fallback, protected } = new;
    let environment =
        v1::Environment { fallback: fallback.into(), protected, ..Default::default() };
    let request = v1::CreateEnvironmentRequest {
        parent: PROJECT.to_owned(),
        environment_id: id.to_owned(),
        environment: Some(environment),
        request_id: String::new(),
    };
    let done = clients.admin.environments().create_environment(request).await;
    let protection = if protected { ", protected" } else { "" };
    let denial = if fallback == Fallback::Deny { ", no defaults" } else { "" };
    tell("CreateEnvironment", format!("{id}{protection}{denial}"), done)
}

async fn create_secret(clients: &Clients, new: &Secret) -> Result<(), Failure> {
    let &Secret { id, visibility, description, value } = new;
    let secret = v1::Secret {
        visibility: visibility.into(),
        description: description.to_owned(),
        ..Default::default()
    };
    let request = v1::CreateSecretRequest {
        parent: PROJECT.to_owned(),
        secret_id: id.to_owned(),
        secret: Some(secret),
        payload: value.map(text),
        request_id: String::new(),
    };
    let done = clients.builder.secrets().create_secret(request).await;
    let emptiness = if value.is_none() { ", without a value" } else { "" };
    tell("CreateSecret", format!("{id}, {}{emptiness}", words::visibility(visibility)), done)
}

async fn set_override(clients: &Clients, new: &Override) -> Result<(), Failure> {
    let &Override { secret, environment, stage, value } = new;
    let what = format!("{secret}, override for {environment}, {}", words::stage(stage));
    if has_override(clients, new).await {
        told("SetSecretValue", &what, "there already");
        return Ok(());
    }
    let slot = Which::Override(v1::OverrideSlot {
        environment: environment.to_owned(),
        stage: stage.into(),
    });
    let request = v1::SetSecretValueRequest {
        name: format!("{PROJECT}/secrets/{secret}"),
        slot: Some(v1::Slot { slot: Some(slot) }),
        payload: Some(text(value)),
        etag: String::new(),
        request_id: String::new(),
    };
    // Production is protected: only an admin may change what its live stage resolves.
    let caller = if environment == PRODUCTION { &clients.admin } else { &clients.builder };
    tell("SetSecretValue", what, caller.secrets().set_secret_value(request).await)
}

async fn has_override(clients: &Clients, wanted: &Override) -> bool {
    let request = v1::ListOverridesRequest {
        parent: format!("{PROJECT}/environments/{}", wanted.environment),
        stage: wanted.stage.into(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let listed = clients.builder.secrets().list_overrides(request).await;
    listed.is_ok_and(|listed| {
        listed.get_ref().overrides.iter().any(|found| found.secret == wanted.secret)
    })
}

/// Says what came of a step. What an earlier start has done already, or what somebody has changed
/// since, is no failure.
fn tell<T>(
    method: &'static str,
    what: String,
    done: Result<Response<T>, Status>,
) -> Result<(), Failure> {
    match done.map_err(Refused::from) {
        Ok(_) => told(method, &what, "done"),
        Err(refused) if refused.is_there_already() => told(method, &what, "there already"),
        Err(refused) if refused.is_about_state() => told(method, &what, &refused.to_string()),
        Err(refused) => {
            return Err(Failure::FirstProject { method, what, refused: Box::new(refused) });
        }
    }
    Ok(())
}

fn told(method: &str, what: &str, outcome: &str) {
    say(&format!("   {method:<18} {what:<47} {outcome}"));
}

fn text(value: &str) -> v1::SecretPayload {
    v1::SecretPayload { payload: Some(Payload::Text(value.to_owned())), crc32c: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_invented_here_may_be_printed() {
        assert!(is_invented(REVEALED, "https://weather.example/default"));
        assert!(is_invented(REVEALED, "https://weather.example/draft"));
        assert!(is_invented(REVEALED, PASTED));
        assert!(!is_invented(REVEALED, "https://weather.example/mine"));
        assert!(!is_invented(REFUSED, "https://weather.example/default"));
        assert!(!is_invented("OTHER", PASTED));
    }

    #[test]
    fn the_story_has_one_of_each() {
        let visibility = |id: &str| secrets().find(|secret| secret.id == id).unwrap().visibility;
        assert_eq!(visibility(REVEALED), Visibility::Masked);
        assert_eq!(visibility(REFUSED), Visibility::Restricted);
        assert!(secrets().any(|secret| secret.value.is_none()));
    }
}
