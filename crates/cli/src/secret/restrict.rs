//! `waxseal secret restrict`: the ratchet.

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use crate::table;
use waxseal_proto::v1::{self, Visibility};

/// Makes a masked secret restricted, for good: nobody ever reveals a value of it again.
///
/// That covers its default, all overrides and all kept versions. Agents use it as before. Backups
/// made before it stay as readable as they were.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Restrict {
    /// The name of the secret.
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
Examples:
  waxseal secret restrict MAPS_KEY -p shop
  waxseal secret restrict MAPS_KEY -p shop --yes    in a script";

impl Verb for Restrict {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, consent, change, project: _ } = self;
        let name = session.secret(&id)?;
        let shown = table::plain(&id);
        consent
            .ask(&format!("Nobody will ever reveal {shown} again. There is no way back. Go on?"))
            .await?;
        let visibility = Visibility::Restricted.into();
        let request_id = change.id();
        let request = v1::UpdateSecretRequest {
            secret: Some(v1::Secret { name, visibility, ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["visibility".to_owned()] }),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().update_secret(request).await
        });
        session.show(&call.await?, |now| super::told(now.secret.as_ref()))
    }
}
