//! `.env` files: a preview, a confirmation, and then all of it.

use super::Caller;
use crate::support::Server;
use waxseal_proto::v1::Visibility;

const FILE: &str = "\u{feff}# settings\r\nexport PLAIN=c4nary-one # not this\r\n\
                    QUOTED=\"c4nary\\ttwo\r\nlines\"\r\nSINGLE='$c4nary three'\r\nEMPTY=\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_secrets_after_a_preview() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create PLAIN --visibility restricted", "older value").ok();
    let path = caller.file(".env", FILE);
    let line = format!("secret import {path}");
    assert!(caller.run("builder", &line).failed(2).contains("--visibility"));

    let line = format!("{line} --visibility masked");
    let dry = caller.run("builder", &format!("{line} --dry-run"));
    assert!(!format!("{dry:?}").contains("c4nary"), "{dry:?}");
    let preview = "SECRET  WHAT                    VISIBILITY  LINE\n\
                   PLAIN   set the default anew    restricted  2\n\
                   QUOTED  create                  masked      3\n\
                   SINGLE  create                  masked      5\n\
                   EMPTY   create without a value  masked      6\n";
    assert_eq!(dry.ok(), format!("{preview}Nothing was changed: --dry-run\n"));
    let unasked = caller.run("builder", &line);
    assert_eq!((unasked.code, unasked.out.as_str()), (2, preview), "{unasked:?}");
    assert!(!caller.run("builder", "secret list").ok().contains("QUOTED"));

    let done = caller.run("builder", &format!("{line} --yes")).ok();
    assert_eq!(done, format!("{preview}4 written, 0 left alone\n"));
    assert_eq!(caller.run("builder", "secret reveal QUOTED").ok(), "c4nary\ttwo\nlines");
    assert_eq!(caller.run("builder", "secret reveal SINGLE").ok(), "$c4nary three");
    assert_eq!(caller.feed("builder", "secret verify PLAIN", "c4nary-one").code, 0);
    let got = caller.run("builder", "secret get EMPTY --output json").json();
    assert_eq!(got["secret"]["hasValue"], false);

    let again = caller.run("builder", &format!("{line} --skip-existing --output json")).json();
    let actions = again["secrets"].as_array().unwrap().iter().map(|task| &task["action"]);
    let actions: Vec<_> = actions.collect();
    assert_eq!(actions, ["skipExisting", "skipExisting", "skipExisting", "skipEmpty"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_overrides_in_batches() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    let names: Vec<String> = (0..130).map(|number| format!("KEY_{number:03}")).collect();
    for name in &names {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let caller = Caller::of(&server).await;
    let text: String = names.iter().map(|name| format!("{name}=value of {name}\n")).collect();
    let line = "override import -e staging --stage live --yes --output json";
    let done = caller.feed("builder", line, &text).json();
    assert_eq!(done["overrides"].as_array().unwrap().len(), 130);
    assert_eq!(done["overrides"][129]["action"], "set");
    let raw = "resolve KEY_129 --raw -e staging --stage live";
    assert_eq!(caller.run("runtime", raw).ok(), "value of KEY_129");

    let unknown = caller.feed("builder", line, format!("{text}OTHER=c4nary\n")).failed(1);
    assert!(unknown.contains("OTHER") && !unknown.contains("c4nary"), "{unknown}");
    let list = caller.run("builder", "override list -e staging --stage live --output json").json();
    assert_eq!(list["overrides"][0]["version"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_wrong_is_told_by_its_line_and_nothing_is_written() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    for (text, told) in [
        ("GOOD=c4nary\nc4nary\n", "line 2 is not NAME=value"),
        ("GOOD=c4nary\n1C4NARY=c4nary\n", "line 2 has no proper name"),
        ("GOOD=c4nary\ngood=c4nary\n", "line 2 has the same name as line 1"),
        ("GOOD='c4nary\n", "the quote that begins on line 1 is not closed"),
    ] {
        let line = "secret import --visibility masked --yes";
        let refused = caller.feed("builder", line, text).failed(1);
        assert!(refused.contains(told) && !refused.to_lowercase().contains("c4nary"), "{refused}");
    }
    let list = caller.run("builder", "secret list --output json").json();
    assert_eq!(list["totalSize"], 0);
}
