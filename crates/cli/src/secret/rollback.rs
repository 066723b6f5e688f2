//! `waxseal secret rollback`

use crate::failure::Failure;
use crate::options::{Change, Flags, SlotOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Makes a kept version of a slot the current one again. It also restores a cleared slot.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Rollback {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// The number of the version.
    #[arg(value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    version: i64,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret versions MAPS_KEY -p shop
  waxseal secret rollback MAPS_KEY 3 -p shop
  waxseal secret rollback MAPS_KEY 3 -p shop -e staging --stage live";

impl Verb for Rollback {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, version, change, slot } = self;
        let slot = session.slot(&slot)?;
        let place = super::place(&id, &slot);
        let request_id = change.id();
        let request = v1::RollbackSecretValueRequest {
            name: session.secret(&id)?,
            slot: Some(slot),
            version,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().rollback_secret_value(request).await
        });
        session.show(&call.await?, |now| format!("{place}: version {}\n", now.version))
    }
}
