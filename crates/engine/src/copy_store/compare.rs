//! Whether a copy is what it was made from, row by row.

use super::group::Pages as _;
use super::{Copied, CopyError, audit};
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{ProjectUid, SecretUid};
use waxseal_storage::{Meta, ProjectRow, Snapshot, Store};

/// Compares every row of two stores, but for the incarnation. Gives how many there are of each
/// kind.
///
/// # Errors
/// [`CopyError::Differs`], and those of the stores.
pub async fn compare_stores(
    one: &dyn Store,
    other: &dyn Store,
    mut told: impl FnMut(&Copied) + Send,
) -> Result<Copied, CopyError> {
    let (mut one, mut other) = (one.snapshot().await?, other.snapshot().await?);
    let metas = (one.meta().await?.map(lasting), other.meta().await?.map(lasting));
    same("own row", &metas.0, &metas.1)?;
    let mut compared = Copied::default();
    let mut after = None;
    loop {
        let (page, there) =
            (one.project_page(after.as_ref()).await?, other.project_page(after.as_ref()).await?);
        let page: Vec<_> = page.unwrap_or_default().into_iter().map(timeless).collect();
        let there: Vec<_> = there.unwrap_or_default().into_iter().map(timeless).collect();
        same("projects", &page, &there)?;
        let Some(last) = page.last() else { break };
        after = Some(last.project.id.clone());
        for project in &page {
            compared.projects += 1;
            of_project(&mut *one, &mut *other, project.project.uid, &mut compared).await?;
            told(&compared);
        }
    }
    beside(&mut *one, &mut *other, &mut compared).await?;
    told(&compared);
    Ok(compared)
}

pub(super) fn same<T: PartialEq>(group: &'static str, one: &T, other: &T) -> Result<(), CopyError> {
    if one == other { Ok(()) } else { Err(CopyError::Differs { group }) }
}

/// Without what is of one life of a store, or of one file.
fn lasting(meta: Meta) -> Meta {
    let incarnation = waxseal_domain::uid::Incarnation::from_bytes([0; 16]);
    Meta { incarnation, unscrubbed: false, ..meta }
}

fn timeless(row: ProjectRow) -> ProjectRow {
    ProjectRow { incarnation: waxseal_domain::uid::Incarnation::from_bytes([0; 16]), ..row }
}

async fn of_project(
    one: &mut dyn Snapshot,
    other: &mut dyn Snapshot,
    project: ProjectUid,
    compared: &mut Copied,
) -> Result<(), CopyError> {
    let environments = one.environments(project).await?;
    same("environments", &environments, &other.environments(project).await?)?;
    compared.environments += environments.len() as u64;

    // Names that differ by case alone cannot be, so the order of secrets is the same.
    let secrets = one.secrets(project).await?;
    same("secrets", &secrets, &other.secrets(project).await?)?;
    compared.secrets += secrets.len() as u64;

    let (mut aliases, mut there) = (one.aliases(project).await?, other.aliases(project).await?);
    aliases.sort_by(|left, right| left.name.cmp(&right.name));
    there.sort_by(|left, right| left.name.cmp(&right.name));
    same("aliases", &aliases, &there)?;
    compared.aliases += aliases.len() as u64;

    let (mut slots, mut there) = (one.all_slots(project).await?, other.all_slots(project).await?);
    slots.sort_by_key(|slot| order(slot.secret, slot.place));
    there.sort_by_key(|slot| order(slot.secret, slot.place));
    same("slots", &slots, &there)?;
    compared.slots += slots.len() as u64;

    for secret in &secrets {
        let (mut values, mut there) =
            (one.values_of(secret.uid).await?, other.values_of(secret.uid).await?);
        values.sort_by_key(|value| (order(value.secret, value.place), value.version));
        there.sort_by_key(|value| (order(value.secret, value.place), value.version));
        same("values", &values, &there)?;
        compared.values += values.len() as u64;
    }
    Ok(())
}

fn order(secret: SecretUid, place: Place) -> ([u8; 16], [u8; 16], u8) {
    let (environment, stage) = match place {
        Place::Default => ([0; 16], 0),
        Place::Override(environment, stage) => (*environment.bytes(), stage.number()),
    };
    (*secret.bytes(), environment, stage)
}

async fn beside(
    one: &mut dyn Snapshot,
    other: &mut dyn Snapshot,
    compared: &mut Copied,
) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let page = one.request_page(after.as_ref()).await?;
        same("kept answers", &page, &other.request_page(after.as_ref()).await?)?;
        let Some(page) = page else { break };
        compared.requests += page.len() as u64;
        after = page.last().map(|row| (row.principal.clone(), row.id));
    }
    let mut after = None;
    loop {
        let page = one.principal_page(after.as_ref()).await?;
        same("principals", &page, &other.principal_page(after.as_ref()).await?)?;
        let Some(page) = page else { break };
        compared.principals += page.len() as u64;
        after = page.last().map(|row| row.id.clone());
    }
    let mut after = None;
    loop {
        let page = one.token_page(after.as_deref()).await?;
        same("tokens", &page, &other.token_page(after.as_deref()).await?)?;
        let Some(page) = page else { break };
        compared.tokens += page.len() as u64;
        after = page.last().map(|row| row.id.clone());
    }
    audit::compare(one, other, compared).await
}
