//! `waxseal secret rename`

use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Gives a secret another name.
///
/// The old one stays an alias, so that running agents go on, until `waxseal secret release-alias`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal secret rename STRIPE_KEY STRIPE_LIVE_KEY -p shop")]
pub(super) struct Rename {
    /// The present name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// The new one.
    #[arg(value_name = "NEW_NAME")]
    new_id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Rename {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, new_id, change, project: _ } = self;
        let request_id = change.id();
        let request = v1::RenameSecretRequest {
            name: session.secret(&id)?,
            new_secret_id: new_id,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().rename_secret(request).await
        });
        session.show(&call.await?, |now| super::told(now.secret.as_ref()))
    }
}
