//! `waxseal binding create`

use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use crate::token::{lifetime, roles};
use crate::{principal, words};
use std::time::Duration;
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

/// Binds a role to a principal, somewhere.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  waxseal binding create ann --role builder --reveal --scope projects/shop"
)]
pub(super) struct Create {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    /// The role.
    #[arg(long, value_parser = roles(), value_name = "ROLE")]
    role: Role,

    /// Where: deployment, projects/PROJECT, or
    /// projects/PROJECT/environments/ENVIRONMENT/stages/STAGE with the stage draft or live.
    #[arg(long, value_name = "SCOPE")]
    scope: String,

    /// Lets a builder reveal the values of masked secrets.
    #[arg(long)]
    reveal: bool,

    /// For how long: a number and s, m, h or d, at most 366d; without it for ever.
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<Duration>,

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
        let Self { id, role, scope, reveal, expires, once, server: _ } = self;
        let request_id = once.id();
        let binding = v1::Binding {
            role: words::role_sent(role).into(),
            reveal,
            scope,
            expire_time: expires.map(|life| words::time_from_now(life).into()),
            ..Default::default()
        };
        let request = v1::CreateBindingRequest {
            parent: principal::name(&id),
            binding: Some(binding),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().create_binding(request).await
        });
        session.show(&call.await?, |made| super::told(made.binding.as_slice()))
    }
}
