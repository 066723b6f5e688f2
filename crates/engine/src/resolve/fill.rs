//! A cold resolve: rows, manifest, unwrap, open, overlay, encode, keep.

use super::{Filled, Resolve};
use crate::manifest::{Catalogue, by_secret, is_set};
use crate::revision::Revision;
use crate::step::{Step, step};
use crate::{Engine, Error};
use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::sync::Arc;
use waxseal_cache::ViewKey;
use waxseal_domain::name::SecretName;
use waxseal_domain::secret::Secret;
use waxseal_domain::uid::{ProjectUid, SecretUid};
use waxseal_domain::view::{Effective, Origin, Resolved, Unset, View, effective};
use waxseal_storage::{SlotRow, ValueRow, ViewRows};

/// Data keys being unwrapped at the same time.
const UNWRAPS: usize = 64;

const LOST: Error = Error::DataLoss { what: "a value" };

/// A secret whose value is to be opened.
struct Chosen {
    secret: Secret,
    origin: Origin,
    row: ValueRow,
}

impl Engine {
    /// Fills a view from one snapshot and keeps it under the revision that the snapshot shows,
    /// whatever revision was asked for.
    pub(super) async fn fill(&self, ask: &Resolve<'_>, asked: ViewKey) -> Result<Filled, Error> {
        let rows = self.store.view_rows(ask.project, ask.environment, ask.stage);
        let rows = step(Step::ViewRows, rows).await?;
        let rows = rows.ok_or(Error::ProjectNotFound)?;
        let ViewRows { project, environments, secrets, aliases, defaults, overrides, values } =
            rows;
        let project = self.vouched(project, environments).await?;
        if project.row.project.deletion.is_some() {
            return Err(Error::ProjectNotFound);
        }
        let environment = project.environment(ask.environment)?;
        let catalogue = Catalogue { secrets, aliases, defaults };
        project.check_catalogue(&catalogue)?;
        project.check_overrides(environment, ask.stage, &overrides)?;
        let uid = project.row.project.uid;
        // The right was checked for what the ids named then.
        if (uid, environment.environment.uid) != (asked.project, asked.environment) {
            return Err(Error::EnvironmentNotFound);
        }

        let fallback = environment.environment.settings.fallback;
        let (defaults, overrides) = (by_secret(&catalogue.defaults), by_secret(&overrides));
        let mut records: HashMap<_, _> =
            values.into_iter().map(|row| ((row.secret, row.place), row)).collect();
        let aliases = standing_aliases(&catalogue);
        let mut secrets = catalogue.secrets.clone();
        secrets.retain(|secret| secret.deletion.is_none());
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut chosen, mut unset) = (Vec::new(), Vec::new());
        for secret in secrets {
            match effective(fallback, set(&defaults, secret.uid), set(&overrides, secret.uid)) {
                Effective::Value(origin, slot) => {
                    let record = records.remove(&(secret.uid, slot.place)).ok_or(LOST)?;
                    let row = is_current(slot, record)?;
                    chosen.push(Chosen { secret, origin, row });
                }
                Effective::Unset(reason) => unset.push(Unset { name: secret.name, reason }),
            }
        }
        let view = View { secrets: self.open_all(uid, chosen).await?, unset, aliases };
        let view = Arc::new(self.encoder.encode(view));
        let incarnation = project.row.incarnation;
        let key = ViewKey {
            incarnation,
            project: uid,
            environment: environment.environment.uid,
            stage: ask.stage,
            revision: environment.group(ask.stage).revision,
        };
        self.cache.put(key, view.clone());
        let revision = Revision { incarnation, project: uid, number: project.row.revision };
        Ok(Filled { key, revision, view })
    }

    async fn open_all(
        &self,
        project: ProjectUid,
        chosen: Vec<Chosen>,
    ) -> Result<Vec<Resolved>, Error> {
        stream::iter(chosen)
            .map(|Chosen { secret, origin, row }| async move {
                let value = self.keys.open(project, secret.visibility, &row).await?;
                Ok(Resolved { name: secret.name, value, origin, version: row.version })
            })
            .buffered(UNWRAPS)
            .try_collect()
            .await
    }
}

/// Names that standing secrets had, in byte order, with their present names.
fn standing_aliases(catalogue: &Catalogue) -> Vec<(SecretName, SecretName)> {
    let standing: HashMap<_, _> = catalogue
        .secrets
        .iter()
        .filter(|secret| secret.deletion.is_none())
        .map(|secret| (secret.uid, &secret.name))
        .collect();
    let named = catalogue.aliases.iter().filter_map(|alias| {
        let current = standing.get(&alias.secret)?;
        Some((alias.name.clone(), (*current).clone()))
    });
    let mut aliases: Vec<_> = named.collect();
    aliases.sort();
    aliases
}

fn set<'a>(slots: &HashMap<SecretUid, &'a SlotRow>, secret: SecretUid) -> Option<&'a SlotRow> {
    slots.get(&secret).copied().filter(|slot| is_set(slot))
}

/// The record is the one that the manifest vouched for.
fn is_current(slot: &SlotRow, row: ValueRow) -> Result<ValueRow, Error> {
    let vouched = slot.value.and_then(|value| Some((value.uid, value.sealed?.0)));
    let stands = row.sealed.as_ref().map(|sealed| (row.uid, sealed.digest));
    if vouched == stands && row.version == slot.current { Ok(row) } else { Err(LOST) }
}
