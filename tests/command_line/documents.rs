//! Projects, and the documents that carry their structure.

use super::Caller;
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_project_goes_out_and_comes_in_without_its_values() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility restricted", "c4nary").ok();
    let document = caller.run("builder", "export").ok();
    assert!(document.contains("\"KEY\"") && !document.contains("c4nary"), "{document}");

    let path = caller.file("demo.json", &document);
    let made = caller.run("admin", &format!("import copy {path}")).ok();
    assert!(made.ends_with("`waxseal secret set` gives one:\n  KEY\n"), "{made}");
    assert_eq!(caller.run("builder", "export -p copy").ok(), document);
    let piped = caller.feed("admin", "import piped --output json", &document).json();
    assert_eq!(piped["secretsNeedingValue"], serde_json::json!(["KEY"]));
    let duplicate = caller.run("admin", "project duplicate demo twin --output json").json();
    assert_eq!(duplicate["secretsNeedingValue"], serde_json::json!(["KEY"]));

    let refused = caller.feed("admin", "import bad", "{\"value\": \"c4nary\"}").failed(1);
    assert!(refused.contains("INVALID_DOCUMENT") && !refused.contains("c4nary"), "{refused}");
    let path = caller.path("new.json");
    caller.run("builder", &format!("export --file {}", path.display())).ok();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), document);
    let exists = caller.run("builder", &format!("export --file {}", path.display())).failed(1);
    assert!(exists.contains("cannot be written"), "{exists}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_made_changed_deleted_and_brought_back() {
    let server = Server::start().await;
    let caller = Caller::of(&server).await;
    let made = caller.run("admin", "project create shop --display-name Shop --output json").json();
    assert_eq!(made["project"]["displayName"], "Shop");
    let now = caller.run("admin", "project update shop --display-name Store").ok();
    assert!(now.contains("display name  Store\n"), "{now}");
    caller.run("admin", "project delete shop").failed(2);
    caller.run("admin", "project delete shop --yes").ok();
    assert!(!caller.run("admin", "project list").ok().contains("shop"));
    assert!(caller.run("admin", "project list --show-deleted").ok().contains("shop"));
    let held = caller.run("admin", "project create shop").failed(1);
    assert!(held.contains("`waxseal project undelete`"), "{held}");
    caller.run("admin", "project undelete shop").ok();
    let got = caller.run("admin", "project get shop --output json").json();
    assert_eq!(got["project"].get("deleteTime"), None);
    caller.run("admin", "project get none").failed(3);
}
