//! `waxseal override set`

use crate::failure::Failure;
use crate::options::{Change, Flags, ViewOptions};
use crate::secret;
use crate::session::{Session, Verb};
use crate::value::ValueOptions;

/// Writes an override: the value of a secret in one environment and stage.
///
/// The value is read from standard input, less one newline at its end, from a file, or, where
/// standard input is a terminal, asked for twice without showing it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Set {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    value: ValueOptions,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    view: ViewOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal override set STRIPE_KEY -p shop -e staging --stage live
  pass stripe | waxseal override set STRIPE_KEY -p shop -e staging --stage live";

impl Verb for Set {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, value, change, view: _ } = self;
        secret::write(session, &id, session.override_slot()?, &value, &change).await
    }
}
