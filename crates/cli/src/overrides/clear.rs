//! `waxseal override clear`

use crate::failure::Failure;
use crate::options::{Change, Flags, ViewOptions};
use crate::secret;
use crate::session::{Session, Verb};

/// Takes an override away: the default, if there is one and it is allowed, shows through again.
///
/// What was there is kept, and `waxseal secret rollback` brings it back.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Clear {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    view: ViewOptions,
}

const EXAMPLES: &str = "\
Example:
  waxseal override clear STRIPE_KEY -p shop -e staging --stage live";

impl Verb for Clear {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, change, view: _ } = self;
        secret::empty(session, &id, session.override_slot()?, &change).await
    }
}
