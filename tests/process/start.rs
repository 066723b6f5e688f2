//! What a start needs, and what it says where that is missing.

use super::{mode, said, serve, set_mode, used};
use crate::support::Setup;
use crate::support::binary::{Serving, command};

#[test]
fn a_second_process_on_a_data_directory_is_refused() {
    let setup = Setup::sqlite();
    let serving = Serving::start(&mut serve(&setup));
    let dir = setup.data_dir().display().to_string();
    said(&mut serve(&setup))
        .failed(1, &[&dir, "in use by another waxseal process", "stop that one"]);
    let dev = said(command().args(["dev", "--listen", "127.0.0.1:0", "--data-dir", &dir]));
    dev.failed(1, &[&dir, "in use by another waxseal process"]);
    drop(serving);
    // Killed, not stopped: the lock has gone with it.
    drop(Serving::start(&mut serve(&setup)));
}

#[test]
fn a_variable_that_is_not_known_is_refused_with_the_one_that_was_meant() {
    let setup = Setup::sqlite();
    for (variable, meant) in [
        ("WAXSEAL_LISTENS", "WAXSEAL_LISTEN"),
        ("WAXSEAL_DATADIR", "WAXSEAL_DATA_DIR"),
        ("WAXSEAL_", "WAXSEAL_LOG"),
    ] {
        let refused = said(serve(&setup).env(variable, "a value"));
        refused.failed(2, &[&format!("{variable} is not known"), &format!("mean {meant}?")]);
        assert!(!refused.err.contains("a value"), "{}", refused.err);
        assert!(!setup.data_dir().exists(), "nothing is made");
    }
}

#[test]
fn a_configuration_can_be_checked() {
    let setup = Setup::sqlite();
    let mut check = command();
    check
        .args(["serve", "--check", "--listen", "127.0.0.1:0,unix:/run/w.sock"])
        .env("WAXSEAL_DATA_DIR", setup.data_dir())
        .env("WAXSEAL_MAX_SECRETS", "17")
        .env("WAXSEAL_LISTEN", "127.0.0.1:1");
    let printed = said(&mut check).done();
    let lines: Vec<_> = printed.lines().collect();
    let data_dir = format!("WAXSEAL_DATA_DIR={}", setup.data_dir().display());
    for line in [
        data_dir.as_str(),
        "WAXSEAL_LISTEN=127.0.0.1:0,unix:/run/w.sock",
        "WAXSEAL_MAX_SECRETS=17",
        "WAXSEAL_MAX_ENVIRONMENTS=10",
        "WAXSEAL_LOG=info",
        "WAXSEAL_DRAIN_TIMEOUT=20s",
    ] {
        assert!(lines.contains(&line), "{line} is not in:\n{printed}");
    }
    assert!(lines.iter().all(|line| line.starts_with("WAXSEAL_")), "{printed}");
    assert!(!setup.data_dir().exists(), "a check makes nothing");
}

#[test]
fn a_checked_configuration_holds_no_secret() {
    let setup = Setup::sqlite();
    let serving = Serving::start(&mut serve(&setup));
    let token = crate::support::binary::first_token(&setup.data_dir());
    drop(serving);
    let printed = said(serve(&setup).arg("--check")).done();
    let keys = std::fs::read_to_string(setup.data_dir().join("keys.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let material = keys["keys"][0]["material"].as_str().unwrap();
    assert!(material.len() > 30);
    assert!(!printed.contains(&token) && !printed.contains(material), "{printed}");
}

#[test]
fn help_names_every_variable_with_its_default() {
    let help = said(command().args(["serve", "--help"])).done();
    let effective = said(command().args(["serve", "--check", "--data-dir", "/somewhere"])).done();
    assert!(effective.lines().count() >= 10);
    for line in effective.lines() {
        let (variable, value) = line.split_once('=').unwrap();
        // What may hold a password is named without what it is set to.
        let named = [format!("[env: {variable}=]"), format!("[env: {variable}]")];
        assert!(named.iter().any(|named| help.contains(named)), "{variable} is not in:\n{help}");
        let has_default = !(value.is_empty() || variable == "WAXSEAL_DATA_DIR");
        let shown = if has_default { format!("[default: {value}]") } else { String::new() };
        assert!(help.contains(&shown), "{shown} is not in:\n{help}");
    }
    for command_line in [&["--help"][..], &["dev", "--help"], &["token", "create", "--help"]] {
        let help = said(command().args(command_line)).done();
        assert!(help.contains("Examples:"), "{help}");
    }
    assert!(said(command().arg("--version")).done().starts_with("waxseal "));
}

#[test]
fn a_command_line_that_is_wrong_is_told_from_a_start_that_fails() {
    let setup = Setup::sqlite();
    for (arguments, words) in [
        (&["serve"][..], &["--data-dir", "WAXSEAL_DATA_DIR"][..]),
        (&["serve", "--listen", "0.0.0.0:0", "--data-dir", "/x"], &["WAXSEAL_ALLOW_PLAINTEXT"]),
        (&["serve", "--drain-timeout", "26s", "--data-dir", "/x"], &["25s"]),
        (&["serve", "--log", "=,=", "--data-dir", "/x"], &["WAXSEAL_LOG", "info"]),
        (&["dev", "--listen", "0.0.0.0:7466"], &["127.0.0.1"]),
    ] {
        said(command().args(arguments)).failed(2, words);
    }
    for arguments in [
        &[][..],
        &["serves"],
        &["serve", "--listens", "x"],
        &["serve", "--listen", "localhost"],
        &["serve", "--log-format", "xml"],
        &["token", "create"],
        &["token", "create", "--role", "root", "--scope", "deployment", "--expires", "1h"],
    ] {
        let refused = said(command().args(arguments));
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.err);
        assert!(
            refused.err.contains("Usage:") || refused.err.contains("--help"),
            "{}",
            refused.err
        );
    }

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut on_taken = command();
    on_taken.args(["serve", "--log", "error", "--listen", &address, "--data-dir"]);
    let refused = said(on_taken.arg(setup.data_dir()));
    refused.failed(1, &[&address, "taken by another process", "--listen 127.0.0.1:0"]);
}

#[test]
fn a_data_directory_is_private_or_refused() {
    let setup = used();
    let dir = setup.data_dir();
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    for open in [0o750, 0o705, 0o777] {
        set_mode(&dir, open);
        let chmod = format!("chmod 700 {}", dir.display());
        said(&mut serve(&setup)).failed(1, &["open to others", &chmod]);
    }
    set_mode(&dir, 0o700);
    drop(Serving::start(&mut serve(&setup)));

    let file = setup.data_dir().join("keys.json");
    let mut on_a_file = command();
    on_a_file.args(["serve", "--log", "error", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&file);
    said(&mut on_a_file).failed(1, &[&file.display().to_string()]);
}

#[test]
fn a_database_that_is_none_is_refused() {
    let setup = used();
    std::fs::write(setup.data_dir().join("waxseal.db"), vec![b'x'; 8_192]).unwrap();
    said(&mut serve(&setup)).failed(1, &[]);

    let setup = used();
    setup.database().pragma_update(None, "user_version", 999).unwrap();
    said(&mut serve(&setup)).failed(1, &["waxseal.db", "newer"]);
}
