//! Projects, environments, secrets and overrides: what is made, found and moved.

use super::Caller;
use crate::support::Server;
use waxseal_proto::v1::Visibility;

#[tokio::test(flavor = "multi_thread")]
async fn the_default_is_meant_unless_the_line_itself_says_otherwise() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let set = |line: &str, value: &str| {
        let mut command = caller.command("builder", line);
        command.env("WAXSEAL_ENVIRONMENT", "staging").env("WAXSEAL_STAGE", "draft");
        super::Done::of(command, value.as_bytes()).ok()
    };
    caller.run("builder", "secret create KEY --visibility masked --placeholder").ok();
    assert_eq!(set("secret set KEY", "value a"), "KEY: version 1\n");
    assert_eq!(set("secret set KEY --override", "value b"), "KEY in staging, draft: version 1\n");
    assert_eq!(set("secret set KEY --stage live", "value c"), "KEY in staging, live: version 1\n");
    assert_eq!(set("override set KEY -e main", "value d"), "KEY in main, draft: version 1\n");
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), "value a");
    assert_eq!(caller.run("builder", "secret reveal KEY -e main --stage draft").ok(), "value d");

    let explained = caller.run("builder", "explain -e staging --stage live").ok();
    assert!(explained.lines().any(|row| row.starts_with("KEY     override  1")), "{explained}");
    let cleared = caller.run("builder", "override clear KEY -e staging --stage live").ok();
    assert_eq!(cleared, "KEY in staging, live: cleared, version 2\n");
    let list = caller.run("builder", "override list -e staging --stage live --output json").json();
    assert_eq!(list["overrides"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_renamed_deleted_brought_back_and_purged() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create OLD --visibility masked", "some value").ok();
    assert!(caller.run("builder", "secret rename OLD NEW").ok().contains("secrets/NEW"));
    let raw = "resolve OLD --raw -e main --stage live";
    assert_eq!(caller.run("runtime", raw).ok(), "some value");
    caller.run("builder", "secret release-alias NEW OLD").ok();
    assert!(caller.run("runtime", raw).failed(3).contains("SECRET_NOT_FOUND"));
    caller.run("builder", "secret update NEW --description text").ok();

    caller.run("builder", "secret delete NEW").ok();
    let held =
        caller.run("builder", "secret create NEW --visibility masked --placeholder").failed(1);
    assert!(held.contains("`waxseal secret undelete`"), "{held}");
    assert!(!caller.run("builder", "secret list").ok().contains("NEW"));
    assert!(caller.run("builder", "secret list --show-deleted").ok().contains("(deleted)"));
    caller.run("builder", "secret undelete NEW").ok();
    caller.run("builder", "secret delete NEW").ok();
    caller.run("admin", "secret purge NEW").failed(2);
    caller.run("admin", "secret purge NEW --yes").ok();
    caller.run("builder", "secret get NEW").failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_changed_cloned_and_deleted() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.run("admin", "env create live-1 --fallback deny --protected true").ok();
    let now = caller.run("admin", "env update live-1 --protected false --output json").json();
    assert_eq!(now["environment"]["fallback"], "FALLBACK_DENY");
    assert_eq!(now["environment"]["protected"], false);
    assert!(caller.run("admin", "env update live-1").failed(2).contains("--fallback"));

    caller.run("builder", "secret create KEY --visibility masked --placeholder").ok();
    caller.feed("builder", "override set KEY -e staging --stage live", "some value").ok();
    let clone = caller.run("builder", "env clone staging trial").ok();
    assert!(clone.contains("KEY     live\n"), "{clone}");
    let kept = caller.run("admin", "env delete staging --yes").failed(1);
    assert!(kept.contains("--force"), "{kept}");
    caller.run("admin", "env delete staging --yes --force").ok();
    let list = caller.run("builder", "env list --output json").json();
    let names = list["environments"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|found| found["name"].as_str().unwrap()).collect();
    let ids = ["live-1", "main", "trial"].map(|id| format!("projects/demo/environments/{id}"));
    assert_eq!(names, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_all_pages() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    let names: Vec<String> = (0..120).map(|number| format!("KEY_{number:03}")).collect();
    for name in &names {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let caller = Caller::of(&server).await;
    let list = caller.run("builder", "secret list --prefix KEY_ --output json").json();
    assert_eq!(list["secrets"].as_array().unwrap().len(), names.len());
    assert_eq!(list["totalSize"], 120);
    assert_eq!(list["nextPageToken"], "");
}
