//! `waxseal principal delete`

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, ServerOptions};
use crate::session::{Session, Verb};
use crate::table;
use waxseal_proto::v1;

/// Deletes a principal with its bindings and tokens, for good.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal principal delete ann")]
pub(super) struct Delete {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Delete {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, consent, change, server: _ } = self;
        let shown = table::plain(&id);
        consent.ask(&format!("Delete {shown}? Its tokens are good for nothing then.")).await?;
        let request_id = change.id();
        let request = v1::DeletePrincipalRequest {
            name: super::name(&id),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().delete_principal(request).await
        });
        session.show(&call.await?, |_| String::new())
    }
}
