//! The key file.

use super::{mode, said, serve, set_mode, used};
use crate::support::Setup;
use crate::support::binary::Serving;

#[test]
fn a_key_file_that_others_may_read_is_refused_with_the_way_out() {
    let setup = used();
    let keys = setup.data_dir().join("keys.json");
    assert_eq!(mode(&keys), 0o600);
    for open in [0o644, 0o640, 0o604, 0o660] {
        set_mode(&keys, open);
        let chmod = format!("chmod 600 '{}'", keys.display());
        said(&mut serve(&setup)).failed(1, &[&format!("{open:04o}"), &chmod]);
    }
    set_mode(&keys, 0o600);
    drop(Serving::start(&mut serve(&setup)));
}

#[test]
fn a_database_without_its_key_file_is_refused_and_no_new_one_is_made() {
    let setup = used();
    let keys = setup.data_dir().join("keys.json");
    let kept = std::fs::read(&keys).unwrap();
    std::fs::remove_file(&keys).unwrap();
    let words = [&keys.display().to_string()[..], "missing", "restore the key file"];
    said(&mut serve(&setup)).failed(1, &words);
    assert!(!keys.exists());
    std::fs::write(&keys, kept).unwrap();
    set_mode(&keys, 0o600);
    drop(Serving::start(&mut serve(&setup)));
}

#[test]
fn the_key_file_of_another_deployment_is_refused() {
    let (setup, other) = (used(), used());
    let keys = |setup: &Setup| setup.data_dir().join("keys.json");
    std::fs::copy(keys(&other), keys(&setup)).unwrap();
    said(&mut serve(&setup)).failed(1, &["deployment", "bring the key file"]);
}

/// The right deployment, and another key: what it wraps does not open.
#[test]
fn a_key_file_with_other_keys_is_refused() {
    let (setup, other) = (used(), used());
    let keys = |setup: &Setup| setup.data_dir().join("keys.json");
    let read = |setup: &Setup| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(keys(setup)).unwrap()).unwrap()
    };
    let mut forged = read(&other);
    forged["deployment"] = read(&setup)["deployment"].clone();
    std::fs::write(keys(&setup), forged.to_string()).unwrap();
    said(&mut serve(&setup)).failed(1, &["service key"]);
}

#[test]
fn a_key_file_that_is_none_is_refused_and_none_of_it_told() {
    for content in ["", "{}", "canary", "{\"version\": 1, \"canary\": true}"] {
        let setup = used();
        std::fs::write(setup.data_dir().join("keys.json"), content).unwrap();
        let refused = said(&mut serve(&setup));
        refused.failed(1, &["keys.json"]);
        assert!(!refused.err.contains("canary"), "{}", refused.err);
    }
    let setup = used();
    let keys = setup.data_dir().join("keys.json");
    let moved = setup.data_dir().join("moved.json");
    std::fs::rename(&keys, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &keys).unwrap();
    said(&mut serve(&setup)).failed(1, &["symbolic link"]);
}
