//! `waxseal secret update`

use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Changes the description of a secret.
///
/// `waxseal secret set` changes its value, `rename` its name, and `restrict` its visibility.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Update {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// What it is for; an empty text takes it away. It is not encrypted.
    #[arg(long, value_name = "TEXT")]
    description: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Example:
  waxseal secret update MAPS_KEY -p shop --description \"Draws the maps\"";

impl Verb for Update {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, description, change, project: _ } = self;
        let name = session.secret(&id)?;
        let request_id = change.id();
        let request = v1::UpdateSecretRequest {
            secret: Some(v1::Secret { name, description, ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["description".to_owned()] }),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().update_secret(request).await
        });
        session.show(&call.await?, |now| super::told(now.secret.as_ref()))
    }
}
