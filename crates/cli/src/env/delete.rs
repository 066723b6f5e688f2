//! `waxseal env delete`

use crate::failure::Failure;
use crate::options::{Change, Consent, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use crate::table;
use waxseal_proto::v1;

/// Deletes an environment for good, with its overrides only if --force says so.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Delete {
    /// The id of the environment; not main.
    #[arg(value_name = "ENVIRONMENT")]
    id: String,

    /// Deletes overrides that hold a value with it.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal env delete experiment -p shop
  waxseal env delete experiment -p shop --force --yes";

impl Verb for Delete {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, force, consent, change, project: _ } = self;
        let name = session.environment_named(&id)?;
        let shown = table::plain(&name);
        consent.ask(&format!("Delete {shown}? It cannot be brought back.")).await?;
        let request_id = change.id();
        let request = v1::DeleteEnvironmentRequest {
            name,
            force,
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.environments().delete_environment(request).await
        });
        session.show(&call.await?, |_| format!("{shown}: deleted\n"))
    }
}
