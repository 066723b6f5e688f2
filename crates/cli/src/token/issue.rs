//! `waxseal token issue`

use super::{lifetime, roles};
use crate::failure::Failure;
use crate::options::{Flags, Once, ServerOptions};
use crate::session::{Session, Verb};
use crate::{principal, words};
use std::time::Duration;
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

/// Makes a token of a principal and prints it, this once.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  waxseal token issue ann --role builder --scope projects/shop --expires 8h"
)]
pub(super) struct Issue {
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

    /// For how long: a number and s, m, h or d, at most 366d.
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Duration,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Issue {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, role, scope, reveal, expires, once, server: _ } = self;
        let request_id = once.id();
        let api_token = v1::ApiToken {
            role: words::role_sent(role).into(),
            reveal,
            scope,
            expire_time: Some(words::time_from_now(expires).into()),
            ..Default::default()
        };
        let request = v1::CreateApiTokenRequest {
            parent: principal::name(&id),
            api_token: Some(api_token),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().create_api_token(request).await
        });
        session.show(&call.await?, |made| format!("{}\n", made.token))
    }
}
