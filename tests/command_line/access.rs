//! Who may do what, from the command line.

use super::{Caller, Terminal};
use crate::support::Server;

/// The cells of the line of a table that begins with this.
#[track_caller]
fn row<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.starts_with(first));
    let line = line.unwrap_or_else(|| panic!("no {first} in {table}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_is_made_shown_changed_and_deleted() {
    let server = Server::start().await;
    let caller = Caller::of(&server).await;
    let known = "spiffe://example.org/ns/prod/sa/agent";
    let made = caller.run("admin", &format!("principal create ann --spiffe-id {known}")).ok();
    for line in ["name      principals/ann\n", &format!("known by  {known}\n"), "disabled  no\n"] {
        assert!(made.contains(line), "{line:?} in {made}");
    }
    let update = "principal update ann --display-name Ann --disabled true --no-identities";
    let now = caller.run("admin", &format!("{update} --output json")).json();
    let now = &now["principal"];
    assert_eq!((&now["displayName"], &now["disabled"]), (&"Ann".into(), &true.into()), "{now}");
    assert_eq!(now["identities"], serde_json::json!([]), "{now}");
    let got = caller.run("admin", "principal get ann --output json").json();
    assert_eq!(&got["principal"], now);
    let list = caller.run("admin", "principal list").ok();
    assert!(list.starts_with("PRINCIPAL"), "{list}");
    assert_eq!(row(&list, "ann "), ["ann", "yes", "Ann"]);

    // What changed meanwhile is left alone.
    caller.run("admin", "principal update ann --disabled false").ok();
    let etag = now["etag"].as_str().unwrap();
    let stale = format!("principal update ann --disabled true --etag {etag}");
    assert!(caller.run("admin", &stale).failed(1).contains("ETAG_MISMATCH"));
    let nothing = caller.run("admin", "principal update ann").failed(2);
    assert!(nothing.contains("--display-name") && nothing.contains("--disabled"), "{nothing}");

    let asked = caller.run("admin", "principal delete ann").failed(2);
    assert!(asked.contains("--yes"), "{asked}");
    assert_eq!(caller.run("admin", "principal delete ann --yes").ok(), "");
    let gone = caller.run("admin", "principal get ann").failed(3);
    assert!(gone.contains("PRINCIPAL_NOT_FOUND"), "{gone}");
    assert!(gone.contains("`waxseal principal list`"), "{gone}");
    let denied = caller.run("builder", "principal list").failed(1);
    assert!(denied.contains("PERMISSION_DENIED"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_is_deleted_by_a_yes() {
    let server = Server::start().await;
    let caller = Caller::of(&server).await;
    caller.run("admin", "principal create ann").ok();
    let mut terminal = Terminal::start(&caller, "admin", "principal delete ann");
    terminal.expect("Delete ann? Its tokens are good for nothing then. [y/N] ");
    terminal.press("n\n");
    let (code, shown) = terminal.end();
    assert!(code == 1 && shown.contains("not confirmed"), "{shown}");
    caller.run("admin", "principal get ann").ok();
    let mut terminal = Terminal::start(&caller, "admin", "principal delete ann");
    terminal.expect("[y/N] ");
    terminal.press("y\n");
    assert_eq!(terminal.end().0, 0);
    caller.run("admin", "principal get ann").failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_bound_listed_and_taken_away() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.run("admin", "principal create ann").ok();
    let line = "binding create ann --role builder --reveal --scope projects/demo";
    let made = caller.run("admin", &format!("{line} --expires 8h --output json")).json();
    let made = &made["binding"];
    let expected = [
        ("role", serde_json::json!("ROLE_BUILDER")),
        ("reveal", true.into()),
        ("scope", "projects/demo".into()),
    ];
    for (field, value) in expected {
        assert_eq!(made[field], value, "{made}");
    }
    let (name, expires) = (made["name"].as_str().unwrap(), made["expireTime"].as_str().unwrap());
    let list = caller.run("admin", "binding list ann").ok();
    assert_eq!(row(&list, "BINDING"), ["BINDING", "ROLE", "SCOPE", "EXPIRES"]);
    // The time is shown to the second.
    let cells = row(&list, name);
    assert_eq!(cells[..3], [name, "builder, reveals", "projects/demo"]);
    assert_eq!(cells[3][..19], expires[..19]);
    let all = caller.run("admin", "binding list ann --output json").json();
    assert_eq!(all["bindings"], serde_json::json!([made]));

    // The same call under the same id is one binding.
    let id = "0198c5e2-7f3a-7c00-8000-0198c5e27f3a";
    let twice = format!(
        "binding create ann --role viewer --scope deployment --request-id {id} --output json"
    );
    assert_eq!(caller.run("admin", &twice).json(), caller.run("admin", &twice).json());

    let both = "binding create ann --role runtime --scope projects/demo";
    let both = caller.run("admin", both).failed(1);
    assert!(both.contains("SEPARATION_OF_DUTIES"), "{both}");
    assert!(both.contains("`waxseal principal create`"), "{both}");
    assert_eq!(caller.run("admin", &format!("binding delete {name}")).ok(), "");
    let gone = caller.run("admin", &format!("binding delete {name}")).failed(3);
    assert!(gone.contains("BINDING_NOT_FOUND"), "{gone}");
    caller.run("admin", "binding create none --role viewer --scope deployment").failed(3);
    for wrong in ["--role root --scope deployment", "--role viewer", "--scope deployment"] {
        assert_eq!(caller.run("admin", &format!("binding create ann {wrong}")).code, 2, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_revoked() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.run("admin", "principal create ann").ok();
    let issue = "token issue ann --role builder --scope projects/demo --expires 8h";
    let missing = caller.run("admin", issue).failed(1);
    assert!(missing.contains("BINDING_MISSING"), "{missing}");
    assert!(missing.contains("`waxseal binding create`"), "{missing}");
    caller.run("admin", "binding create ann --role builder --scope projects/demo").ok();

    let printed = caller.run("admin", issue).ok();
    let token = printed.strip_suffix('\n').unwrap();
    assert!(token.starts_with("wxs_bld_") && !token.contains(char::is_whitespace));
    caller.file("ann.token", token);
    caller.feed("ann", "secret create KEY --visibility masked", "value").ok();

    let list = caller.run("admin", "token list ann").ok();
    let heading = ["TOKEN", "ROLE", "SCOPE", "EXPIRES", "REVOKED", "LAST USED"];
    assert_eq!(row(&list, "TOKEN"), heading);
    let name = row(&list, "principals/ann/tokens/")[0];
    assert_eq!(row(&list, name)[1..3], ["builder", "projects/demo"]);
    let all = caller.run("admin", "token list ann --output json").json();
    assert_eq!(all["apiTokens"][0]["name"], name);
    let secret = token.split('_').nth(3).unwrap();
    assert!(!list.contains(secret) && !all.to_string().contains(secret));

    let more = caller.run("admin", &format!("{issue} --output json")).json();
    assert!(more["token"].as_str().unwrap().starts_with("wxs_bld_"));
    assert_eq!(more["apiToken"]["role"], "ROLE_BUILDER");

    let revoked = caller.run("admin", &format!("token revoke {name} --output json")).json();
    assert_eq!(revoked["apiToken"]["name"], name);
    assert!(revoked["apiToken"]["revokeTime"].is_string(), "{revoked}");
    let refused = caller.run("ann", "secret list").failed(1);
    assert!(refused.contains("CREDENTIALS_INVALID"), "{refused}");
    assert!(refused.contains("`waxseal token issue`"), "{refused}");
    let gone = caller.run("admin", "token revoke principals/ann/tokens/000000000000").failed(3);
    assert!(gone.contains("API_TOKEN_NOT_FOUND"), "{gone}");
    for wrong in ["", "--expires 0h", "--expires 367d", "--expires tomorrow"] {
        let line = format!("token issue ann --role builder --scope projects/demo {wrong}");
        assert_eq!(caller.run("admin", &line).code, 2, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_told_who_they_are_and_what_they_may() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    caller.run("admin", "principal create ann").ok();
    caller.run("admin", "binding create ann --role builder --reveal --scope projects/demo").ok();
    let live = "projects/demo/environments/main/stages/live";
    let issue = format!("token issue ann --role builder --reveal --scope {live} --expires 8h");
    let token = caller.run("admin", &issue).ok();
    // A line end, as an editor leaves it, does no harm.
    caller.file("ann.token", token);
    let told = caller.run("ann", "whoami").ok();
    assert_eq!(row(&told, "principal "), ["principal", "principals/ann"]);
    assert!(row(&told, "by ")[1].starts_with("principals/ann/tokens/"), "{told}");
    assert_eq!(row(&told, "until ").len(), 2);
    // The token is for less than its principal holds.
    assert_eq!(row(&told, "builder")[..2], ["builder, reveals", live]);

    let json = caller.run("ann", "whoami --output json").json();
    assert_eq!(json["principal"], "principals/ann");
    assert_eq!(json["grants"][0]["role"], "ROLE_BUILDER");
    assert_eq!(json["grants"][0]["scope"], live);
    for field in ["uid", "apiToken", "expireTime"] {
        assert!(json[field].is_string(), "{field} in {json}");
    }

    caller.file("none.token", "wxs_bld_000000000000");
    let refused = caller.run("none", "whoami").failed(1);
    assert!(refused.contains("UNAUTHENTICATED"), "{refused}");
    caller.run("absent", "whoami").failed(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_who_may_do_what() {
    let server = Server::start().await;
    let caller = Caller::of(&server).await;
    let mut terminal = Terminal::shell(&caller, "admin");
    terminal.expect("ready> ");
    terminal.press("source <(waxseal completion bash); echo loaded-$?\n");
    terminal.expect("loaded-0\r\n");
    terminal.expect("ready> ");
    terminal.press("waxseal princ\t");
    terminal.expect("principal ");
    terminal.press("cr\t");
    terminal.expect("create ");
    terminal.press("ann --disp\t");
    terminal.expect("--display-name ");
    terminal.press("Ann\n");
    terminal.expect("principals/ann");
    terminal.expect("ready> ");
    terminal.press("waxseal binding create ann --role view\t");
    terminal.expect("viewer ");
    terminal.press("--scope deployment\n");
    terminal.expect("principals/ann/bindings/");
    terminal.expect("ready> ");
    terminal.press("exit\n");
    assert_eq!(terminal.end().0, 0);
}
