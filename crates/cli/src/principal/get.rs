//! `waxseal principal get`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Shows a principal.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal principal get ann")]
pub(super) struct Get {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Get {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::GetPrincipalRequest { name: super::name(&self.id) };
        let call = session
            .client
            .read(request, async |caller, request| caller.access().get_principal(request).await);
        session.show(&call.await?, |found| super::told(found.principal.as_ref()))
    }
}
