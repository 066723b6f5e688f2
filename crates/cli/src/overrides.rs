//! `waxseal override`: values for single environments and stages.

mod clear;
mod import;
mod list;
mod set;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;

/// Overrides: values of secrets for one environment and stage, instead of the default.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Override {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::List),
    Set(set::Set),
    Clear(clear::Clear),
    Import(import::Import),
}

const EXAMPLES: &str = "\
Examples:
  waxseal override list -p shop -e staging --stage live
  waxseal override set STRIPE_KEY -p shop -e staging --stage live < key.txt
  waxseal override import staging.env -p shop -e staging --stage live

The environment and the stage may also come from WAXSEAL_ENVIRONMENT and WAXSEAL_STAGE, or from a
profile. What else there is to do with the value of an override (reveal, verify, versions, rollback,
destroy) `waxseal secret` does, with --environment and --stage.";

impl Override {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::List(list) => drive(list, surroundings).await,
            Command::Set(set) => drive(set, surroundings).await,
            Command::Clear(clear) => drive(clear, surroundings).await,
            Command::Import(import) => drive(import, surroundings).await,
        }
    }
}
