//! The references in a text, for whoever edits it: which are unknown, unset, renamed or deleted.

use crate::manifest::{by_secret, is_set};
use crate::projects::standing;
use crate::{Engine, Error, Permit};
use std::collections::{HashMap, HashSet};
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::reference::{Kind, parse};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_domain::view::{Effective, effective};
use waxseal_storage::{EnvironmentRow, Snapshot};

/// Which text, and for whom.
pub struct ParseReferences {
    /// The project that the names are of.
    pub project: ProjectId,
    /// The text.
    pub text: String,
    /// The view that is to hold the values; without one, any slot that does will do.
    pub place: Option<(EnvironmentId, Stage)>,
}

/// A reference in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name that is written.
    pub name: SecretName,
    /// What is to be said of it.
    pub state: ReferenceState,
    /// Where it begins, in bytes of UTF-8.
    pub offset: usize,
    /// How long it is, in bytes.
    pub length: usize,
}

/// What is to be said of a reference; the first that fits, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceState {
    /// It resolves.
    Resolved,
    /// It resolves, by a name that the secret had.
    Renamed,
    /// The secret has no value here.
    Unset,
    /// The secret is deleted.
    Deleted,
    /// There is no such secret.
    Unknown,
}

impl Engine {
    /// Finds the references in a text.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`], [`Error::RenderTooLarge`].
    pub async fn parse_references(
        &self,
        permit: Permit<'_>,
        ask: ParseReferences,
    ) -> Result<Vec<Reference>, Error> {
        permit.check(Action::ParseReferences)?;
        let ParseReferences { project, text, place } = ask;
        let pieces = parse(&text).map_err(|_| Error::RenderTooLarge)?;
        let mut rows = self.store.snapshot().await?;
        let states = States::read(&mut *rows, &project, place.as_ref()).await?;
        let references = pieces.into_iter().filter_map(|piece| match piece.kind {
            Kind::Secret(name) => Some(Reference {
                state: states.of(&name),
                name,
                offset: piece.offset,
                length: piece.source.len(),
            }),
            Kind::Text | Kind::Escaped | Kind::Variable(_) => None,
        });
        Ok(references.collect())
    }
}

/// What is known of a project's secrets, without any value.
struct States {
    by_name: HashMap<SecretName, Secret>,
    aliases: HashMap<SecretName, SecretUid>,
    deleted: HashSet<SecretUid>,
    set: HashSet<SecretUid>,
}

impl States {
    async fn read(
        rows: &mut dyn Snapshot,
        project: &ProjectId,
        place: Option<&(EnvironmentId, Stage)>,
    ) -> Result<Self, Error> {
        let project = standing(rows, project).await?.uid;
        let secrets = rows.secrets(project).await?;
        let set = match place {
            None => {
                let slots = rows.all_slots(project).await?;
                slots.iter().filter(|slot| is_set(slot)).map(|slot| slot.secret).collect()
            }
            Some((id, stage)) => {
                let environments = rows.environments(project).await?;
                let row = environments.iter().find(|row| row.environment.id == *id);
                let row = row.ok_or(Error::EnvironmentNotFound)?;
                let defaults = rows.slots(project, Place::Default).await?;
                let place = Place::Override(row.environment.uid, *stage);
                let overrides = rows.slots(project, place).await?;
                seen(row, &secrets, &defaults, &overrides)
            }
        };
        let aliases = rows.aliases(project).await?;
        let deleted = secrets.iter().filter(|secret| secret.deletion.is_some());
        Ok(Self {
            deleted: deleted.map(|secret| secret.uid).collect(),
            by_name: secrets.into_iter().map(|secret| (secret.name.clone(), secret)).collect(),
            aliases: aliases.into_iter().map(|alias| (alias.name, alias.secret)).collect(),
            set,
        })
    }

    fn of(&self, name: &SecretName) -> ReferenceState {
        let current = self.by_name.get(name).map(|secret| secret.uid);
        let Some(uid) = current.or_else(|| self.aliases.get(name).copied()) else {
            return ReferenceState::Unknown;
        };
        if self.deleted.contains(&uid) {
            ReferenceState::Deleted
        } else if !self.set.contains(&uid) {
            ReferenceState::Unset
        } else if current.is_none() {
            ReferenceState::Renamed
        } else {
            ReferenceState::Resolved
        }
    }
}

/// The secrets that have a value in a view.
fn seen(
    row: &EnvironmentRow,
    secrets: &[Secret],
    defaults: &[waxseal_storage::SlotRow],
    overrides: &[waxseal_storage::SlotRow],
) -> HashSet<SecretUid> {
    let (defaults, overrides) = (by_secret(defaults), by_secret(overrides));
    let fallback = row.environment.settings.fallback;
    let uids = secrets.iter().map(|secret| secret.uid);
    uids.filter(|uid| {
        let default = defaults.get(uid).filter(|slot| is_set(slot));
        let over = overrides.get(uid).filter(|slot| is_set(slot));
        matches!(effective(fallback, default, over), Effective::Value(..))
    })
    .collect()
}
