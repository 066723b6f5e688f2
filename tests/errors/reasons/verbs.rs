//! What versions, names, projects and texts are refused with.

use super::Given;
use crate::support::texts::template;
use crate::support::verbs::data;
use crate::support::{Server, default_slot};
use waxseal_proto::v1::{RenderContext, Stage, Visibility};

pub(super) async fn of_versions(given: &mut Given) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
    admin.set("demo", "KEY", default_slot(), "second").await.unwrap();
    let destroy = async |version| admin.destroy("demo", "KEY", default_slot(), version).await;
    let roll_back = async |version| admin.roll_back("demo", "KEY", default_slot(), version).await;
    given.by("VERSION_NOT_FOUND", roll_back(3).await);
    given.by("VERSION_IS_CURRENT", destroy(2).await);
    destroy(1).await.unwrap();
    given.by("VERSION_DESTROYED", roll_back(1).await);
    for _ in 0..10 {
        assert!(admin.verify("demo", "KEY", default_slot(), "second").await.unwrap());
    }
    let once_more = admin.verify("demo", "KEY", default_slot(), "second").await;
    assert!(crate::support::refused(once_more.clone()).retry);
    given.by("VERIFY_LIMIT", once_more);
}

pub(super) async fn of_names(given: &mut Given) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    given.by("ALIAS_NOT_FOUND", admin.release_alias("demo", "KEY", "NEVER").await);
    for number in 0..20 {
        let (old, new) = (format!("KEY_{number}"), format!("KEY_{}", number + 1));
        let old = if number == 0 { "KEY" } else { &old };
        admin.rename("demo", old, &new).await.unwrap();
    }
    given.by("ALIAS_LIMIT", admin.rename("demo", "KEY_20", "KEY_21").await);
    let taken = admin.create_secret("demo", "key", Visibility::Masked, None).await;
    given.by("NAME_HELD_BY_ALIAS", taken);
}

pub(super) async fn of_projects(given: &mut Given) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    given.by("PROJECT_NOT_DELETED", admin.undelete_project("demo").await);
    admin.delete_project("demo").await.unwrap();
    given.by("PROJECT_DELETED", admin.delete_project("demo").await);
    given.by("ID_HELD_BY_DELETED", admin.create_project("demo").await);
    given.by("INVALID_DOCUMENT", admin.import("new", "{}").await);
    given.by("DOCUMENT_TOO_LARGE", admin.import("new", &" ".repeat((1 << 20) + 1)).await);
}

pub(super) async fn of_texts(given: &mut Given) {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "RAW", Visibility::Masked, None).await.unwrap();
    let request = waxseal_proto::v1::SetSecretValueRequest {
        name: "projects/demo/secrets/RAW".to_owned(),
        slot: default_slot(),
        payload: data(b"bytes"),
        ..Default::default()
    };
    admin.secrets.clone().set_secret_value(request).await.unwrap();
    let text = RenderContext::Text;
    given.by("SECRET_NOT_TEXT", runtime.render("{secret:RAW}", text, &[]).await);
    given.by("INVALID_TEMPLATE", runtime.render("{v}", RenderContext::Json, &[]).await);
    let templates = vec![template("", text); 101];
    let live = ("main", Stage::Live);
    given.by("RENDER_TOO_LARGE", runtime.render_all("demo", live, templates, &[]).await);
    given.by("RENDER_TOO_LARGE", admin.references(&"x".repeat((1 << 20) + 1), None).await);
}
