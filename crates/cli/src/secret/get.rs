//! `waxseal secret get`

use crate::failure::Failure;
use crate::options::{Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Shows what is known about a secret, and never its value.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal secret get MAPS_KEY -p shop")]
pub(super) struct Get {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Get {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::GetSecretRequest { name: session.secret(&self.id)? };
        let call = session
            .client
            .read(request, async |caller, request| caller.secrets().get_secret(request).await);
        session.show(&call.await?, |got| super::told(got.secret.as_ref()))
    }
}
