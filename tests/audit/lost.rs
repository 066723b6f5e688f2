//! A server that is started where heads of chains were deleted: it goes on, nothing is put on record
//! behind a gap, and whoever verifies is told which chain it is.

use super::calls::Call;
use super::calls::Callers;
use super::world::{World, run};
use crate::support::binary::command;
use crate::support::{Client, default_slot, refused};
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::VerifyAuditTrailRequest;

/// The chains whose heads are lost, as `LIKE` has them, and what there is none of then.
const LOST: [(&str, &[Of]); 4] = [
    ("%", &[Of::Deployment, Of::Project]),
    ("deployment", &[Of::Deployment]),
    ("project:%", &[Of::Project]),
    // A process that ended continues nothing.
    ("process:%", &[]),
];

/// What goes on record in one chain for all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Deployment,
    Project,
}

async fn lose(on_postgres: bool, lost: &str, refuses: &[Of]) {
    let world = if on_postgres { World::postgres().await } else { World::sqlite().await };
    world.disclose().await;
    world.until_signed().await;
    let [admin, builder, runtime, auditor] = [
        world.server.token(Role::Admin, false, "deployment").await,
        world.server.token(Role::Builder, true, "deployment").await,
        world.server.token(Role::Runtime, false, "deployment").await,
        world.server.token(Role::Auditor, false, "deployment").await,
    ];
    let (setup, database) = world.stop().await;
    let sql = async |sql: &str| run(&setup, database.as_ref(), sql).await;
    sql("CREATE TABLE kept AS SELECT * FROM audit_chain").await;
    sql(&format!("DELETE FROM audit_chain WHERE chain LIKE '{lost}'")).await;

    let cell = format!("{lost} on {}", if on_postgres { "PostgreSQL" } else { "SQLite" });
    let server = setup.start().await;
    let callers = Callers {
        builder: Client::connect(&server.address, &builder).await,
        runtime: Client::connect(&server.address, &runtime).await,
    };
    let admin = Client::connect(&server.address, &admin).await;
    let verifier = Client::connect(&server.address, &auditor).await;
    let verify = async || {
        let verified = verifier.audit.clone().verify_audit_trail(VerifyAuditTrailRequest {}).await;
        verified.unwrap().into_inner().problem
    };
    let named = |problem: &str| {
        let prefix = lost.trim_end_matches('%');
        assert!(problem.starts_with(prefix), "{cell}: {problem}");
    };
    let is = async |of: Of, made: Result<(), Status>| {
        if refuses.contains(&of) {
            let status = made.expect_err(&cell);
            assert!(
                matches!(status.code(), Code::Unavailable | Code::Aborted),
                "{cell}: {status:?}"
            );
        } else {
            made.unwrap_or_else(|status| panic!("{cell}: {status:?}"));
        }
    };
    named(&verify().await.expect(&cell).chain);

    // A process has a chain of its own, which begins anew.
    Call::Resolve.ask(&callers, &mut None).await.unwrap();
    let revealed = callers.builder.reveal("demo", "KEY", default_slot()).await.map(drop);
    if refuses.contains(&Of::Project) {
        refused(revealed.clone()).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
    }
    is(Of::Project, revealed).await;
    is(Of::Project, callers.builder.set("demo", "KEY", default_slot(), "new").await.map(drop))
        .await;
    is(Of::Deployment, admin.create_principal("other").await.map(drop)).await;

    let problem = verify().await.expect(&cell);
    named(&problem.chain);
    let mut command = command();
    command.env("WAXSEAL_ADDRESS", &server.address).env("WAXSEAL_TOKEN", &auditor);
    command.args(["audit", "verify"]);
    let told = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&[&told.stdout[..], &told.stderr].concat()).into_owned();
    assert!(!told.status.success() && text.contains(&problem.chain), "{cell}: {text}");

    // Put back, all is as it was.
    let back = "INSERT INTO audit_chain SELECT * FROM kept WHERE chain NOT IN
                    (SELECT chain FROM audit_chain); DROP TABLE kept";
    sql(back).await;
    assert_eq!(verify().await, None, "{cell}");
    callers.builder.reveal("demo", "KEY", default_slot()).await.unwrap();
    callers.builder.set("demo", "KEY", default_slot(), "newer").await.unwrap();
    admin.create_principal("another").await.unwrap();
    assert_eq!(verify().await, None, "{cell}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_were_lost_before_the_start_are_missed() {
    for (lost, refuses) in LOST {
        lose(false, lost, refuses).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_were_lost_before_the_start_are_missed_on_postgres() {
    for (lost, refuses) in LOST {
        lose(true, lost, refuses).await;
    }
}
