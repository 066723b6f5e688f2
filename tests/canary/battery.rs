//! Calls with canaries where values go: those that succeed, and those that are refused.

use super::{BYTES, PLAIN, TEXT, Tokens};
use crate::support::binary::Serving;
use crate::support::client::{channel, shown};
use crate::support::raw::Raw;
use crate::support::{Client, default_slot, override_slot, text};
use tonic::{Response, Status};
use waxseal_proto::v1::secret_payload::Payload;
use waxseal_proto::v1::secret_service_client::SecretServiceClient;
use waxseal_proto::v1::{self, Fallback, Stage, Visibility};

pub struct Battery {
    pub admin: Client,
    pub builder: Client,
    pub runtime: Client,
    pub viewer: Client,
    raw: Raw,
    /// Without credentials.
    nobody: SecretServiceClient<tonic::transport::Channel>,
    /// Every call that was refused, by a name.
    pub refusals: Vec<(String, Status)>,
}

pub fn data(value: &[u8]) -> Option<v1::SecretPayload> {
    Some(v1::SecretPayload { payload: Some(Payload::Data(value.to_vec())), crc32c: None })
}

fn set(
    secret: &str,
    slot: Option<v1::Slot>,
    payload: Option<v1::SecretPayload>,
) -> v1::SetSecretValueRequest {
    v1::SetSecretValueRequest {
        name: format!("projects/demo/secrets/{secret}"),
        slot,
        payload,
        ..Default::default()
    }
}

impl Battery {
    pub async fn new(serving: &Serving, tokens: &Tokens) -> Self {
        let url = serving.url();
        Self {
            admin: Client::connect(&url, &tokens.admin).await,
            builder: Client::connect(&url, &tokens.builder).await,
            runtime: Client::connect(&url, &tokens.runtime).await,
            viewer: Client::connect(&url, &tokens.viewer).await,
            raw: Raw::connect(&url).await,
            nobody: SecretServiceClient::new(channel(&url).await),
            refusals: Vec::new(),
        }
    }

    pub fn expect_refusal<T>(&mut self, call: impl Into<String>, answer: Result<T, Status>) {
        let call = call.into();
        match answer {
            Ok(_) => panic!("{call} should be refused"),
            Err(status) => self.refusals.push((call, status)),
        }
    }

    /// Values through every door, and out again.
    pub async fn succeed(&self) {
        let Self { admin, builder, runtime, .. } = self;
        admin.create_project("demo").await.unwrap();
        let protected = v1::Environment {
            protected: true,
            fallback: Fallback::Deny.into(),
            ..Default::default()
        };
        admin.create_environment_as("demo", "guarded", protected).await.unwrap();
        let mut secrets = builder.secrets.clone();
        for (name, visibility) in
            [("MASKED", Visibility::Masked), ("TIGHT", Visibility::Restricted)]
        {
            builder.create_secret("demo", name, visibility, Some(TEXT)).await.unwrap();
            for payload in [text(TEXT), text(PLAIN), data(BYTES)] {
                for slot in [default_slot(), override_slot("main", Stage::Live)] {
                    secrets.set_secret_value(set(name, slot, payload.clone())).await.unwrap();
                }
            }
        }
        let request = v1::BatchSetOverridesRequest {
            parent: "projects/demo/environments/main".to_owned(),
            stage: Stage::Draft.into(),
            overrides: [("MASKED", text(TEXT)), ("TIGHT", text(PLAIN))]
                .map(|(secret, payload)| v1::OverrideValue { secret: secret.to_owned(), payload })
                .to_vec(),
            ..Default::default()
        };
        secrets.batch_set_overrides(request).await.unwrap();

        let draft = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
        assert_eq!(shown(draft.secrets[0].payload.as_ref()), TEXT);
        let live = runtime.resolve_named("demo", "main", Stage::Live, &["TIGHT"], false).await;
        let payload = live.unwrap().secrets[0].payload.clone().unwrap().payload.unwrap();
        assert!(payload == Payload::Data(BYTES.to_vec()));
        builder.reveal("demo", "MASKED", default_slot()).await.unwrap();
        builder.reveal_version("demo", "MASKED", default_slot(), 2).await.unwrap();
        builder.restrict("demo", "MASKED").await.unwrap();
        builder.create_secret("demo", "MORE", Visibility::Masked, Some(PLAIN)).await.unwrap();
        builder.clear("demo", "MORE", default_slot()).await.unwrap();
        builder.create_secret("demo", "GONE", Visibility::Masked, Some(PLAIN)).await.unwrap();
        builder.delete_secret("demo", "GONE").await.unwrap();
        admin.clone_environment("demo", "main", "copy", "").await.unwrap();
    }

    /// Values in calls that are refused for every reason there is.
    pub async fn fail(&mut self) {
        for (form, payload) in [("text", text(TEXT)), ("plain", text(PLAIN)), ("data", data(BYTES))]
        {
            for (why, request) in refused_writes(&payload) {
                let answer = self.builder.secrets.clone().set_secret_value(request).await;
                self.expect_refusal(format!("{form}: {why}"), answer);
            }
            let request = set("MASKED", default_slot(), payload.clone());
            for client in [&self.viewer, &self.runtime].map(Clone::clone) {
                let answer = client.secrets.clone().set_secret_value(request.clone()).await;
                self.expect_refusal(format!("{form}: not allowed"), answer);
            }
            let answer = self.nobody.set_secret_value(request.clone()).await;
            self.expect_refusal(format!("{form}: nobody"), answer);
            let live = override_slot("guarded", Stage::Live);
            let guarded = set("MORE", live, payload.clone());
            let answer = self.builder.secrets.clone().set_secret_value(guarded).await;
            self.expect_refusal(format!("{form}: protected"), answer);
        }
        for secret in ["TIGHT", "MASKED", "GONE", "NEVER"] {
            let answer = self.builder.reveal("demo", secret, default_slot()).await;
            self.expect_refusal(format!("reveal of {secret}"), answer);
        }
        self.reuse_a_request_id().await;
        self.fail_with_sizes_and_shapes().await;
    }

    async fn reuse_a_request_id(&mut self) {
        let id = uuid::Uuid::new_v4().to_string();
        let request = |payload| v1::SetSecretValueRequest {
            request_id: id.clone(),
            ..set("MORE", default_slot(), payload)
        };
        let mut secrets = self.builder.secrets.clone();
        secrets.set_secret_value(request(text(TEXT))).await.unwrap();
        secrets.set_secret_value(request(text(TEXT))).await.unwrap();
        let answer = secrets.set_secret_value(request(text(PLAIN))).await.map(Response::into_inner);
        self.expect_refusal("another body", answer);
    }

    async fn fail_with_sizes_and_shapes(&mut self) {
        let mut secrets = self.builder.secrets.clone();
        for (why, size) in [("a value too long", 65_537), ("a message too long", 5 << 20)] {
            let long = PLAIN.repeat(size / PLAIN.len() + 1);
            let answer = secrets.set_secret_value(set("MORE", default_slot(), text(&long))).await;
            self.expect_refusal(why, answer);
        }
        // What begins as a value, and is none: no message at all, or no text.
        let no_text = [b"\x1a\x1a\x0a\x18", BYTES].concat();
        for token in ["", PLAIN, "wxs_bld_canary", &format!("wxs_{PLAIN}")] {
            for message in [PLAIN.as_bytes(), TEXT.as_bytes(), BYTES, &no_text] {
                for method in ["SetSecretValue", "ResolveSecrets"] {
                    let answer = self.raw.call(method, token, message.to_vec()).await;
                    self.expect_refusal(format!("{method} by {token:?}"), answer);
                }
            }
        }
        let path = format!("/waxseal.v1.SecretService/{PLAIN}");
        let answer = self.raw.send(&path, crate::support::raw::bearer(PLAIN), vec![]).await;
        self.expect_refusal("a method that is a canary", answer);
    }
}

/// Writes that cannot be, one for each reason.
fn refused_writes(
    payload: &Option<v1::SecretPayload>,
) -> Vec<(&'static str, v1::SetSecretValueRequest)> {
    let right = || set("MORE", default_slot(), payload.clone());
    let mut wrong_sum = payload.clone().unwrap();
    wrong_sum.crc32c = Some(1);
    let nul = text(&format!("{PLAIN}\0{TEXT}"));
    let named = |name: String| v1::SetSecretValueRequest { name, ..right() };
    vec![
        ("no secret", set("NEVER", default_slot(), payload.clone())),
        ("deleted", set("GONE", default_slot(), payload.clone())),
        ("no environment", set("MORE", override_slot("never", Stage::Live), payload.clone())),
        ("no stage", set("MORE", override_slot("main", Stage::Unspecified), payload.clone())),
        ("no slot", set("MORE", None, payload.clone())),
        ("wrong sum", set("MORE", default_slot(), Some(wrong_sum))),
        ("NUL", set("MORE", default_slot(), nul)),
        ("wrong etag", v1::SetSecretValueRequest { etag: PLAIN.to_owned(), ..right() }),
        ("no request id", v1::SetSecretValueRequest { request_id: PLAIN.to_owned(), ..right() }),
        ("a name that is a value", named(PLAIN.to_owned())),
        ("a secret that is a value", named(format!("projects/demo/secrets/{TEXT}"))),
        ("a project that is a value", named(format!("projects/{PLAIN}/secrets/MORE"))),
        (
            "an environment that is a value",
            set("MORE", override_slot(TEXT, Stage::Live), payload.clone()),
        ),
    ]
}
