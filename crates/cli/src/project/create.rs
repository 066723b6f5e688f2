//! `waxseal project create`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Makes a project and, in it, the environment main.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal project create shop --display-name \"The shop\"")]
pub(super) struct Create {
    /// The id: lower-case letters, digits and inner hyphens, beginning with a letter.
    #[arg(value_name = "PROJECT")]
    id: String,

    /// A name for people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Create {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, display_name, once, server: _ } = self;
        let request_id = once.id();
        let request = v1::CreateProjectRequest {
            project_id: id,
            project: Some(v1::Project { display_name, ..Default::default() }),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().create_project(request).await
        });
        session.show(&call.await?, |made| super::told(made.project.as_ref()))
    }
}
