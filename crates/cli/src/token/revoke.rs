//! `waxseal token revoke`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Revokes a token, at once and for good.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal token revoke principals/ann/tokens/4fT0aZq81LxB")]
pub(super) struct Revoke {
    /// The full name of the token, as `waxseal token list` shows it.
    #[arg(value_name = "TOKEN")]
    name: String,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Revoke {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { name, once, server: _ } = self;
        let request_id = once.id();
        let request = v1::RevokeApiTokenRequest { name, request_id: request_id.clone() };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().revoke_api_token(request).await
        });
        session.show(&call.await?, |now| super::told(now.api_token.as_slice()))
    }
}
