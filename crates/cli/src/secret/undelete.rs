//! `waxseal secret undelete`

use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Brings a deleted secret back with its default and all overrides.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal secret undelete MAPS_KEY -p shop")]
pub(super) struct Undelete {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Undelete {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, change, project: _ } = self;
        let request_id = change.id();
        let request = v1::UndeleteSecretRequest {
            name: session.secret(&id)?,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().undelete_secret(request).await
        });
        session.show(&call.await?, |back| super::told(back.secret.as_ref()))
    }
}
