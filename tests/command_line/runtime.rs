//! What an agent does: resolve, render, run.

use super::{Caller, Done};
use crate::support::Server;

async fn with_values() -> (Server, Caller) {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility restricted", "a \"value\"").ok();
    caller.run("builder", "secret create UNSET --visibility masked --placeholder").ok();
    (server, caller)
}

const VIEW: &str = "-e staging --stage live";

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_resolved_with_its_values_only_when_asked_for() {
    let (_server, caller) = with_values().await;
    let view = caller.run("runtime", &format!("resolve {VIEW}")).ok();
    let table =
        "SECRET  ORIGIN           VERSION\nKEY     default          1\nUNSET   unset: no value\n";
    assert_eq!(view, table);
    let shown =
        caller.run("runtime", &format!("resolve {VIEW} --show-values --output json")).json();
    assert_eq!(shown["secrets"][0]["payload"]["text"], "a \"value\"");
    assert_eq!(shown["unset"][0]["reason"], "UNSET_REASON_NO_VALUE");
    let raw = caller.run("runtime", &format!("resolve KEY --raw {VIEW}")).ok();
    assert_eq!(raw, "a \"value\"");
    let unset = caller.run("runtime", &format!("resolve KEY UNSET {VIEW}")).failed(1);
    assert!(unset.contains("SECRET_UNSET") && unset.contains("UNSET"), "{unset}");
    caller.run("runtime", &format!("resolve KEY UNSET --allow-unset {VIEW}")).ok();
    assert!(caller.run("runtime", &format!("resolve NONE {VIEW}")).failed(3).contains("NONE"));
    caller.run("builder", &format!("resolve {VIEW}")).failed(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_rendered_for_its_context() {
    let (_server, caller) = with_values().await;
    let template = "{\"key\": \"{secret:KEY}\", \"city\": \"{city}\"}\n";
    let line = format!("render {VIEW} --context json --var city=Bern");
    let rendered = caller.feed("runtime", &line, template).ok();
    assert_eq!(rendered, "{\"key\": \"a \\\"value\\\"\", \"city\": \"Bern\"}\n");
    let redacted = caller.feed("runtime", &format!("{line} --redacted"), template).ok();
    assert_eq!(redacted, "{\"key\": \"[secret:KEY]\", \"city\": \"Bern\"}\n");
    let json = caller.feed("runtime", &format!("{line} --redacted --output json"), template).json();
    assert_eq!(json["rendered"][0]["used"][0]["secret"], "KEY");
    assert_eq!(json["rendered"][0].get("payload"), None);
    let refused =
        caller.feed("runtime", &format!("render {VIEW} --context url"), "{secret:KEY}://");
    assert!(refused.failed(1).contains("INVALID_TEMPLATE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_found_and_checked() {
    let (_server, caller) = with_values().await;
    let text = "ä {secret:KEY} {secret:UNSET} {secret:NONE} \\{secret:KEY}";
    let found = caller.feed("builder", "references", text).ok();
    let table = "SECRET  STATE     OFFSET  LENGTH\nKEY     resolved  3       12\n\
                 UNSET   unset     16      14\nNONE    unknown   31      13\n";
    assert_eq!(found, table);
    let checked = caller.feed("builder", &format!("references --check {VIEW}"), text);
    assert_eq!((checked.code, checked.out.as_str()), (1, table), "{checked:?}");
    caller.feed("builder", "references --check", "{secret:KEY}").ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_with_the_values_and_without_the_token() {
    let (_server, caller) = with_values().await;
    let unset = caller.run("runtime", &format!("run {VIEW} -- true")).failed(1);
    assert!(unset.contains("UNSET (no value)") && unset.contains("--allow-unset"), "{unset}");

    let run = |line: &str, script: &str| {
        let mut command = caller.command("runtime", &format!("run {VIEW} {line} -- sh -c"));
        command.arg(script).env("WAXSEAL_TOKEN", caller.token("runtime")).env("OTHER", "other");
        Done::of(command, b"input")
    };
    let script = "printf '%s|%s|' \"$KEY\" \"$OTHER\"; cat; env | grep -c WAXSEAL_TOKEN; umask";
    let done = run("--allow-unset", &format!("umask 022; {script}"));
    assert_eq!(done.ok(), "a \"value\"|other|input0\n0022\n");
    assert_eq!(run("--allow-unset", "exit 7").code, 7);
    assert_eq!(run("--only KEY --prefix APP_", "echo $APP_KEY$KEY").ok(), "a \"value\"\n");
    assert_eq!(caller.run("runtime", &format!("run {VIEW} --only KEY -- /nowhere")).code, 127);
    assert_eq!(caller.run("runtime", &format!("run {VIEW} --only KEY -- /")).code, 126);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_does_not_choose_what_is_loaded() {
    let (_server, caller) = with_values().await;
    caller.feed("builder", "secret create LD_PRELOAD --visibility masked", "/tmp/c4nary.so").ok();
    let line = format!("run {VIEW} --only LD_PRELOAD");
    let refused = caller.run("runtime", &format!("{line} -- true")).failed(1);
    assert!(refused.contains("--prefix") && !refused.contains("c4nary"), "{refused}");
    caller.run("runtime", &format!("{line} --prefix APP_ -- true")).ok();
}
