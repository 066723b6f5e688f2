//! Principals that are known by an identity, and come with a certificate or a token of others.

use super::line::{Line, Messages};
use super::{ISSUER, PATIENCE, base64url, list, published, token};
use crate::support::refusal::{read, refused};
use crate::support::tls::{self, Authority, Files, Leaf};
use crate::support::{Server, Setup, client, default_slot, text};
use prost::Message;
use rcgen::{KeyPair, PKCS_ED25519};
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use waxseal_domain::caller;
use waxseal_proto::v1::{self, Role, Stage, Visibility};

const INVALID: (Code, &str) = (Code::Unauthenticated, "CREDENTIALS_INVALID");
const MISSING: (Code, &str) = (Code::Unauthenticated, "CREDENTIALS_MISSING");
const DENIED: (Code, &str) = (Code::PermissionDenied, "PERMISSION_DENIED");

/// What somebody comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Certificate,
    Token,
}

/// A server with the secret `KEY` in the project `demo`, an authority and an issuer.
struct World {
    server: Server,
    authority: Authority,
    clients: Authority,
    issuer: KeyPair,
    line: Line,
    admin: String,
    builder: String,
    _files: (Files, tempfile::TempDir),
}

/// Somebody on a connection of their own.
struct Caller {
    line: Line,
    token: Option<String>,
}

impl Caller {
    async fn call<M: Message + Default>(
        &self,
        method: &str,
        message: impl Message,
    ) -> Result<M, Status> {
        self.line.call(method, self.token.as_deref(), message).await
    }

    async fn resolve(&self) -> Result<v1::ResolveEnvironmentResponse, Status> {
        let request = v1::ResolveEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            ..Default::default()
        };
        self.call("ResolveEnvironment", request).await
    }

    /// Watches, and has seen the first view.
    async fn watch(&self) -> Messages {
        let request = v1::WatchEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            ..Default::default()
        };
        let views = self.line.begin("WatchEnvironment", self.token.as_deref(), request).await;
        let mut views = views.unwrap();
        views.next::<v1::WatchEnvironmentResponse>().await.unwrap();
        views
    }
}

fn spiffe(id: &str) -> String {
    format!("spiffe://example.org/{id}")
}

fn identity(by: By, id: &str) -> v1::Identity {
    let identity = match by {
        By::Certificate => v1::identity::Identity::SpiffeId(spiffe(id)),
        By::Token => {
            let (issuer, subject) = (ISSUER.to_owned(), id.to_owned());
            v1::identity::Identity::Workload(v1::Workload { issuer, subject })
        }
    };
    v1::Identity { identity: Some(identity) }
}

impl World {
    async fn new() -> Self {
        let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
        let files = Files::new(&authority.server(), Some(&clients));
        let issuer = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut setup = Setup::new();
        setup.config.transport = files.transport();
        let list = list(dir.path(), &[published(&issuer, "a")]);
        setup.config.identities.workload_issuers = Some(list);
        let server = setup.start().await;
        let config = tls::config(&authority, None);
        let line = Line::over(tls::connect(&server.address, config).await.unwrap()).await;
        let admin = server.token(caller::Role::Admin, false, "deployment").await;
        let builder = server.token(caller::Role::Builder, true, "deployment").await;
        let _files = (files, dir);
        let world = Self { server, authority, clients, issuer, line, admin, builder, _files };
        let project_id = "demo".to_owned();
        let project = v1::CreateProjectRequest { project_id, ..Default::default() };
        world.administer::<v1::CreateProjectResponse>("CreateProject", project).await;
        let visibility = Visibility::Masked.into();
        let secret = v1::CreateSecretRequest {
            parent: "projects/demo".to_owned(),
            secret_id: "KEY".to_owned(),
            secret: Some(v1::Secret { visibility, ..Default::default() }),
            payload: text("first"),
            ..Default::default()
        };
        let builder = Some(&*world.builder);
        let made = world.line.call::<v1::CreateSecretResponse>("CreateSecret", builder, secret);
        made.await.unwrap();
        world
    }

    async fn administer<M: Message + Default>(&self, method: &str, message: impl Message) -> M {
        self.line.call(method, Some(&self.admin), message).await.unwrap()
    }

    async fn set(&self, value: &str) {
        let request = v1::SetSecretValueRequest {
            name: "projects/demo/secrets/KEY".to_owned(),
            slot: default_slot(),
            payload: text(value),
            ..Default::default()
        };
        let builder = Some(&*self.builder);
        let set = self.line.call::<v1::SetSecretValueResponse>("SetSecretValue", builder, request);
        set.await.unwrap();
    }

    /// A principal that is known by one identity, and its binding: it resolves in the project.
    async fn principal(&self, by: By, id: &str) -> v1::Binding {
        let identities = vec![identity(by, id)];
        let request = v1::CreatePrincipalRequest {
            principal_id: id.to_owned(),
            principal: Some(v1::Principal { identities, ..Default::default() }),
            ..Default::default()
        };
        self.administer::<v1::CreatePrincipalResponse>("CreatePrincipal", request).await;
        let (role, scope) = (Role::Runtime.into(), "projects/demo".to_owned());
        let request = v1::CreateBindingRequest {
            parent: format!("principals/{id}"),
            binding: Some(v1::Binding { role, scope, ..Default::default() }),
            ..Default::default()
        };
        let bound = self.administer::<v1::CreateBindingResponse>("CreateBinding", request).await;
        bound.binding.unwrap()
    }

    async fn connect(&self, leaf: Option<&Leaf>, token: Option<String>) -> Caller {
        let config = tls::config(&self.authority, leaf);
        let stream = tls::connect(&self.server.address, config).await.unwrap();
        Caller { line: Line::over(stream).await, token }
    }

    /// Whoever has this identity, for an hour.
    async fn caller(&self, by: By, id: &str) -> Caller {
        match by {
            By::Certificate => {
                let mut params = tls::client(&[&spiffe(id)]);
                params.not_after = (std::time::SystemTime::now() + HOUR).into();
                self.connect(Some(&self.clients.issue(&params)), None).await
            }
            By::Token => self.connect(None, Some(token(&self.issuer, "a", id))).await,
        }
    }

    async fn events(&self, auditor: &str, principal: &str) -> Vec<v1::AuditEvent> {
        let request = v1::ListAuditEventsRequest {
            parent: "deployment".to_owned(),
            principal: principal.to_owned(),
            ..Default::default()
        };
        let listed = self.line.call("ListAuditEvents", Some(auditor), request).await;
        let listed: v1::ListAuditEventsResponse = listed.unwrap();
        listed.events
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[track_caller]
fn is<T>(answer: Result<T, Status>, wanted: (Code, &str)) {
    refused(answer).is(wanted.0, wanted.1);
}

#[tokio::test]
async fn it_gets_in_with_exactly_its_rights_and_is_on_record() {
    let world = World::new().await;
    let auditor = world.server.token(caller::Role::Auditor, false, "deployment").await;
    for (by, id) in [(By::Certificate, "api"), (By::Token, "job")] {
        world.principal(by, id).await;
        let caller = world.caller(by, id).await;
        let who: v1::WhoAmIResponse = caller.call("WhoAmI", v1::WhoAmIRequest {}).await.unwrap();
        let principal = format!("principals/{id}");
        assert_eq!(who.principal, principal);
        let came = v1::who_am_i_response::Credential::Identity(identity(by, id));
        assert_eq!(who.credential, Some(came));
        let [grant] = &who.grants[..] else { panic!("{who:?}") };
        assert_eq!((grant.role(), &*grant.scope), (Role::Runtime, "projects/demo"));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let left = who.expire_time.unwrap().seconds - i64::try_from(now.as_secs()).unwrap();
        assert!((1..=3_631).contains(&left), "it ends with what was shown, not in {left} s");

        let view = caller.resolve().await.unwrap();
        assert_eq!(client::shown(view.secrets[0].payload.as_ref()), "first");
        let project_id = "other".to_owned();
        let request = v1::CreateProjectRequest { project_id, ..Default::default() };
        is(caller.call::<v1::CreateProjectResponse>("CreateProject", request).await, DENIED);

        let credential = match by {
            By::Certificate => spiffe(id),
            By::Token => format!("{ISSUER} {id}"),
        };
        let begun = Instant::now();
        // A denial is on record a moment later.
        for (action, outcome) in [("ResolveEnvironment", "ok"), ("CreateProject", DENIED.1)] {
            loop {
                let events = world.events(&auditor, &principal).await;
                assert!(events.iter().all(|event| event.principal == principal));
                assert!(events.iter().all(|event| event.credential == credential), "{events:?}");
                if events.iter().any(|event| event.action == action && event.outcome == outcome) {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{action}: {events:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

#[tokio::test]
async fn only_the_very_identity_gets_in() {
    let world = World::new().await;
    world.principal(By::Certificate, "api").await;
    world.principal(By::Token, "job").await;
    let api = spiffe("api");
    for (what, uris, wanted) in [
        ("another", &["spiffe://example.org/other"][..], INVALID),
        ("another trust domain", &["spiffe://other.org/api"], INVALID),
        ("other case", &["spiffe://example.org/Api"], INVALID),
        ("two names", &[&*api, "spiffe://example.org/other"], MISSING),
        ("no name", &[], MISSING),
        ("capitals in the trust domain", &["spiffe://Example.org/api"], MISSING),
        ("a slash at the end", &["spiffe://example.org/api/"], MISSING),
        ("percent-encoding", &["spiffe://example.org/%61pi"], MISSING),
    ] {
        let caller = world.connect(Some(&world.clients.client(uris)), None).await;
        let refusal = refused(caller.resolve().await);
        assert_eq!((refusal.code, &*refusal.reason), wanted, "{what}");
    }
    let good = token(&world.issuer, "a", "job");
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let stranger = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let mapped = world.clients.client(&[&api]);
    for (what, wrong) in [
        ("other case", token(&world.issuer, "a", "Job")),
        ("a space behind", token(&world.issuer, "a", "job ")),
        ("a space before", token(&world.issuer, "a", " job")),
        ("the SPIFFE id", token(&world.issuer, "a", &api)),
        ("another signer", token(&stranger, "a", "job")),
        ("no signature", format!("{signed}.")),
        ("none", format!("{}.{claims}.", base64url(r#"{"alg":"none","kid":"a"}"#))),
        ("a token of ours that is none", "wxs_run_wrong".to_owned()),
        ("nothing", String::new()),
    ] {
        // A good certificate is no help to whoever sends a token along.
        for leaf in [None, Some(&mapped)] {
            let caller = world.connect(leaf, Some(wrong.clone())).await;
            let refusal = refused(caller.resolve().await);
            assert_eq!((refusal.code, &*refusal.reason), INVALID, "{what}");
        }
    }
    // All of it is about the identity.
    world.caller(By::Certificate, "api").await.resolve().await.unwrap();
    world.caller(By::Token, "job").await.resolve().await.unwrap();
}

/// The rights of others change meanwhile, so that those of the caller are read anew; what they have
/// shown ends no later for that.
#[tokio::test]
async fn calls_and_watches_go_on_until_the_credential_ends() {
    for by in [By::Certificate, By::Token] {
        let world = World::new().await;
        world.principal(by, "api").await;
        let caller = world.caller(by, "api").await;
        let mut views = caller.watch().await;
        for round in ["one", "two", "three"] {
            world.principal(By::Certificate, round).await;
            world.set(round).await;
            let view: v1::WatchEnvironmentResponse = views.next().await.unwrap();
            assert_eq!(client::shown(view.secrets[0].payload.as_ref()), round, "{by:?}");
            caller.resolve().await.unwrap();
        }
        world.server.pass(HOUR + Duration::from_secs(31));
        is(views.next::<v1::WatchEnvironmentResponse>().await, INVALID);
        // On the same connection, which is open.
        is(caller.resolve().await, INVALID);
    }
}

#[tokio::test]
async fn what_is_taken_away_ends_it_at_once() {
    let world = World::new().await;
    for by in [By::Certificate, By::Token] {
        for (taken, wanted) in [("disabled", INVALID), ("deleted", INVALID), ("unbound", DENIED)] {
            let id = format!("{}-{taken}", if by == By::Token { "job" } else { "api" });
            let binding = world.principal(by, &id).await;
            let caller = world.caller(by, &id).await;
            caller.resolve().await.unwrap();
            let mut views = caller.watch().await;
            let name = format!("principals/{id}");
            match taken {
                "disabled" => {
                    let principal = v1::Principal { name, disabled: true, ..Default::default() };
                    let paths = vec!["disabled".to_owned()];
                    let request = v1::UpdatePrincipalRequest {
                        principal: Some(principal),
                        update_mask: Some(prost_types::FieldMask { paths }),
                        ..Default::default()
                    };
                    let method = "UpdatePrincipal";
                    world.administer::<v1::UpdatePrincipalResponse>(method, request).await;
                }
                "deleted" => {
                    let request = v1::DeletePrincipalRequest { name, ..Default::default() };
                    let method = "DeletePrincipal";
                    world.administer::<v1::DeletePrincipalResponse>(method, request).await;
                }
                _ => {
                    let name = binding.name;
                    let request = v1::DeleteBindingRequest { name, ..Default::default() };
                    world.administer::<v1::DeleteBindingResponse>("DeleteBinding", request).await;
                }
            }
            is(caller.resolve().await, wanted);
            let ended = views.next::<v1::WatchEnvironmentResponse>().await.unwrap_err();
            read(&ended).is(wanted.0, wanted.1);
        }
    }
}
