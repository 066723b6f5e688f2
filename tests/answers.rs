//! Answers with views, byte for byte. They are encoded when the view is filled and sent as they
//! are; the generated code would have written the same.

use crate::support::raw::Raw;
use crate::support::{Client, Server};
use prost::Message;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// The size of a value of which 48 make 3 MiB.
const LARGE: usize = 64 * 1024;

fn environment(if_revision_not: &str) -> v1::ResolveEnvironmentRequest {
    v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: if_revision_not.to_owned(),
        ..Default::default()
    }
}

/// The answer, having seen that it is what prost makes of it.
async fn answer<A: Message + Default>(
    raw: &Raw,
    token: &str,
    method: &str,
    request: impl Message,
) -> A {
    let answer = raw.call(method, token, request.encode_to_vec()).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap().len(), 36);
    let bytes = answer.into_inner();
    let decoded = A::decode(&*bytes).unwrap();
    assert!(decoded.encode_to_vec() == bytes, "byte for byte");
    decoded
}

async fn fill(builder: &Client, count: usize, value: &str) {
    for number in 0..count {
        let (id, value) = (format!("S{number}"), Some(value));
        builder.create_secret("demo", &id, Visibility::Masked, value).await.unwrap();
    }
}

#[tokio::test]
async fn an_environment_is_answered_as_the_generated_code_would() {
    for (count, value) in [(0, ""), (1, "x"), (50, "a typical value"), (48, &"v".repeat(LARGE))] {
        let server = Server::with_demo().await;
        fill(&server.builder().await, count, value).await;
        let token = server.token(Role::Runtime, false, "deployment").await;
        let raw = Raw::connect(&server.address).await;
        // Cold, and then warm.
        for _ in 0..2 {
            let all: v1::ResolveEnvironmentResponse =
                answer(&raw, &token, "ResolveEnvironment", environment("")).await;
            assert_eq!(all.secrets.len(), count);
            let texts = all.secrets.iter().map(|secret| &secret.payload.as_ref().unwrap().payload);
            let expected = Some(v1::secret_payload::Payload::Text(value.to_owned()));
            assert!(texts.into_iter().all(|text| *text == expected));
            assert!(!all.not_modified);

            let none: v1::ResolveEnvironmentResponse =
                answer(&raw, &token, "ResolveEnvironment", environment(&all.revision)).await;
            assert!(none.not_modified && none.secrets.is_empty() && none.unset.is_empty());
            assert_eq!(none.revision, all.revision);
        }
    }
}

#[tokio::test]
async fn secrets_are_answered_as_the_generated_code_would() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    fill(&builder, 30, "a typical value").await;
    builder
        .create_secret("demo", "LARGE", Visibility::Masked, Some(&"v".repeat(LARGE)))
        .await
        .unwrap();
    builder.create_secret("demo", "NONE", Visibility::Masked, None).await.unwrap();
    let token = server.token(Role::Runtime, false, "deployment").await;
    let raw = Raw::connect(&server.address).await;
    let named = |names: &[&str], if_revision_not: &str| v1::ResolveSecretsRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        secrets: names.iter().map(|&name| name.to_owned()).collect(),
        allow_unset: true,
        if_revision_not: if_revision_not.to_owned(),
        ..Default::default()
    };
    let many: Vec<_> = (0..30).map(|number| format!("S{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for names in [&["S7"][..], &["S7", "S3", "LARGE", "S1"], &["NONE"], &["S0", "NONE"], &many] {
        let some: v1::ResolveSecretsResponse =
            answer(&raw, &token, "ResolveSecrets", named(names, "")).await;
        let found = some.secrets.iter().map(|secret| &*secret.secret);
        let unset = some.unset.iter().map(|unset| &*unset.secret);
        assert_eq!(found.chain(unset).collect::<Vec<_>>(), names);
        let none: v1::ResolveSecretsResponse =
            answer(&raw, &token, "ResolveSecrets", named(names, &some.revision)).await;
        assert!(none.not_modified && none.secrets.is_empty() && none.unset.is_empty());
    }
}
