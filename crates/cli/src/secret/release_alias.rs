//! `waxseal secret release-alias`

use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Takes an old name from a secret: agents that still use it no longer find the secret.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReleaseAlias {
    /// The present name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// The old name to release.
    #[arg(value_name = "ALIAS")]
    alias: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Example:
  waxseal secret release-alias STRIPE_LIVE_KEY STRIPE_KEY -p shop";

impl Verb for ReleaseAlias {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, alias, change, project: _ } = self;
        let request_id = change.id();
        let request = v1::ReleaseSecretAliasRequest {
            name: session.secret(&id)?,
            alias,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().release_secret_alias(request).await
        });
        session.show(&call.await?, |now| super::told(now.secret.as_ref()))
    }
}
