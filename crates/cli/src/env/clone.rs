//! `waxseal env clone`

use crate::failure::Failure;
use crate::options::{Flags, Once, ProjectOptions};
use crate::session::{Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Makes an environment with the settings of another one, and none of its overrides.
///
/// It prints which overrides the source has, and the new one therefore lacks.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal env clone production experiment -p shop")]
pub(super) struct Clone {
    /// The id of the environment to clone.
    #[arg(value_name = "SOURCE")]
    source: String,

    /// The id of the new environment.
    #[arg(value_name = "ENVIRONMENT")]
    id: String,

    /// A name for people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for Clone {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { source, id, display_name, once, project: _ } = self;
        let request_id = once.id();
        let request = v1::CloneEnvironmentRequest {
            name: session.environment_named(&source)?,
            environment_id: id,
            display_name,
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.environments().clone_environment(request).await
        });
        session.show(&call.await?, told)
    }
}

fn told(made: &v1::CloneEnvironmentResponse) -> String {
    let v1::CloneEnvironmentResponse { environment, overrides_not_copied, revision: _ } = made;
    let environment = super::told(environment.as_ref());
    if overrides_not_copied.is_empty() {
        return environment;
    }
    let rows = overrides_not_copied
        .iter()
        .map(|missing| [missing.secret.clone(), words::stage(missing.stage()).to_owned()]);
    let rows = table::text(["SECRET", "STAGE"], rows.collect());
    format!(
        "{environment}\nOverrides of the source that it lacks; `waxseal override set` makes them:\n\
         {rows}"
    )
}
