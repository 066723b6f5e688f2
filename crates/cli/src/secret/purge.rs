//! `waxseal secret purge`

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use crate::table;
use waxseal_proto::v1;

/// Removes a deleted secret for good, before its time: its keys, values, name and aliases.
///
/// It takes an admin's token. Backups made before it stay as they are.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Purge {
    /// The name of the deleted secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Example:
  waxseal secret delete MAPS_KEY -p shop && waxseal secret purge MAPS_KEY -p shop";

impl Verb for Purge {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, consent, change, project: _ } = self;
        let name = session.secret(&id)?;
        let shown = table::plain(&id);
        consent.ask(&format!("Remove {shown} for good? It cannot be brought back.")).await?;
        let request_id = change.id();
        let request =
            v1::PurgeSecretRequest { name, etag: change.etag(), request_id: request_id.clone() };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().purge_secret(request).await
        });
        session.show(&call.await?, |_| format!("{shown}: purged\n"))
    }
}
