//! The published schema, read by a validator that is not ours.

use crate::support::grpcurl::python;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Which of these documents fit `project_export.schema.json`; one that is no JSON fits no schema.
pub(super) fn valid(documents: &[String]) -> Vec<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checking = Command::new(python())
        .arg(root.join("tests/schema.py"))
        .arg(root.join("proto/waxseal/v1/project_export.schema.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = checking.stdin.take().unwrap();
    input.write_all(serde_json::to_string(documents).unwrap().as_bytes()).unwrap();
    drop(input);
    let output = checking.wait_with_output().unwrap();
    assert!(output.status.success(), "schema.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn what_is_exported_fits_the_schema() {
    let server = crate::support::Server::start().await;
    let admin = server.admin().await;
    super::full(&admin, "full").await;
    admin.create_project("empty").await.unwrap();
    let documents = [admin.export("full").await.unwrap(), admin.export("empty").await.unwrap()];
    assert_eq!(valid(&documents), [true, true]);
    // A field more, and it does not.
    let more = documents[0].replace("\"name\":", "\"value\": \"v\", \"name\":");
    assert_ne!(more, documents[0]);
    assert_eq!(valid(&[more]), [false]);
}
