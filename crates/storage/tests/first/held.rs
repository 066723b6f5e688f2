//! What a store of the first schema held, and what is left of it after an upgrade: by each store's
//! tests.

use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_storage::Store;

/// The tables whose rows come along.
pub(crate) const KEPT: [&str; 8] =
    ["store", "project", "environment", "secret", "alias", "slot", "value", "request"];
/// Those that are made anew: nothing vouches for the records, and the tokens belong to nobody.
pub(crate) const GONE: [&str; 2] = ["audit", "api_token"];

/// A row in every table, as SQLite reads it.
pub(crate) const ROWS: &str = include_str!("rows.sql");

/// All that was there is read as it was, and nobody may do anything yet.
pub(crate) async fn is_read(store: &dyn Store) {
    let id = ProjectId::parse("demo").unwrap();
    let head = store.head(&id).await.unwrap().unwrap();
    let main = EnvironmentId::parse("main").unwrap();
    assert_eq!(head.environment(&main).unwrap().view(Stage::Live), 7);
    let mut rows = store.snapshot().await.unwrap();
    let meta = rows.meta().await.unwrap().unwrap();
    assert_eq!((meta.created.micros(), meta.epoch), (4, 0));
    let project = rows.project(&id).await.unwrap().unwrap();
    assert_eq!((project.project.display_name.as_str(), project.revision), ("Demo", 7));
    let uid = project.project.uid;
    let environments = rows.environments(uid).await.unwrap();
    let name = SecretName::parse("KEY").unwrap();
    let secret = rows.secret(uid, &name).await.unwrap().unwrap();
    assert_eq!(secret.visibility, Visibility::Restricted);
    assert_eq!(rows.aliases(uid).await.unwrap().len(), 1);
    let place = Place::Override(environments[0].environment.uid, Stage::Live);
    let values = rows.current_values(uid, place).await.unwrap();
    assert_eq!((values.len(), values[0].version), (1, 1));
    assert_eq!(values[0].sealed.as_ref().unwrap().record, [0x17]);
    assert_eq!(rows.count_tokens().await.unwrap(), 0);
    assert_eq!(rows.count_principals().await.unwrap(), 0);
}
