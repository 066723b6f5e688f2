//! `waxseal keys`: the wrapping keys, under which every data key is.

mod migrate;
mod rewrap;
mod rotate;
mod status;

use crate::failure::Complaint;
use crate::options::Format;
use crate::session::drive;
use crate::surroundings::Surroundings;

/// Wrapping keys: which are in use, a new one, and moving every data key to it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Status(status::Status),
    Rewrap(rewrap::Rewrap),
    Rotate(rotate::Rotate),
    Migrate(migrate::Migrate),
}

const EXAMPLES: &str = "\
Examples:
  waxseal keys status                                  with a keyholder's token
  waxseal keys rotate --data-dir /var/lib/waxseal      a new key in the local key file
  waxseal keys rewrap                                  then, after a restart of the server
  waxseal keys migrate --data-dir DIR --kms-key KEY    from the key file to AWS KMS

A value is sealed under a data key of its own, and that is wrapped under a wrapping key. Rewrapping
moves data keys to the active wrapping key and touches no value. The old wrapping key has to stay
where it is until nothing is under it any more, and for as long as backups from before are kept.";

impl Keys {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        let locally = |failure| Complaint { failure, format: Format::Table };
        match self.command {
            Command::Status(status) => drive(status, surroundings).await,
            Command::Rewrap(rewrap) => drive(rewrap, surroundings).await,
            Command::Rotate(rotate) => rotate.run().map_err(locally),
            Command::Migrate(migrate) => migrate.run().await.map_err(locally),
        }
    }
}
