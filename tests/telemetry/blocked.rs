//! A log that nobody reads.

use super::Told;
use crate::support::client::channel;
use std::process::Stdio;
use waxseal_proto::v1::ListProjectsRequest;
use waxseal_proto::v1::project_service_client::ProjectServiceClient;

/// Each refusal is a line, at debug; a pipe takes 64 KiB of them, and then nothing, for nobody
/// reads it. Calls go on, and what is not logged is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_read_holds_up_no_call() {
    let told = Told::start(|command| {
        command.args(["--log", "trace"]).stderr(Stdio::piped());
    });
    // Kept open and never read.
    let _log = told.serving.child.stderr.as_ref().unwrap();
    let dropped = || {
        let metrics = told.metrics();
        let line = metrics.lines().find_map(|l| l.strip_prefix("waxseal_log_lines_dropped_total "));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert!(dropped() < 1.0);
    let mut projects = ProjectServiceClient::new(channel(&told.serving.url()).await);
    let admin = told.admin_client().await;
    let begun = std::time::Instant::now();
    while dropped() < 1.0 {
        assert!(begun.elapsed().as_secs() < 120, "no line was dropped");
        for _ in 0..500 {
            // Refused, and answered none the less.
            projects.list_projects(ListProjectsRequest::default()).await.unwrap_err();
        }
        let _ = admin.create_project("demo").await;
    }
    // With the log full to the brim.
    admin.create_project("another").await.unwrap();
}
