//! Hosts of three kinds under the key policy that is shipped for them: each does all that its
//! callers may ask of it, and cannot do more, whatever is asked of the key service in its name.

use super::rotation::{carried_to_the_end, due};
use super::world::{World, eventually, fill};
use crate::support::binary::Serving;
use crate::support::client::shown;
use crate::support::kms::ask;
use crate::support::{Client, default_slot, override_slot, refused};
use serde_json::{Value, json};
use tonic::Code;
use waxseal_kms::fake::policy::Policy;
use waxseal_proto::v1::{self, Stage, Visibility};

const KINDS: [&str; 3] = ["management", "runtime", "keys"];

/// Three processes on one deployment, each with credentials of its own.
struct Hosts {
    world: World,
    management: Serving,
    runtime: Serving,
    keys: Serving,
}

fn separate(world: &World, key: &str) {
    let shipped = include_str!("../../deploy/kms/separate.json");
    world.fake.set_policy(key, Policy::parse(shipped).unwrap());
    for kind in KINDS {
        world.fake.role(kind, &format!("arn:aws:iam::111122223333:role/waxseal-{kind}"));
    }
}

impl Hosts {
    async fn start() -> Self {
        let world = World::production().await;
        separate(&world, &world.key);
        Self::serving(world).await
    }

    async fn serving(world: World) -> Self {
        // It is the one that may found the deployment.
        let management = world.serve("management", "management").await;
        let runtime = world.serve("runtime", "runtime").await;
        let keys = world.serve("keys", "keys").await;
        Self { world, management, runtime, keys }
    }

    async fn client(&self, host: &Serving, role: &str) -> Client {
        // Tokens are made where all is managed.
        Client::connect(&host.url(), &self.world.token("management", role).await).await
    }
}

/// Everything users do.
async fn everything(hosts: &Hosts) {
    let admin = hosts.client(&hosts.management, "admin").await;
    let builder = hosts.client(&hosts.management, "builder").await;
    let runtime = hosts.client(&hosts.runtime, "runtime").await;
    let (main, draft) = (override_slot("main", Stage::Live), override_slot("main", Stage::Draft));
    admin.create_project("demo").await.unwrap();
    admin.create_environment("demo", "staging").await.unwrap();
    for (name, visibility) in [("MASKED", Visibility::Masked), ("TIGHT", Visibility::Restricted)] {
        builder.create_secret("demo", name, visibility, Some("first")).await.unwrap();
        builder.set("demo", name, default_slot(), "second").await.unwrap();
        builder.set("demo", name, main.clone(), "override").await.unwrap();
        assert!(builder.verify("demo", name, default_slot(), "second").await.unwrap());
        assert!(!builder.verify("demo", name, default_slot(), "first").await.unwrap());
        builder.roll_back("demo", name, default_slot(), 1).await.unwrap();
    }
    builder
        .batch_set("demo", "main", Stage::Draft, &[("MASKED", "m"), ("TIGHT", "t")])
        .await
        .unwrap();
    assert_eq!(revealed(&builder, "MASKED").await, "first");
    let old = builder.reveal_version("demo", "MASKED", default_slot(), 2).await.unwrap();
    assert_eq!(shown(old.payload.as_ref()), "second");
    refused(builder.reveal("demo", "TIGHT", default_slot()).await)
        .is(Code::PermissionDenied, "SECRET_RESTRICTED");
    let explained = builder.explain("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(explained.len(), 2);
    admin.clone_environment("demo", "main", "copy", "").await.unwrap();

    for (environment, right) in [("main", "override"), ("staging", "first"), ("copy", "first")] {
        let view = runtime.resolve("demo", environment, Stage::Live).await.unwrap();
        let values: Vec<_> =
            view.secrets.iter().map(|secret| shown(secret.payload.as_ref())).collect();
        assert_eq!(values, [right, right], "{environment}");
    }
    let named = runtime.resolve_named("demo", "main", Stage::Draft, &["TIGHT"], false).await;
    assert_eq!(shown(named.unwrap().secrets[0].payload.as_ref()), "t");
    let text = "<{secret:TIGHT}{secret:MASKED}>";
    let rendered = runtime.render(text, v1::RenderContext::Text, &[]).await.unwrap();
    assert_eq!(shown(rendered.payload.as_ref()), "<overrideoverride>");

    // A watch sees what the other host is told.
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Draft.into(),
        ..Default::default()
    };
    let views = runtime.runtime.clone().watch_environment(request).await;
    let mut views = views.unwrap().into_inner();
    views.message().await.unwrap().unwrap();
    builder.set("demo", "TIGHT", draft, "watched").await.unwrap();
    let view = views.message().await.unwrap().unwrap();
    assert_eq!(shown(view.secrets[1].payload.as_ref()), "watched");

    // The ratchet opens what is masked still, and seals it as what it will be.
    builder.restrict("demo", "MASKED").await.unwrap();
    refused(builder.reveal("demo", "MASKED", default_slot()).await)
        .is(Code::PermissionDenied, "SECRET_RESTRICTED");
    assert!(builder.verify("demo", "MASKED", default_slot(), "first").await.unwrap());
    eventually("the ratcheted value resolves", async || {
        let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
        shown(view.secrets[0].payload.as_ref()) == "first"
    })
    .await;
    admin.destroy("demo", "TIGHT", default_slot(), 2).await.unwrap();
    builder.delete_secret("demo", "TIGHT").await.unwrap();
    builder.undelete_secret("demo", "TIGHT").await.unwrap();
}

async fn revealed(builder: &Client, secret: &str) -> String {
    let revealed = builder.reveal("demo", secret, default_slot()).await.unwrap();
    shown(revealed.payload.as_ref()).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_miss_nothing_on_hosts_of_three_kinds() {
    let hosts = Hosts::start().await;
    everything(&hosts).await;
    assert_eq!(denied(&hosts.world), 0, "nobody asked for what they may not do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_serves_what_it_is_for_and_nothing_else() {
    let hosts = Hosts::start().await;
    let Hosts { management, runtime, keys, .. } = &hosts;
    for host in [runtime, keys] {
        let admin = hosts.client(host, "admin").await;
        assert_eq!(admin.create_project("demo").await.unwrap_err().code(), Code::Unimplemented);
        let builder = hosts.client(host, "builder").await;
        let reveal = builder.reveal("demo", "KEY", default_slot()).await.map(drop);
        assert_eq!(reveal.unwrap_err().code(), Code::Unimplemented);
    }
    for host in [management, keys] {
        let client = hosts.client(host, "runtime").await;
        let view = client.resolve("demo", "main", Stage::Live).await.map(drop);
        assert_eq!(view.unwrap_err().code(), Code::Unimplemented);
    }
    for host in [management, runtime] {
        let client = hosts.client(host, "keyholder").await;
        let rewrap = client.keys.clone().rewrap_data_keys(v1::RewrapDataKeysRequest {}).await;
        assert_eq!(rewrap.unwrap_err().code(), Code::Unimplemented);
    }
}

/// How many requests of the servers were denied: those that are not granted when they are asked
/// again just so.
fn denied(world: &World) -> usize {
    let policy = Policy::parse(include_str!("../../deploy/kms/separate.json")).unwrap();
    let requests = world.fake.requests();
    assert!(requests.len() < 1_000);
    let refused = requests.iter().filter(|request| {
        let role = format!("arn:aws:iam::111122223333:role/waxseal-{}", request.access_key);
        let actions: &[(&str, &str)] = match request.operation.as_str() {
            "ReEncrypt" => &[
                ("kms:ReEncryptFrom", "SourceEncryptionContext"),
                ("kms:ReEncryptTo", "DestinationEncryptionContext"),
            ],
            "Decrypt" => &[("kms:Decrypt", "EncryptionContext")],
            "GenerateDataKey" => &[("kms:GenerateDataKey", "EncryptionContext")],
            other => panic!("{other}"),
        };
        !actions.iter().all(|(action, field)| {
            let context = serde_json::from_value(request.body[*field].clone()).unwrap();
            policy.allows(&role, action, &context)
        })
    });
    refused.count()
}

/// What the key service is asked by the host that may, asked again by one that may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_kind_of_host_may_the_others_cannot() {
    let hosts = Hosts::start().await;
    let admin = hosts.client(&hosts.management, "admin").await;
    fill(&admin, "demo", 6).await;
    let runtime = hosts.client(&hosts.runtime, "runtime").await;
    runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    hosts.world.shared_views(1).await;
    // A second one takes the view from the first.
    let other = hosts.world.serve("runtime", "runtime").await;
    let other = hosts.client(&other, "runtime").await;
    eventually("a view out of Redis", async || {
        other.resolve("demo", "main", Stage::Live).await.unwrap();
        opened(&hosts.world, "view", None).is_some()
    })
    .await;

    let world = &hosts.world;
    let endpoint = world.fake.endpoint();
    let masked = opened(world, "value", Some("masked")).unwrap();
    let restricted = opened(world, "value", Some("restricted")).unwrap();
    let view = opened(world, "view", None).unwrap();
    let service = opened(world, "service", None).unwrap();
    let audit = opened(world, "audit", None).unwrap();
    let integrity = opened(world, "integrity", None).unwrap();
    for (what, body, may) in [
        ("a masked value", &masked, ["management", "runtime"].as_slice()),
        ("a restricted value", &restricted, &["runtime"]),
        ("a view", &view, &["runtime"]),
        ("an integrity key", &integrity, &["management", "runtime"]),
        ("the service key", &service, &KINDS),
        ("the key of the audit trail", &audit, &KINDS),
    ] {
        for kind in KINDS.into_iter().chain(["a stranger"]) {
            let (status, answer) = ask(&endpoint, kind, "Decrypt", body).await;
            let granted = may.contains(&kind);
            assert_eq!(status == 200, granted, "{kind} opens {what}: {answer}");
            let denied = answer["__type"] == "AccessDeniedException";
            assert_eq!(denied, !granted, "{kind}, {what}: {answer}");
        }
    }
    // Nor under a context that says something else of what it is.
    for lie in ["masked", ""] {
        let mut body = restricted.clone();
        body["EncryptionContext"]["waxseal:visibility"] = json!(lie);
        let (status, _) = ask(&endpoint, "management", "Decrypt", &body).await;
        assert_eq!(status, 400, "{lie}");
    }
    let mut body = restricted.clone();
    body["EncryptionContext"].as_object_mut().unwrap().remove("waxseal:visibility");
    assert_eq!(ask(&endpoint, "management", "Decrypt", &body).await.0, 400);
    // Nor by having it wrapped anew for itself.
    for kind in ["management", "runtime"] {
        let mut context = restricted["EncryptionContext"].clone();
        context["waxseal:visibility"] = json!("masked");
        let body = json!({
            "CiphertextBlob": restricted["CiphertextBlob"],
            "SourceKeyId": restricted["KeyId"],
            "SourceEncryptionContext": restricted["EncryptionContext"],
            "DestinationKeyId": restricted["KeyId"],
            "DestinationEncryptionContext": context,
        });
        let (status, answer) = ask(&endpoint, kind, "ReEncrypt", &body).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("AccessDeniedException")), "{kind}");
    }
}

/// A request by which something of this purpose was opened.
fn opened(world: &World, purpose: &str, visibility: Option<&str>) -> Option<Value> {
    let requests = world.fake.requests();
    let is = |body: &Value| {
        let context = &body["EncryptionContext"];
        context["waxseal:purpose"] == purpose
            && visibility.is_none_or(|it| context["waxseal:visibility"] == it)
    };
    let found = requests.iter().find(|it| it.operation == "Decrypt" && is(&it.body));
    found.map(|request| request.body.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_host_moves_everything_to_another_key_and_opens_no_value() {
    let Hosts { mut world, management, runtime, keys } = Hosts::start().await;
    let hosts = Hosts { world, management, runtime, keys };
    fill(&hosts.client(&hosts.management, "admin").await, "demo", 6).await;
    world = hosts.world;
    drop((hosts.management, hosts.runtime, hosts.keys));
    let old = world.rotate();
    separate(&world, &world.key);
    let hosts = Hosts::serving(world).await;

    let keyholder = hosts.client(&hosts.keys, "keyholder").await;
    let all = due(&keyholder).await;
    assert!(all > 6);
    let last = carried_to_the_end(&keyholder).await;
    assert_eq!((last.done, last.failed), (all, 0), "{:?}", last.failures);
    assert_eq!(due(&keyholder).await, 0);
    let by_keys = |operation: &str| {
        let requests = hosts.world.fake.requests();
        let of = requests.iter().filter(|it| it.access_key == "keys" && it.operation == operation);
        of.map(|it| it.body["EncryptionContext"]["waxseal:purpose"].as_str().unwrap().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let opened: Vec<_> = by_keys("Decrypt").into_iter().collect();
    assert_eq!(opened, ["audit", "canary", "service"]);
    assert_eq!(by_keys("GenerateDataKey").into_iter().collect::<Vec<_>>(), ["canary"]);
    assert_eq!(denied(&hosts.world), 0);

    hosts.world.fake.set_state(&old, waxseal_kms::fake::KeyState::Disabled);
    let Hosts { world, management, runtime, keys } = hosts;
    drop((management, runtime, keys));
    let hosts = Hosts::serving(world).await;
    let runtime = hosts.client(&hosts.runtime, "runtime").await;
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(shown(view.secrets[0].payload.as_ref()), "override 0");
    let builder = hosts.client(&hosts.management, "builder").await;
    assert_eq!(revealed(&builder, "SECRET_002").await, "default 2");
    everything_of(&builder).await;
}

/// Writing goes on under the new key.
async fn everything_of(builder: &Client) {
    builder.set("demo", "SECRET_001", default_slot(), "new").await.unwrap();
    builder.restrict("demo", "SECRET_002").await.unwrap();
    assert!(builder.verify("demo", "SECRET_002", default_slot(), "default 2").await.unwrap());
}
