//! `waxseal project delete`

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, ServerOptions};
use crate::session::{Session, Verb};
use crate::table;
use waxseal_proto::v1;

/// Deletes a project: everything in it stops resolving at once.
///
/// Until it is purged, by default after 30 days, `waxseal project undelete` brings all of it back.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Delete {
    /// The id of the project.
    #[arg(value_name = "PROJECT")]
    id: String,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    server: ServerOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal project delete shop
  waxseal project delete shop --yes    in a script";

impl Verb for Delete {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, consent, change, server: _ } = self;
        let shown = table::plain(&id);
        consent.ask(&format!("Delete {shown}? Its agents find nothing from then on.")).await?;
        let request_id = change.id();
        let request = v1::DeleteProjectRequest {
            name: format!("projects/{id}"),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().delete_project(request).await
        });
        session.show(&call.await?, |gone| super::told(gone.project.as_ref()))
    }
}
