//! `waxseal project duplicate`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Makes a project with the structure of another one, and no value of it.
///
/// Environments with their settings, and the names and visibility of the secrets. It prints which
/// secrets need a value.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal project duplicate shop shop-next")]
pub(super) struct Duplicate {
    /// The id of the project to duplicate.
    #[arg(value_name = "SOURCE")]
    source: String,

    /// The id of the new project.
    #[arg(value_name = "PROJECT")]
    id: String,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Duplicate {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { source, id, once, server: _ } = self;
        let request_id = once.id();
        let request = v1::DuplicateProjectRequest {
            name: format!("projects/{source}"),
            project_id: id,
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().duplicate_project(request).await
        });
        session.show(&call.await?, |made| {
            super::told(made.project.as_ref()) + &super::needing_value(&made.secrets_needing_value)
        })
    }
}
