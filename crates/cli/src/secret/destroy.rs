//! `waxseal secret destroy`

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, SlotOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Destroys one version of a slot for good: its key and its value. Not the current one.
///
/// It takes an admin's token. Backups made before it stay as they are.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Destroy {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// The number of the version.
    #[arg(value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    version: i64,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret destroy MAPS_KEY 3 -p shop
  waxseal secret destroy MAPS_KEY 3 -p shop -e staging --stage live --yes";

impl Verb for Destroy {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, version, consent, change, slot } = self;
        let slot = session.slot(&slot)?;
        let name = session.secret(&id)?;
        let place = super::place(&id, &slot);
        let question = format!("Destroy version {version} of {place}? It cannot be brought back.");
        consent.ask(&question).await?;
        let request_id = change.id();
        let request = v1::DestroySecretVersionRequest {
            name,
            slot: Some(slot),
            version,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().destroy_secret_version(request).await
        });
        session.show(&call.await?, |_| format!("{place}: version {version} is destroyed\n"))
    }
}
