//! `waxseal project undelete`

use crate::failure::Failure;
use crate::options::{Change, Flags, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Brings a deleted project back with all that was in it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal project undelete shop")]
pub(super) struct Undelete {
    /// The id of the project.
    #[arg(value_name = "PROJECT")]
    id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Undelete {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, change, server: _ } = self;
        let request_id = change.id();
        let request = v1::UndeleteProjectRequest {
            name: format!("projects/{id}"),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().undelete_project(request).await
        });
        session.show(&call.await?, |back| super::told(back.project.as_ref()))
    }
}
