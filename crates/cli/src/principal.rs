//! `waxseal principal`: who may do something.

mod create;
mod delete;
mod get;
mod list;
mod update;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{table, words};
use waxseal_proto::v1::{self, identity::Identity};

/// Principals: people and programs that hold rights.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Principal {
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
}

const EXAMPLES: &str = "\
Examples:
  waxseal principal create ann --display-name \"Ann of the shop\"
  waxseal principal create agent --spiffe-id spiffe://example.org/ns/prod/sa/agent
  waxseal principal update ann --disabled true    nobody is let in as her from now on

All of it takes an admin's token whose scope is the deployment. `waxseal binding` gives a principal
its rights, and `waxseal token issue` a token.";

impl Principal {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => drive(create, surroundings).await,
            Command::Get(get) => drive(get, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Update(update) => drive(update, surroundings).await,
            Command::Delete(delete) => drive(delete, surroundings).await,
        }
    }
}

/// The full name of a principal.
pub(crate) fn name(id: &str) -> String {
    format!("principals/{id}")
}

fn identities(spiffe_ids: Vec<String>) -> Vec<v1::Identity> {
    let known = |id| v1::Identity { identity: Some(Identity::SpiffeId(id)) };
    spiffe_ids.into_iter().map(known).collect()
}

/// What a principal is known by, in words for people.
pub(crate) fn identity(identity: &v1::Identity) -> String {
    match &identity.identity {
        Some(Identity::SpiffeId(id)) => id.clone(),
        Some(Identity::Workload(v1::Workload { issuer, subject })) => {
            format!("{subject} of {issuer}")
        }
        None => String::new(),
    }
}

/// One principal, in words for people.
fn told(principal: Option<&v1::Principal>) -> String {
    let Some(principal) = principal else { return String::new() };
    let known: Vec<_> = principal.identities.iter().map(identity).collect();
    table::fields([
        ("name", principal.name.clone()),
        ("display name", principal.display_name.clone()),
        ("uid", principal.uid.clone()),
        ("known by", known.join(", ")),
        ("disabled", words::yes(principal.disabled).to_owned()),
        ("created", words::time(principal.create_time)),
        ("updated", words::time(principal.update_time)),
        ("etag", principal.etag.clone()),
    ])
}
