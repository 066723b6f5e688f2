use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

fn parse(options: &[&str]) -> Result<Config, clap::Error> {
    Line::try_parse_from([&["waxseal"], options].concat()).map(|line| line.config)
}

#[test]
fn the_defaults_of_the_command_line_are_those_of_the_type() {
    assert_eq!(parse(&[]).unwrap(), Config::default());
}

#[test]
fn what_effective_says_can_be_set_and_gives_the_same() {
    let config = parse(&[
        "--listen=127.0.0.1:0,unix:/run/w.sock",
        "--listen=[::1]:9",
        "--data-dir=/var/lib/waxseal",
        "--kept-versions=3",
        "--secret-retention=36h",
        "--purge-interval=100ms",
        "--view-cache=1000",
        "--workers=0",
        "--max-deadline=1500ms",
        "--rate-limit=0",
        "--failure-limit=7",
        "--max-calls=1",
        "--max-streams=1000000",
        "--allow-plaintext",
        "--admin-listen=127.0.0.1:0",
        "--otlp-endpoint=http://127.0.0.1:4317",
        "--trace-ratio=0.25",
        "--trace-callers=false",
    ])
    .unwrap();
    let again: Vec<String> = config
        .effective()
        .lines()
        .map(|line| line.strip_prefix("WAXSEAL_").unwrap())
        .map(|line| line.split_once('=').unwrap())
        // What is not set is shown as nothing, which is not what an option can be set to.
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("--{}={value}", name.to_lowercase().replace('_', "-")))
        .collect();
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    assert_eq!(parse(&again).unwrap(), config);
}

#[test]
fn an_address_that_others_can_reach_needs_leave() {
    let exposed = parse(&["--listen=127.0.0.1:1,0.0.0.0:7466"]).unwrap();
    let refused = exposed.check().unwrap_err();
    assert!(matches!(refused, ConfigError::Plaintext { .. }), "{refused}");
    assert!(parse(&["--listen=0.0.0.0:1", "--allow-plaintext"]).unwrap().check().is_ok());
    assert!(parse(&["--listen=127.1.2.3:1,[::1]:1,unix:/s"]).unwrap().check().is_ok());
}

#[test]
fn a_stop_stays_within_thirty_seconds() {
    assert!(parse(&["--drain-timeout=25s"]).unwrap().check().is_ok());
    let refused = parse(&["--drain-timeout=26s"]).unwrap().check();
    assert_eq!(refused, Err(ConfigError::DrainTooLong));
}

#[test]
fn slips_are_refused() {
    for slip in [
        "--listen=7466",
        "--listen=localhost",
        "--listen=unix:",
        "--log-format=xml",
        "--max-secrets=0",
        "--max-secrets=-1",
        "--kept-versions=0",
        "--purge-interval=0s",
        "--secret-retention=30",
        "--secret-retention=d",
        "--reveal-time=0s",
        "--view-cache=64MB",
        "--workers=-1",
        "--workers=1025",
        "--allow-plaintext=perhaps",
    ] {
        assert!(parse(&[slip]).is_err(), "{slip}");
    }
    assert_eq!(parse(&["--log=,,=nonsense="]).unwrap().check(), Err(ConfigError::LogFilter));
}
