//! A log that nobody reads.

use super::Told;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

/// Each connection that is no HTTP/2 is a line, at debug. A pipe takes 64 KiB of them, and then
/// nothing, for nobody reads it. Calls go on, and what is not logged is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_read_holds_up_no_call() {
    let told = Told::start(|command| {
        command.args(["--log", "debug"]).stderr(Stdio::piped());
    });
    // Kept open and never read.
    let _log = told.serving.child.stderr.as_ref().unwrap();
    let dropped = || {
        let metrics = told.metrics();
        let line = metrics.lines().find_map(|l| l.strip_prefix("waxseal_log_lines_dropped_total "));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert!(dropped() < 1.0);
    let begun = std::time::Instant::now();
    while dropped() < 1.0 {
        assert!(begun.elapsed().as_secs() < 120, "no line was dropped");
        for _ in 0..500 {
            let mut stream = TcpStream::connect(&told.serving.address).unwrap();
            stream.write_all(&[b'x'; 64]).unwrap();
            // Until it is closed, which may be with what was written unread.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    // With the log full to the brim.
    told.admin_client().await.create_project("another").await.unwrap();
}
