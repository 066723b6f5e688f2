//! `waxseal import`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::project;
use crate::session::{Session, Verb};
use crate::text_input::TextInput;
use waxseal_proto::v1;

/// The most that a server takes.
const DOCUMENT_BYTES: usize = 1 << 20;

/// Makes a project from a document that `waxseal export` printed, or that was written by hand.
///
/// Every secret of it is a placeholder; it prints which need a value. The values of a .env file are
/// the business of `waxseal secret import` and `waxseal override import`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// The id of the new project.
    #[arg(value_name = "PROJECT")]
    id: String,

    #[command(flatten)]
    input: TextInput,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal import shop-next shop.json
  waxseal export -p shop | waxseal import shop-next --address unix:/run/other.sock";

impl Verb for Import {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, input, once, server: _ } = self;
        let request_id = once.id();
        let request = v1::ImportProjectRequest {
            project_id: id,
            document: input.text(DOCUMENT_BYTES)?,
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.projects().import_project(request).await
        });
        session.show(&call.await?, |made| {
            project::told(made.project.as_ref())
                + &project::needing_value(&made.secrets_needing_value)
        })
    }
}
