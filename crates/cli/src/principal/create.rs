//! `waxseal principal create`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Makes a principal, without any right.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  waxseal principal create ann --display-name \"Ann of the shop\""
)]
pub(super) struct Create {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    /// A name for people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,

    /// A SPIFFE id that it is known by; may be given more than once.
    #[arg(long, value_name = "ID")]
    spiffe_id: Vec<String>,

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
        let Self { id, display_name, spiffe_id, once, server: _ } = self;
        let request_id = once.id();
        let identities = super::identities(spiffe_id);
        let request = v1::CreatePrincipalRequest {
            principal_id: id,
            principal: Some(v1::Principal { display_name, identities, ..Default::default() }),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().create_principal(request).await
        });
        session.show(&call.await?, |made| super::told(made.principal.as_ref()))
    }
}
