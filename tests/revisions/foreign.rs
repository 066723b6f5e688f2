//! Authentic revisions that are not of this store's past: of a future, of long ago, of another
//! incarnation. Whoever goes on from one gets the whole view, and never one that stands still.

use super::{Response, ask, asked, at_least};
use crate::support::client::shown;
use crate::support::{Client, Server, Setup, default_slot, refused};
use crate::watch::{next, watch};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Code;
use waxseal_envelope::Key;
use waxseal_kms::{KeyContext, KeyKind, KeyProvider as _, Local, WrappedKey};
use waxseal_proto::v1::{self, Stage, Visibility};

/// A revision as its token says it, and the key that tokens are made with: an operator's view, past
/// the service, which gives none of these away.
struct Forge {
    incarnation: [u8; 16],
    project: [u8; 16],
    number: u64,
    key: Key,
}

impl Forge {
    async fn of(setup: &Setup, token: &str) -> Self {
        let keys = Local::load(&setup.data_dir().join("keys.json")).unwrap();
        let sql = "SELECT service_key_id, service_key FROM store";
        let (key_id, bytes) =
            setup.database().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let wrapped = WrappedKey { kind: KeyKind::Direct, key_id, bytes };
        let service = keys.unwrap(&wrapped, &KeyContext::service(keys.deployment())).await.unwrap();
        let said = URL_SAFE_NO_PAD.decode(token).unwrap();
        let forge = Self {
            incarnation: said[..16].try_into().unwrap(),
            project: said[16..32].try_into().unwrap(),
            number: u64::from_be_bytes(said[32..40].try_into().unwrap()),
            key: service.derive("revision"),
        };
        assert_eq!(forge.token(forge.incarnation, forge.number), token, "it makes what servers do");
        forge
    }

    fn token(&self, incarnation: [u8; 16], number: u64) -> String {
        let plain = [&incarnation[..], &self.project, &number.to_be_bytes()].concat();
        let mac = self.key.mac(&[&plain]);
        URL_SAFE_NO_PAD.encode([&plain[..], &mac[..16]].concat())
    }
}

/// A server, who writes and who reads, and the secret `KEY` in its third value: a revision of its
/// own each.
async fn world() -> (Server, Client, Client, Forge) {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
    for value in ["second", "third"] {
        builder.set("demo", "KEY", default_slot(), value).await.unwrap();
    }
    let now = ask(&runtime, asked(None, "")).await.unwrap().revision;
    let forge = Forge::of(&server.setup, &now).await;
    (server, builder, runtime, forge)
}

fn value(secrets: &[v1::ResolvedSecret]) -> &str {
    let [secret] = secrets else { panic!("a whole view") };
    shown(secret.payload.as_ref())
}

/// Whoever says that they hold this gets the whole view from every method, and of a stream what
/// comes after it, too.
async fn is_shown_everything(builder: &Client, runtime: &Client, cell: &str, held: &str) {
    let before = format!("before {cell}");
    builder.set("demo", "KEY", default_slot(), &before).await.unwrap();
    let view = ask(runtime, asked(None, held)).await.unwrap();
    assert!(!view.not_modified, "{cell}");
    assert_eq!(value(&view.secrets), before, "{cell}");
    let request = v1::ResolveSecretsRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: held.to_owned(),
        secrets: vec!["KEY".to_owned()],
        ..Default::default()
    };
    let named = runtime.runtime.clone().resolve_secrets(request).await.map(Response::into_inner);
    let named = named.unwrap();
    assert!(!named.not_modified, "{cell}");
    assert_eq!(value(&named.secrets), before, "{cell}");

    let mut views = watch(runtime, Stage::Live, held).await.unwrap();
    let first = next(&mut views).await.unwrap();
    assert!(!first.not_modified, "{cell}");
    assert_eq!((value(&first.secrets), &first.revision), (&*before, &view.revision), "{cell}");
    let after = format!("after {cell}");
    let written = builder.set("demo", "KEY", default_slot(), &after).await.unwrap();
    let second = next(&mut views).await.unwrap();
    assert_eq!((value(&second.secrets), &second.revision), (&*after, &written.revision), "{cell}");
    // What the stream gave is good to go on from.
    assert!(ask(runtime, asked(None, &second.revision)).await.unwrap().not_modified, "{cell}");
}

#[tokio::test]
async fn a_revision_of_the_future_stands_for_no_view() {
    let (_server, builder, runtime, forge) = world().await;
    // The first is far enough ahead not to be reached by what is written here.
    for ahead in [20, 1_000_000_000, u64::MAX - forge.number] {
        let token = forge.token(forge.incarnation, forge.number + ahead);
        let answer = ask(&runtime, asked(at_least(&token), "")).await;
        refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
        is_shown_everything(&builder, &runtime, &format!("+{ahead}"), &token).await;
    }
}

/// The very next one: it has not come while nothing is written.
#[tokio::test]
async fn the_revision_after_the_current_one_stands_for_no_view() {
    let (_server, _builder, runtime, forge) = world().await;
    let token = forge.token(forge.incarnation, forge.number + 1);
    let answer = ask(&runtime, asked(at_least(&token), "")).await;
    refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    let view = ask(&runtime, asked(None, &token)).await.unwrap();
    assert_eq!((value(&view.secrets), view.not_modified), ("third", false));
    let mut views = watch(&runtime, Stage::Live, &token).await.unwrap();
    let first = next(&mut views).await.unwrap();
    assert_eq!((value(&first.secrets), first.not_modified), ("third", false));
    // The current one does stand for it, in both.
    let token = forge.token(forge.incarnation, forge.number);
    assert!(ask(&runtime, asked(None, &token)).await.unwrap().not_modified);
    let mut views = watch(&runtime, Stage::Live, &token).await.unwrap();
    assert!(next(&mut views).await.unwrap().not_modified);
}

/// Views are whole and no log of changes is kept, so that there is none that could be cut off.
#[tokio::test]
async fn no_revision_is_too_old_to_go_on_from() {
    let (_server, builder, runtime, forge) = world().await;
    for number in [0, 1, forge.number - 1] {
        let token = forge.token(forge.incarnation, number);
        ask(&runtime, asked(at_least(&token), "")).await.unwrap();
        is_shown_everything(&builder, &runtime, &format!("of revision {number}"), &token).await;
    }
}

#[tokio::test]
async fn a_revision_of_another_incarnation_stands_for_no_view() {
    let (_server, builder, runtime, forge) = world().await;
    let other = uuid::Uuid::new_v4().into_bytes();
    for number in [0, forge.number, forge.number + 1_000_000_000] {
        let token = forge.token(other, number);
        let answer = ask(&runtime, asked(at_least(&token), "")).await;
        refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
        is_shown_everything(&builder, &runtime, &format!("of {number} elsewhere"), &token).await;
    }
}
