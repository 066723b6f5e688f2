//! `waxseal secret delete`

use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Deletes a secret: its default and all overrides stop resolving at once.
///
/// Until it is purged, by default after 30 days, `waxseal secret undelete` brings all of it back,
/// and nobody else takes its name.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal secret delete MAPS_KEY -p shop")]
pub(super) struct Delete {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Delete {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, change, project: _ } = self;
        let request_id = change.id();
        let request = v1::DeleteSecretRequest {
            name: session.secret(&id)?,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().delete_secret(request).await
        });
        session.show(&call.await?, |gone| super::told(gone.secret.as_ref()))
    }
}
