//! Aliases are vouched for: one that someone took away, added or turned to another secret is
//! noticed before anything is resolved by it.

use super::{demo_on, named};
use crate::support::{Server, Setup, refused};
use tonic::Code;
use waxseal_proto::v1::{Stage, Visibility};

/// `NEW` and `NEWER`, which were `OLD` and `OTHER`.
async fn world() -> Setup {
    let (server, builder, runtime) = demo_on(Server::demo_on_sqlite().await).await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    builder.rename("demo", "OTHER", "NEWER").await.unwrap();
    drop((builder, runtime));
    server.stop().await
}

const CASES: [(&str, &str); 9] = [
    ("taken away", "DELETE FROM alias WHERE name = 'OLD'"),
    ("all taken away", "DELETE FROM alias"),
    ("added", "INSERT INTO alias SELECT project, 'FORGED', uid FROM secret WHERE name = 'NEW'"),
    (
        "turned to another secret",
        "UPDATE alias SET secret = (SELECT uid FROM secret WHERE name = 'NEWER')
         WHERE name = 'OLD'",
    ),
    (
        "exchanged",
        "UPDATE alias SET name = 'X' WHERE name = 'OLD';
         UPDATE alias SET name = 'OLD' WHERE name = 'OTHER';
         UPDATE alias SET name = 'OTHER' WHERE name = 'X'",
    ),
    ("called otherwise", "UPDATE alias SET name = 'FORGED' WHERE name = 'OLD'"),
    ("in another case", "UPDATE alias SET name = 'old' WHERE name = 'OLD'"),
    (
        "made the name",
        "DELETE FROM alias WHERE name = 'OLD';
         INSERT INTO alias SELECT project, 'NEW', uid FROM secret WHERE name = 'NEW';
         UPDATE secret SET name = 'OLD', folded = 'old' WHERE name = 'NEW'",
    ),
    (
        "of a deleted secret",
        "INSERT INTO alias SELECT project, 'FORGED', uid FROM secret WHERE name = 'GONE'",
    ),
];

#[tokio::test]
async fn nothing_is_resolved_or_changed_by_a_forged_alias() {
    let world = world().await;
    for (case, sql) in CASES {
        let copy = world.copied();
        let database = copy.database();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        database.execute_batch(sql).unwrap();
        assert!(database.total_changes() > 0, "{case}: nothing is tampered with");
        drop(database);
        let server = copy.start().await;
        let (admin, builder) = (server.admin().await, server.builder().await);
        let runtime = server.runtime().await;
        let lost = |what: &str, answer: Result<(), tonic::Status>| {
            let refusal = refused(answer);
            let said = (refusal.code, refusal.reason.as_str());
            assert_eq!(said, (Code::DataLoss, "DATA_LOSS"), "{case}: {what}");
        };
        for name in ["OLD", "NEW", "OTHER", "FORGED", "old"] {
            lost(name, named(&runtime, &[name]).await.map(drop));
        }
        let view = runtime.resolve("demo", "main", Stage::Live).await;
        lost("the view", view.map(drop));
        let made = builder.create_secret("demo", "MORE", Visibility::Masked, None).await;
        lost("a creation", made.map(drop));
        for name in ["NEW", "NEWER", "GONE"] {
            lost("a rename", builder.rename("demo", name, "FREE").await.map(drop));
            lost("a release", builder.release_alias("demo", name, "OLD").await.map(drop));
            lost("a purge", admin.purge("demo", name).await.map(drop));
        }
    }
}
