//! Sessions at a terminal: prompts, values that hide themselves, bars, completion.

use super::{Caller, Terminal};
use crate::support::{Server, Setup};
use std::time::{Duration, Instant};

const CTRL_C: &str = "\x03";
/// Entering and leaving the screen without scrollback.
const SHOWN: &str = "\x1b[?1049h";
const HIDDEN: &str = "\x1b[H\x1b[2J\x1b[?1049l";

async fn with_key(reveal_time: Duration) -> (Server, Caller) {
    let mut setup = Setup::new();
    setup.config.reveal_time = reveal_time;
    let server = setup.start().await;
    server.make_demo().await;
    let caller = Caller::of(&server).await;
    caller.feed("builder", "secret create KEY --visibility masked", "c4nary value").ok();
    (server, caller)
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_asked_for_twice_and_not_shown() {
    let (_server, caller) = with_key(LONG).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret set KEY");
    terminal.expect("Value of KEY (not shown): ");
    assert!(!terminal.echoes());
    terminal.press(" typed c4nary \n");
    terminal.expect("The same again: ");
    assert!(!terminal.echoes());
    terminal.press(" typed c4nary \n");
    terminal.expect("KEY: version 2");
    assert!(terminal.echoes());
    let (code, shown) = terminal.end();
    assert!(code == 0 && !shown.contains("c4nary"), "{shown}");
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), " typed c4nary ");

    let mut terminal = Terminal::start(&caller, "builder", "secret set KEY");
    terminal.expect("(not shown): ");
    terminal.press("one c4nary\n");
    terminal.expect("again: ");
    terminal.press("two c4nary\n");
    let (code, shown) = terminal.end();
    assert!(code == 1 && shown.contains("are not the same"), "{shown}");
    assert!(!shown.contains("c4nary"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_a_prompt_leaves_the_terminal_as_it_was() {
    let (_server, caller) = with_key(LONG).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret set KEY");
    terminal.expect("(not shown): ");
    assert!(!terminal.echoes());
    terminal.press("c4nary");
    let begun = Instant::now();
    terminal.press(CTRL_C);
    terminal.expect("waxseal: error: interrupted");
    assert!(terminal.echoes());
    let (code, shown) = terminal.end();
    assert!(code == 130 && !shown.contains("c4nary"), "{shown}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), "c4nary value");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_longer_than_a_terminal_gives_is_refused() {
    let (_server, caller) = with_key(LONG).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret set KEY");
    terminal.expect("(not shown): ");
    terminal.press(&"a".repeat(4_200));
    terminal.press("\n");
    let (code, shown) = terminal.end();
    assert!(code == 1 && shown.contains("--file"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ratchet_asks_and_anything_but_yes_is_a_no() {
    let (_server, caller) = with_key(LONG).await;
    for answer in ["n\n", "\n", "maybe\n"] {
        let mut terminal = Terminal::start(&caller, "builder", "secret restrict KEY");
        terminal.expect("no way back. Go on? [y/N] ");
        assert!(terminal.echoes());
        terminal.press(answer);
        let (code, shown) = terminal.end();
        assert!(code == 1 && shown.contains("not confirmed"), "{shown}");
    }
    assert_eq!(caller.run("builder", "secret reveal KEY").ok(), "c4nary value");
    let mut terminal = Terminal::start(&caller, "builder", "secret restrict KEY");
    terminal.expect("[y/N] ");
    terminal.press("y\n");
    terminal.expect("visibility       restricted");
    assert_eq!(terminal.end().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revealed_value_hides_itself_when_its_time_is_over() {
    let (_server, caller) = with_key(Duration::from_secs(3)).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret reveal KEY");
    terminal.expect(SHOWN);
    terminal.expect("c4nary value");
    let begun = Instant::now();
    terminal.expect("KEY, version 1, hidden in 3 s");
    terminal.expect("hidden in 1 s");
    assert!(!terminal.shown().contains(HIDDEN));
    terminal.expect(HIDDEN);
    let time = begun.elapsed();
    assert!(time > Duration::from_secs(2) && time < Duration::from_secs(10), "{time:?}");
    let (code, shown) = terminal.end();
    let (_, after) = shown.rsplit_once(HIDDEN).unwrap();
    assert!(code == 0 && after.is_empty(), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_hides_a_revealed_value_at_once() {
    let (_server, caller) = with_key(LONG).await;
    // Ctrl-Z would leave it on the screen, and Ctrl-\ too.
    for key in [CTRL_C, "\x1a", "\x1c"] {
        let mut terminal = Terminal::start(&caller, "builder", "secret reveal KEY");
        terminal.expect("c4nary value");
        assert!(!terminal.echoes());
        let begun = Instant::now();
        terminal.press(key);
        terminal.expect(HIDDEN);
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(terminal.end().0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_could_not_be_erased_is_not_shown() {
    let (_server, caller) = with_key(LONG).await;
    caller.feed("builder", "secret set KEY", "c4nary\n".repeat(30)).ok();
    let (code, shown) = Terminal::start(&caller, "builder", "secret reveal KEY").end();
    assert!(code == 1 && shown.contains("does not fit") && !shown.contains("c4nary"), "{shown}");
    caller.feed("builder", "secret set KEY", "bell \x07 and \x1b[2J clear").ok();
    let mut terminal = Terminal::start(&caller, "builder", "secret reveal KEY");
    terminal.expect("bell \\u{7} and \\u{1b}[2J clear");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clipboard_is_cleared_when_the_time_is_over_or_at_once() {
    // "c4nary value", a space, and nothing.
    const COPIED: &str = "\x1b]52;c;YzRuYXJ5IHZhbHVl\x07";
    const CLEARED: &str = "\x1b]52;c;IA==\x07\x1b]52;c;\x07";
    let (_server, caller) = with_key(Duration::from_secs(2)).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret reveal KEY --copy");
    terminal.expect(COPIED);
    terminal.expect("KEY is on the clipboard for 2 s");
    terminal.expect("for 1 s");
    terminal.expect(CLEARED);
    let (code, shown) = terminal.end();
    assert!(code == 0 && !shown.contains("c4nary"), "{shown:?}");

    let (_server, caller) = with_key(LONG).await;
    let mut terminal = Terminal::start(&caller, "builder", "secret reveal KEY --copy");
    terminal.expect("is on the clipboard");
    terminal.press(CTRL_C);
    terminal.expect(CLEARED);
    assert_eq!(terminal.end().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_asks_and_shows_how_far_it_is() {
    let (_server, caller) = with_key(LONG).await;
    let text: String = (0..12).map(|key| format!("KEY_{key}=c4nary {key}\n")).collect();
    let path = caller.file(".env", text);
    let line = format!("secret import {path} --visibility masked");
    let mut terminal = Terminal::start(&caller, "builder", &line);
    terminal.expect("KEY_11  create  masked      12");
    terminal.expect("Write 12 of them to projects/demo? [y/N] ");
    terminal.press("y\n");
    terminal.expect("12/12");
    terminal.expect("12 written, 0 left alone");
    let (code, shown) = terminal.end();
    assert!(code == 0 && shown.contains("===="), "{shown:?}");
    assert!(!shown.contains("c4nary"), "{shown:?}");
    // Without a terminal there is no bar.
    let quiet = caller.run("builder", &format!("{line} --yes"));
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""), "{quiet:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_commands_and_options() {
    let (_server, caller) = with_key(LONG).await;
    let mut terminal = Terminal::shell(&caller, "builder");
    terminal.expect("ready> ");
    terminal.press("source <(waxseal completion bash); echo loaded-$?\n");
    terminal.expect("loaded-0\r\n");
    terminal.expect("ready> ");
    terminal.press("waxseal sec\t");
    terminal.expect("secret ");
    terminal.press("rev\t");
    terminal.expect("reveal ");
    terminal.press("KEY --ver\t");
    terminal.expect("--version ");
    terminal.press("1 | cat; echo\n");
    terminal.expect("c4nary value");
    terminal.expect("ready> ");
    terminal.press("exit\n");
    assert_eq!(terminal.end().0, 0);
    for shell in ["zsh", "fish"] {
        let script = caller.run("builder", &format!("completion {shell}")).ok();
        assert!(script.contains("release-alias"), "{shell}");
    }
}
