//! What a resolve may ask about freshness, of both methods alike; and requests without their parts.

use crate::support::Server;
use crate::support::raw::Raw;
use crate::support::refusal::read;
use prost::Message;
use prost_types::Duration;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::consistency::{AtLeast, Bounded, Mode, Strong};
use waxseal_proto::v1::{self, Stage, Visibility};

struct Reader {
    raw: Raw,
    token: String,
}

impl Reader {
    /// Asks both methods, and gives the two answers, which have to be of one kind.
    async fn ask(&self, mode: Option<Mode>, held: &str) -> Result<bool, Status> {
        let name = "projects/demo/environments/main".to_owned();
        let (stage, consistency) = (Stage::Live.into(), Some(v1::Consistency { mode }));
        let if_revision_not = held.to_owned();
        let all = v1::ResolveEnvironmentRequest {
            name: name.clone(),
            stage,
            consistency: consistency.clone(),
            if_revision_not: if_revision_not.clone(),
        };
        let secrets = vec!["KEY".to_owned()];
        let some = v1::ResolveSecretsRequest {
            name,
            stage,
            consistency,
            if_revision_not,
            secrets,
            allow_unset: false,
        };
        let all = self.raw.call("ResolveEnvironment", &self.token, all.encode_to_vec()).await;
        let some = self.raw.call("ResolveSecrets", &self.token, some.encode_to_vec()).await;
        match (all, some) {
            (Ok(all), Ok(some)) => {
                let all = v1::ResolveEnvironmentResponse::decode(&**all.get_ref()).unwrap();
                let some = v1::ResolveSecretsResponse::decode(&**some.get_ref()).unwrap();
                assert_eq!(all.not_modified, some.not_modified);
                assert_eq!(all.secrets, some.secrets);
                assert_eq!(all.secrets.is_empty(), all.not_modified);
                Ok(all.not_modified)
            }
            (Err(all), Err(some)) => {
                assert_eq!((all.code(), all.message()), (some.code(), some.message()));
                Err(all)
            }
            (all, some) => panic!("{:?} and {:?}", all.is_ok(), some.is_ok()),
        }
    }
}

async fn prepared() -> (Server, Reader, String) {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    let created = builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await;
    let token = server.token(Role::Runtime, false, "deployment").await;
    let reader = Reader { raw: Raw::connect(&server.address).await, token };
    (server, reader, created.unwrap().revision)
}

fn at_least(revision: &str) -> Option<Mode> {
    Some(Mode::AtLeast(AtLeast { revision: revision.to_owned() }))
}

fn bounded(max_staleness: Option<Duration>) -> Option<Mode> {
    Some(Mode::Bounded(Bounded { max_staleness }))
}

#[tokio::test]
async fn a_revision_is_one_that_was_given_wherever_it_stands() {
    let (server, reader, revision) = prepared().await;
    let longer = revision.repeat(150);
    let wrong = [
        "42",
        "0",
        "garbage",
        " ",
        "\0",
        "\u{e9}",
        &revision[1..],
        &revision[..revision.len() - 1],
        &format!("{revision}="),
        &format!("{revision} "),
        &format!("\"{revision}\""),
        &revision.to_lowercase(),
        &longer,
    ];
    for wrong in wrong {
        for (answer, field) in [
            (reader.ask(at_least(wrong), "").await, "consistency.at_least.revision"),
            (reader.ask(None, wrong).await, "if_revision_not"),
        ] {
            let Err(status) = answer else { panic!("{field} took {wrong:.40?}") };
            read(&status).is_about("INVALID_REVISION", field);
            assert!(wrong.len() < 4 || !status.message().contains(wrong), "{field}");
        }
    }
    // Empty is no revision for the one, and none held for the other.
    let status = reader.ask(at_least(""), "").await.unwrap_err();
    read(&status).is_about("INVALID_REVISION", "consistency.at_least.revision");
    assert!(!reader.ask(at_least(&revision), "").await.unwrap());
    assert!(reader.ask(at_least(&revision), &revision).await.unwrap());

    let project = v1::CreateProjectRequest { project_id: "other".to_owned(), ..Default::default() };
    let admin = server.admin().await;
    let other = admin.projects.clone().create_project(project).await.unwrap().into_inner();
    let status = reader.ask(at_least(&other.revision), "").await.unwrap_err();
    read(&status).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    assert!(!reader.ask(None, &other.revision).await.unwrap(), "it matches nothing");
}

#[tokio::test]
async fn staleness_is_more_than_nothing_and_at_most_a_second_for_both_methods() {
    let (_server, reader, _) = prepared().await;
    assert!(!reader.ask(None, "").await.unwrap());
    assert!(!reader.ask(Some(Mode::Strong(Strong {})), "").await.unwrap());
    for (seconds, nanos) in [(0, 1), (0, 500_000_000), (0, 999_999_999), (1, 0)] {
        assert!(!reader.ask(bounded(Some(Duration { seconds, nanos })), "").await.unwrap());
    }
    let too_much = [
        (0, 0),
        (1, 1),
        (2, 0),
        (i64::MAX, 0),
        (-1, 0),
        (i64::MIN, 0),
        (0, -1),
        (1, -1),
        (0, 1_000_000_000),
        (0, i32::MAX),
        (0, i32::MIN),
    ];
    let wrong = too_much.map(|(seconds, nanos)| Some(Duration { seconds, nanos }));
    for wrong in wrong.into_iter().chain([None]) {
        let answer = reader.ask(bounded(wrong), "").await;
        let Err(status) = answer else { panic!("{wrong:?} was taken") };
        read(&status).is_about("INVALID_FIELD", "consistency.bounded.max_staleness");
    }
}

#[tokio::test]
async fn an_empty_request_is_refused_by_the_first_thing_that_it_lacks() {
    let server = Server::with_demo().await;
    let raw = Raw::connect(&server.address).await;
    let tokens = [
        server.token(Role::Admin, false, "deployment").await,
        server.token(Role::Builder, true, "deployment").await,
        server.token(Role::Runtime, false, "deployment").await,
    ];
    for (_, method) in crate::support::raw::methods() {
        let method = method.name();
        let field = match method {
            "CreateProject" | "ImportProject" => "project_id",
            "CreatePrincipal" => "principal_id",
            "UpdatePrincipal" => "principal.name",
            "UpdateProject" => "project.name",
            // Nothing is required.
            "ListProjects" | "ListPrincipals" | "GetKeyStatus" | "RewrapDataKeys" | "WhoAmI"
            | "VerifyAuditTrail" | "ExportAuditTrail" => {
                continue;
            }
            // The first thing is no name: see `access/`.
            "TestPermissions" | "Initialize" => continue,
            "CreateBinding" | "ListBindings" | "CreateApiToken" | "ListApiTokens" => "parent",
            "UpdateEnvironment" => "environment.name",
            "UpdateSecret" => "secret.name",
            "CreateEnvironment" | "ListEnvironments" | "CreateSecret" | "ListSecrets"
            | "ListOverrides" | "BatchSetOverrides" | "ParseReferences" | "ListAuditEvents" => {
                "parent"
            }
            _ => "name",
        };
        let token = match method {
            "RevealSecretValue" => &tokens[1],
            "ResolveEnvironment" | "ResolveSecrets" | "WatchEnvironment" | "RenderTemplates" => {
                &tokens[2]
            }
            _ => &tokens[0],
        };
        let status = raw.call(method, token, vec![]).await.unwrap_err();
        read(&status).is_about("INVALID_NAME", field);
    }
}
