//! `waxseal binding`: roles given to principals.

mod create;
mod delete;
mod list;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{table, words};
use waxseal_proto::v1;

/// Bindings: which principal has which role, where, and until when.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Binding {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(create::Create),
    List(list::List),
    Delete(delete::Delete),
}

const EXAMPLES: &str = "\
Examples:
  waxseal binding create ann --role builder --reveal --scope projects/shop
  waxseal binding create agent --role runtime \\
    --scope projects/shop/environments/main/stages/live
  waxseal binding list ann

All of it takes an admin's token whose scope covers that of the binding. Nobody binds a role to
themselves, and no principal both sets values and resolves them in one place.";

impl Binding {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => drive(create, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Delete(delete) => drive(delete, surroundings).await,
        }
    }
}

fn told(bindings: &[v1::Binding]) -> String {
    let rows = bindings.iter().map(|binding| {
        [
            binding.name.clone(),
            words::role(binding.role(), binding.reveal).to_owned(),
            binding.scope.clone(),
            words::time(binding.expire_time),
        ]
    });
    table::text(["BINDING", "ROLE", "SCOPE", "EXPIRES"], rows.collect())
}
