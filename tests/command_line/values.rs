//! Values: where they come from, and where they go.

use super::{Caller, Done};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_value_goes_from_standard_input_to_standard_output_as_it_is() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let made = caller.feed("builder", "secret create KEY --visibility masked", "first value\n");
    assert!(made.ok().contains("projects/demo/secrets/KEY"));
    let set = caller.feed("builder", "secret set KEY", " two\nlines \n\n");
    assert_eq!(set.out, "KEY: version 2\n");
    assert!(set.err.starts_with("waxseal: warning: KEY: "), "{set:?}");
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), " two\nlines \n");
    assert_eq!(caller.run("builder", "secret reveal KEY --version 1").ok(), "first value");

    let path = caller.file("value", "exactly this\n");
    caller.run("builder", &format!("secret set KEY --file {path}")).ok();
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), "exactly this\n");
    let path = caller.file("value", b"\xff\x00\n");
    let text = caller.run("builder", &format!("secret set KEY --file {path}")).failed(1);
    assert!(text.contains("--binary"), "{text}");
    caller.run("builder", &format!("secret set KEY --file {path} --binary")).ok();
    let revealed = caller.run("builder", "secret reveal KEY --output json").json();
    assert_eq!(revealed["payload"]["data"], "/wAK");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_as_an_argument_is_refused_and_not_repeated() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.run("builder", "secret create KEY --visibility masked --placeholder").ok();
    for line in [
        "secret set KEY c4nary",
        "secret set KEY --value=c4nary",
        "secret set KEY --value c4nary",
        "secret set KEY --c4nary",
        "secret create OTHER --visibility masked c4nary",
        "secret verify KEY c4nary",
        "override set KEY -e staging --stage live c4nary",
        "secret list --token-file wxs_c4nary",
    ] {
        let refused = caller.feed("builder", line, "another value").failed(2);
        assert!(!refused.contains("c4nary"), "{line}: {refused}");
    }
    let got = caller.run("builder", "secret get KEY --output json").json();
    assert_eq!(got["secret"]["hasValue"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_value_is_refused_before_it_is_sent() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    for (input, told) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (&vec![b'a'; 65_537], "more than 65,536 bytes"),
    ] {
        let line = "secret create KEY --visibility masked";
        let refused = caller.feed("builder", line, input).failed(1);
        assert!(refused.contains(told), "{refused}");
    }
    assert!(caller.run("builder", "secret get KEY").failed(3).contains("SECRET_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_rolled_back_cleared_and_destroyed() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility restricted", "value one").ok();
    caller.feed("builder", "secret set KEY", "value two").ok();
    assert_eq!(caller.run("builder", "secret rollback KEY 1").ok(), "KEY: version 1\n");
    let table = caller.run("builder", "secret versions KEY").ok();
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["VERSION", "WRITTEN", "STATE"]);
    assert_eq!((rows[1][0], rows[1].len()), ("2", 2));
    assert_eq!((rows[2][0], rows[2][2]), ("1", "current"));

    let verify = |value: &str| caller.feed("builder", "secret verify KEY", value);
    let yes = verify("value one");
    assert_eq!((yes.code, yes.out.as_str()), (0, "KEY: this is the value\n"));
    let no = verify("value two");
    assert_eq!(
        (no.code, no.out.as_str(), no.err.as_str()),
        (4, "KEY: this is not the value\n", "")
    );
    let refused = caller.run("builder", "secret reveal KEY").failed(1);
    assert!(refused.contains("SECRET_RESTRICTED"), "{refused}");

    assert_eq!(caller.run("builder", "secret clear KEY").ok(), "KEY: cleared, version 3\n");
    caller.run("builder", "secret rollback KEY 2").ok();
    assert_eq!(verify("value two").code, 0);
    let unasked = caller.run("admin", "secret destroy KEY 1").failed(2);
    assert!(unasked.ends_with("add --yes"), "{unasked}");
    caller.run("admin", "secret destroy KEY 1 --yes").ok();
    let versions = caller.run("builder", "secret versions KEY --output json").json();
    assert_eq!(versions["versions"][2]["destroyed"], true);
    assert!(caller.run("builder", "secret rollback KEY 1").failed(1).contains("VERSION_DESTROYED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ratchet_wants_a_confirmation() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility masked", "some value").ok();
    caller.run("builder", "secret restrict KEY").failed(2);
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), "some value");
    let now = caller.run("builder", "secret restrict KEY --yes --output json").json();
    assert_eq!(now["secret"]["visibility"], "VISIBILITY_RESTRICTED");
    caller.run("builder", "secret reveal KEY").failed(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_guarded_by_an_etag_and_applied_once() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility masked", "value one").ok();
    let got = caller.run("builder", "secret get KEY --output json").json();
    let etag = got["secret"]["defaultEtag"].as_str().unwrap();
    let line = format!("secret set KEY --etag {etag}");
    caller.feed("builder", &line, "value two").ok();
    for etag in [etag, "-QJ8vT0aW3kZx_1y"] {
        let line = format!("secret set KEY --etag {etag}");
        let refused = caller.feed("builder", &line, "value three").failed(1);
        assert!(refused.contains("ETAG_MISMATCH"), "{refused}");
    }

    let line = "secret set KEY --request-id 8b0c1f5e-2f7b-4c38-9a4e-0d7c7f1f6f00";
    for _ in 0..2 {
        assert_eq!(caller.feed("builder", line, "value three").ok(), "KEY: version 3\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_what_was_asked_for_holds_a_value() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let all = [
        caller.feed("builder", "secret create KEY --visibility masked", "c4nary value"),
        caller.feed("builder", "override set KEY -e staging --stage live", "c4nary other"),
        caller.run("builder", "secret get KEY --output json"),
        caller.run("builder", "secret list -e staging --stage live"),
        caller.run("builder", "override list -e staging --stage live --output json"),
        caller.run("builder", "explain -e staging --stage live"),
        caller.run("runtime", "resolve -e staging --stage live"),
        caller.run("runtime", "resolve KEY -e staging --stage live --output json"),
        caller.feed("builder", "secret verify KEY", "c4nary value"),
        caller.run("builder", "export"),
    ];
    for done in all {
        let Done { code, out, err } = &done;
        assert!(*code == 0 && !out.contains("c4nary") && !err.contains("c4nary"), "{done:?}");
    }
}
