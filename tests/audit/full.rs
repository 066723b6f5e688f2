//! Files that cannot grow, and eight calls that disclose: what cannot be put on record is not
//! disclosed, and the server lives on. What a full disk is to the databases, `faults.rs` has.

use super::calls::CALLS;
use super::faults::WHEN;
use super::running::Running;
use super::world::{MARK, PATIENCE};
use crate::support::proxy::Proxy;
use crate::support::refused;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::time::timeout;
use tonic::Code;

/// How long files may get; changes need less by far, and records are made to need more.
const LIMIT: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_grow_let_nothing_out_and_end_no_server() {
    let running = Running::new(false).await;
    let pid = Pid::from_child(&running.serving.child);
    for call in CALLS {
        let cell = running.cell("a file that cannot grow", call);
        let proxy = Proxy::before(&running.serving.url()).await;
        let callers = running.callers(call, &proxy).await;
        let mut views = call.begin(&callers).await;
        let recorded = running.recorded(call).await;
        let fills = format!(
            "CREATE TABLE filler (bytes BLOB);
             CREATE TRIGGER fail AFTER INSERT ON audit {WHEN}
                 BEGIN INSERT INTO filler VALUES (zeroblob({})); END",
            2 * LIMIT
        );
        running.sql(&fills).await;
        let limit = Rlimit { current: Some(LIMIT), maximum: None };
        let unlimited = prlimit(Some(pid), Resource::Fsize, limit).unwrap();
        call.change(&callers).await;
        proxy.listen();
        let refusal = timeout(PATIENCE, call.ask(&callers, &mut views)).await;
        let refusal = refusal.unwrap_or_else(|_| panic!("{cell} hangs"));
        let status = refusal.expect_err(&cell);
        assert_eq!(status.code(), Code::Unavailable, "{cell}: {status:?}");
        refused::<()>(Err(status)).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
        assert!(!proxy.heard(MARK), "{cell}: something was disclosed");
        assert_eq!(running.recorded(call).await, recorded, "{cell}: on record");

        prlimit(Some(pid), Resource::Fsize, unlimited).unwrap();
        running.sql("DROP TRIGGER fail; DROP TABLE filler").await;
        running.is_well(call, &cell).await;
    }
    running.verify().await;
}
