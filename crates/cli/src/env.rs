//! `waxseal env`: independent copies of an agent, each with a draft and a live stage.

mod clone;
mod create;
mod delete;
mod get;
mod list;
mod update;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{table, words};
use waxseal_proto::v1::{self, Fallback};

/// Environments: independent copies of an agent, each with a draft and a live stage.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Env {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(create::Create),
    Get(get::Get),
    List(list::List),
    Update(update::Update),
    Delete(delete::Delete),
    Clone(clone::Clone),
}

const EXAMPLES: &str = "\
Examples:
  waxseal env list -p shop
  waxseal env create production -p shop --fallback deny --protected true
  waxseal env clone production experiment -p shop    its settings, and no value

With --fallback deny an environment refuses defaults: a secret without an override of its own is
unset there. On a protected one only an admin may change what its live stage resolves.";

impl Env {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => drive(create, surroundings).await,
            Command::Get(get) => drive(get, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Update(update) => drive(update, surroundings).await,
            Command::Delete(delete) => drive(delete, surroundings).await,
            Command::Clone(clone) => drive(clone, surroundings).await,
        }
    }
}

/// Whether defaults are used in an environment, as it is written on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FallbackName {
    /// A secret without an override there has its default.
    Allow,
    /// A secret without an override there is unset.
    Deny,
}

impl From<FallbackName> for Fallback {
    fn from(name: FallbackName) -> Self {
        match name {
            FallbackName::Allow => Self::Allow,
            FallbackName::Deny => Self::Deny,
        }
    }
}

/// One environment, in words for people.
fn told(environment: Option<&v1::Environment>) -> String {
    let Some(environment) = environment else { return String::new() };
    let v1::Environment {
        name,
        uid,
        display_name,
        fallback: _,
        protected,
        create_time,
        update_time,
        etag,
    } = environment;
    table::fields([
        ("name", name.clone()),
        ("display name", display_name.clone()),
        ("fallback", words::fallback(environment.fallback()).to_owned()),
        ("protected", words::yes(*protected).to_owned()),
        ("uid", uid.clone()),
        ("created", words::time(*create_time)),
        ("updated", words::time(*update_time)),
        ("etag", etag.clone()),
    ])
}
