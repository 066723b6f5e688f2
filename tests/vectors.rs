//! The golden vectors of the envelope, recomputed by a second implementation in Python.

use crate::support::grpcurl::python;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn golden() -> PathBuf {
    root().join("crates/envelope/vectors/v1.json")
}

fn recompute(file: &Path) -> (bool, String) {
    let script = root().join("tests/vectors.py");
    let Output { status, stdout, stderr } =
        Command::new(python()).args([script.as_path(), file]).output().unwrap();
    let printed =
        format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.success(), printed)
}

#[test]
fn another_implementation_comes_to_the_same_vectors() {
    let (agrees, printed) = recompute(&golden());
    assert!(agrees, "{printed}");
    let vectors: Value = serde_json::from_slice(&std::fs::read(golden()).unwrap()).unwrap();
    let count: usize =
        vectors.as_object().unwrap().values().map(|kind| kind.as_array().unwrap().len()).sum();
    assert!(printed.contains(&format!("{count} vectors recomputed, agree")), "{printed}");
}

#[test]
fn a_doctored_vector_is_noticed() {
    let vectors: Value = serde_json::from_slice(&std::fs::read(golden()).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (kind, output) in [
        ("records", "record"),
        ("records", "salt"),
        ("records", "plaintext"),
        ("derived_keys", "derived"),
        ("macs", "mac"),
        ("catalogues", "digest"),
        ("overrides", "digest"),
        ("roots", "mac"),
    ] {
        let mut doctored = vectors.clone();
        let text = doctored[kind][0][output].as_str().unwrap();
        let last = if text.ends_with('0') { "1" } else { "0" };
        let text = format!("{}{last}", &text[..text.len() - 1]);
        doctored[kind][0][output] = text.into();
        let file = dir.path().join("v1.json");
        std::fs::write(&file, doctored.to_string()).unwrap();
        let (agrees, printed) = recompute(&file);
        assert!(!agrees, "{kind}: {output}: {printed}");
        assert!(printed.contains(&format!("{kind}: ")), "{printed}");
    }
}
