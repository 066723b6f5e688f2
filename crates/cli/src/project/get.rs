//! `waxseal project get`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Shows one project, also a deleted one that is not purged yet.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal project get shop")]
pub(super) struct Get {
    /// The id of the project.
    #[arg(value_name = "PROJECT")]
    id: String,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Get {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::GetProjectRequest { name: format!("projects/{}", self.id) };
        let call = session
            .client
            .read(request, async |caller, request| caller.projects().get_project(request).await);
        session.show(&call.await?, |got| super::told(got.project.as_ref()))
    }
}
