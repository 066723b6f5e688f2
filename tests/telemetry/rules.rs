//! The alerts in deploy, by the tool of those who run them.

use crate::support::grpcurl::tool;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// `promtool` in the directory of the rules, or in another with the same files.
fn promtool(dir: &Path, arguments: &[&str]) -> Output {
    let promtool = tool("TEST_PROMTOOL").expect("TEST_PROMTOOL is not set: run with tests/run");
    Command::new(promtool).args(arguments).current_dir(dir).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

fn rules() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus"))
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    for arguments in [["check", "rules", "rules.yml"], ["test", "rules", "tests.yml"]] {
        let output = promtool(rules(), &arguments);
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// Whatever alert never fires, the tests find it, so each has a series that fires it; and each has a
/// time at which none is expected.
#[test]
fn no_alert_is_without_a_test() {
    let read = |name: &str| fs::read_to_string(rules().join(name)).unwrap();
    let (rules, tests) = (read("rules.yml"), read("tests.yml"));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tests.yml"), &tests).unwrap();
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        assert!(tests.contains(&format!("- {{ alertname: {name}, eval_time")), "{name}: no quiet");
        let expression = alert.lines().find(|line| line.trim().starts_with("expr: ")).unwrap();
        let never = alert.replace(expression, "        expr: vector(0) > 1");
        fs::write(dir.path().join("rules.yml"), rules.replace(alert, &never)).unwrap();
        let output = promtool(dir.path(), &["test", "rules", "tests.yml"]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(&format!("alertname: {name}")), "{said}");
    }
}
