use super::*;
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

fn key() -> ViewKey {
    ViewKey {
        incarnation: Incarnation::from_bytes([0x0a; 16]),
        project: ProjectUid::from_bytes([0xbc; 16]),
        environment: EnvironmentUid::from_bytes([0x01; 16]),
        stage: Stage::Live,
        revision: 42,
    }
}

fn refused(urls: &[&str]) -> RedisUrlError {
    Redis::new(&RedisSettings::new(urls.iter().map(ToString::to_string).collect())).unwrap_err()
}

#[test]
fn names_are_readable_and_hold_the_whole_key() {
    let expected =
        format!("wxs:v1:{}:{}:{}:live:42", "0a".repeat(16), "bc".repeat(16), "01".repeat(16));
    assert_eq!(name(&key()), expected);
    let other = |change: fn(&mut ViewKey)| {
        let mut key = key();
        change(&mut key);
        name(&key)
    };
    for other in [
        other(|key| key.incarnation = Incarnation::from_bytes([1; 16])),
        other(|key| key.project = ProjectUid::from_bytes([1; 16])),
        other(|key| key.environment = EnvironmentUid::from_bytes([2; 16])),
        other(|key| key.stage = Stage::Draft),
        other(|key| key.revision = 43),
    ] {
        assert_ne!(other, expected);
    }
}

#[test]
fn urls_that_cannot_be_used_are_refused_by_their_place() {
    let good = "redis://127.0.0.1:6379";
    for (urls, expected) in [
        (&[][..], RedisUrlError::Missing),
        (&["127.0.0.1:6379"], RedisUrlError::Invalid(1)),
        (&["http://127.0.0.1"], RedisUrlError::Invalid(1)),
        (&[good, "redis://"], RedisUrlError::Invalid(2)),
        (&["redis://h/notanumber"], RedisUrlError::Invalid(1)),
        (&["rediss://h#insecure"], RedisUrlError::Insecure(1)),
        (&[good, "rediss://h#insecure"], RedisUrlError::Insecure(2)),
        (&[good, "rediss://127.0.0.1:6380"], RedisUrlError::Differ),
        (&[good, "redis://user:password@127.0.0.1:6380"], RedisUrlError::Differ),
        (&[good, "redis://127.0.0.1:6380/1"], RedisUrlError::Differ),
        (&["unix:///run/a", "unix:///run/b"], RedisUrlError::Differ),
    ] {
        assert_eq!(refused(urls), expected, "{urls:?}");
    }
}

#[test]
fn usable_urls_are_taken_without_a_runtime_or_a_server() {
    for urls in [
        &["redis://127.0.0.1:1"][..],
        &["rediss://user:p%40ss@cache.example:6380/3"],
        &["unix:///run/redis.sock"],
        &["redis://127.0.0.1:1", "redis://127.0.0.1:2"],
    ] {
        let settings = RedisSettings::new(urls.iter().map(ToString::to_string).collect());
        assert!(Redis::new(&settings).is_ok(), "{urls:?}");
    }
}

#[test]
fn other_settings_are_checked() {
    let settings = RedisSettings::new(vec!["rediss://h".to_owned()]);
    let none = RedisSettings { roots: Some(b"not a certificate".to_vec()), ..settings.clone() };
    assert_eq!(Redis::new(&none).unwrap_err(), RedisUrlError::Roots);
    let short = RedisSettings { ttl: Duration::from_millis(999), ..settings };
    assert_eq!(Redis::new(&short).unwrap_err(), RedisUrlError::Ttl);
}

#[test]
fn nothing_prints_a_url() {
    let url = "redis://user:canary@canary.example:6379".to_owned();
    let settings = RedisSettings::new(vec![url.clone(), url]);
    let cache = Redis::new(&settings).unwrap();
    for printed in [format!("{settings:?}"), format!("{settings:#?}"), format!("{cache:?}")] {
        assert!(!printed.contains("canary"), "{printed}");
    }
    for error in [refused(&["canary://canary"]), refused(&["rediss://u:canary@canary#insecure"])] {
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
