//! `waxseal secret`: names, and the values in their slots.

mod clear;
mod create;
mod delete;
mod destroy;
mod get;
mod import;
mod list;
mod purge;
mod release_alias;
mod rename;
mod restrict;
mod reveal;
mod rollback;
mod set;
mod undelete;
mod update;
mod verify;
mod versions;

pub(crate) use clear::empty;
pub(crate) use set::write;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{table, words};
use waxseal_proto::v1::slot::Slot as Which;
use waxseal_proto::v1::{self, Visibility};

/// Secrets: names with a default value, and overrides for single environments and stages.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Secret {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(create::Create),
    Get(get::Get),
    List(list::List),
    Update(update::Update),
    Restrict(restrict::Restrict),
    Rename(rename::Rename),
    ReleaseAlias(release_alias::ReleaseAlias),
    Delete(delete::Delete),
    Undelete(undelete::Undelete),
    Purge(purge::Purge),
    Set(set::Set),
    Clear(clear::Clear),
    Reveal(reveal::Reveal),
    Verify(verify::Verify),
    Versions(versions::Versions),
    Rollback(rollback::Rollback),
    Destroy(destroy::Destroy),
    Import(import::Import),
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret create MAPS_KEY -p shop --visibility masked     asks for the value, not shown
  waxseal secret set MAPS_KEY -p shop < key.txt                  the default
  waxseal secret set MAPS_KEY -p shop -e staging --stage live    an override
  waxseal secret reveal MAPS_KEY -p shop                         for some seconds, on record
  waxseal secret import .env -p shop --visibility restricted

A masked value can be revealed by a builder with the reveal grant, a restricted one by nobody, ever
again. Commands on a value are about the default unless the command line itself says --override,
--environment or --stage: variables and profiles alone never turn one into the other.";

impl Secret {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => drive(create, surroundings).await,
            Command::Get(get) => drive(get, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Update(update) => drive(update, surroundings).await,
            Command::Restrict(restrict) => drive(restrict, surroundings).await,
            Command::Rename(rename) => drive(rename, surroundings).await,
            Command::ReleaseAlias(release) => drive(release, surroundings).await,
            Command::Delete(delete) => drive(delete, surroundings).await,
            Command::Undelete(undelete) => drive(undelete, surroundings).await,
            Command::Purge(purge) => drive(purge, surroundings).await,
            Command::Set(set) => drive(set, surroundings).await,
            Command::Clear(clear) => drive(clear, surroundings).await,
            Command::Reveal(reveal) => drive(reveal, surroundings).await,
            Command::Verify(verify) => drive(verify, surroundings).await,
            Command::Versions(versions) => drive(versions, surroundings).await,
            Command::Rollback(rollback) => drive(rollback, surroundings).await,
            Command::Destroy(destroy) => drive(destroy, surroundings).await,
            Command::Import(import) => drive(import, surroundings).await,
        }
    }
}

/// Who may ever read a value, as it is written on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum VisibilityName {
    /// A builder with the reveal grant, one value at a time, on record.
    Masked,
    /// Nobody, ever again; agents use it as before.
    Restricted,
}

impl From<VisibilityName> for Visibility {
    fn from(name: VisibilityName) -> Self {
        match name {
            VisibilityName::Masked => Self::Masked,
            VisibilityName::Restricted => Self::Restricted,
        }
    }
}

/// One secret, in words for people.
fn told(secret: Option<&v1::Secret>) -> String {
    let Some(secret) = secret else { return String::new() };
    let v1::Secret {
        name,
        uid,
        visibility: _,
        description,
        has_value,
        has_override: _,
        default_version,
        default_etag,
        etag,
        create_time,
        update_time,
        delete_time,
        purge_time,
        aliases,
    } = secret;
    table::fields([
        ("name", name.clone()),
        ("visibility", words::visibility(secret.visibility()).to_owned()),
        ("description", description.clone()),
        ("has a value", words::yes(*has_value).to_owned()),
        ("default version", words::version(*default_version)),
        ("default etag", default_etag.clone()),
        ("aliases", aliases.join(" ")),
        ("uid", uid.clone()),
        ("created", words::time(*create_time)),
        ("updated", words::time(*update_time)),
        ("deleted", words::time(*delete_time)),
        ("purged from", words::time(*purge_time)),
        ("etag", etag.clone()),
    ])
}

/// A slot, in words for people: `STRIPE_KEY` or `STRIPE_KEY in staging, live`.
pub(crate) fn place(id: &str, slot: &v1::Slot) -> String {
    let place = match &slot.slot {
        Some(Which::Override(of)) => {
            format!("{id} in {}, {}", of.environment, words::stage(of.stage()))
        }
        _ => id.to_owned(),
    };
    table::plain(&place)
}
