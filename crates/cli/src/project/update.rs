//! `waxseal project update`

use crate::failure::Failure;
use crate::options::{Change, Flags, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Changes the display name of a project.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal project update shop --display-name \"The new shop\"")]
pub(super) struct Update {
    /// The id of the project.
    #[arg(value_name = "PROJECT")]
    id: String,

    /// The new name for people; an empty one takes it away.
    #[arg(long, value_name = "TEXT")]
    display_name: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Update {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, display_name, change, server: _ } = self;
        let request_id = change.id();
        let name = format!("projects/{id}");
        let request = v1::UpdateProjectRequest {
            project: Some(v1::Project { name, display_name, ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().update_project(request).await
        });
        session.show(&call.await?, |now| super::told(now.project.as_ref()))
    }
}
