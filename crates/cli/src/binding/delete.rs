//! `waxseal binding delete`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Deletes a binding: what it gave ends at once.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  waxseal binding delete principals/ann/bindings/0198c5e2-7f3a-7c00-8000-0198c5e27f3a"
)]
pub(super) struct Delete {
    /// The full name of the binding, as `waxseal binding list` shows it.
    #[arg(value_name = "BINDING")]
    name: String,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Delete {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { name, once, server: _ } = self;
        let request_id = once.id();
        let request = v1::DeleteBindingRequest { name, request_id: request_id.clone() };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().delete_binding(request).await
        });
        session.show(&call.await?, |_| String::new())
    }
}
