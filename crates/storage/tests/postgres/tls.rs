//! TLS to the database: the server has a certificate of the tests' own authority.

use super::support::Database;
use waxseal_storage::postgres::Settings;
use waxseal_storage::{Error, Postgres, Store};

fn authority() -> String {
    std::env::var("TEST_POSTGRES_CA").expect("run tests/run, or set TEST_POSTGRES_CA")
}

/// The database's settings, with these options in the URL.
fn with(database: &Database, options: &str) -> Settings {
    let settings = database.settings();
    let join = if settings.url.contains('?') { '&' } else { '?' };
    Settings { url: format!("{}{join}{options}", settings.url), ..settings }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_is_encrypted_where_that_is_required() {
    let database = Database::new().await;
    let options = format!("sslmode=require&sslrootcert={}", authority());
    let store = Postgres::open(with(&database, &options)).await.unwrap();
    store.check().await.unwrap();
    let beside = database.beside().await;
    let row = beside
        .query_one(
            "SELECT count(*), coalesce(bool_and(s.ssl), false), min(s.version)
             FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
             WHERE a.datname = $1 AND a.application_name = 'waxseal'",
            &[&database.name()],
        )
        .await
        .unwrap();
    assert!(row.get::<_, i64>(0) >= 2, "the pool's and the feed's");
    assert!(row.get::<_, bool>(1), "all of them");
    assert!(row.get::<_, &str>(2) >= "TLSv1.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_refused() {
    let database = Database::new().await;
    // The system's roots do not know the authority.
    let refused = Postgres::open(with(&database, "sslmode=require")).await.err().unwrap();
    assert!(matches!(&refused, Error::Unavailable { .. }), "{refused:?}");
    // It is right, and of another host.
    let settings = with(&database, &format!("sslmode=require&sslrootcert={}", authority()));
    let url = settings.url.replace("127.0.0.1", "localhost");
    let refused = Postgres::open(Settings { url, ..settings }).await.err().unwrap();
    assert!(matches!(&refused, Error::Unavailable { what } if what.contains("TLS")), "{refused:?}");
    assert_eq!(database.connections().await, (0, 0));
}
