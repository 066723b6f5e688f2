//! `waxseal env get`

use crate::failure::Failure;
use crate::options::{Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Shows one environment.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal env get staging -p shop")]
pub(super) struct Get {
    /// The id of the environment.
    #[arg(value_name = "ENVIRONMENT")]
    id: String,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Get {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = session.environment_named(&self.id)?;
        let request = v1::GetEnvironmentRequest { name };
        let call = session.client.read(request, async |caller, request| {
            caller.environments().get_environment(request).await
        });
        session.show(&call.await?, |got| super::told(got.environment.as_ref()))
    }
}
