//! `waxseal env update`

use super::FallbackName;
use crate::failure::Failure;
use crate::options::{Change, Flags, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1::{self, Fallback};

/// Changes the settings of an environment; those that are not named stay as they are.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Update {
    /// The id of the environment.
    #[arg(value_name = "ENVIRONMENT")]
    id: String,

    /// A name for people; an empty one takes it away.
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,

    /// Whether defaults are used here.
    #[arg(long, value_name = "FALLBACK", value_enum)]
    fallback: Option<FallbackName>,

    /// Whether only an admin may change what its live stage resolves.
    #[arg(long, value_name = "BOOL")]
    protected: Option<bool>,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal env update production -p shop --fallback deny
  waxseal env update staging -p shop --protected false --display-name Trial";

impl Verb for Update {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, display_name, fallback, protected, change, project: _ } = self;
        let named = [
            ("display_name", display_name.is_some()),
            ("fallback", fallback.is_some()),
            ("protected", protected.is_some()),
        ];
        let paths: Vec<_> = named.iter().filter(|(_, given)| *given).collect();
        let paths: Vec<_> = paths.into_iter().map(|(path, _)| (*path).to_owned()).collect();
        if paths.is_empty() {
            let options = "give --display-name, --fallback or --protected";
            return Err(Failure::NothingToChange { options });
        }
        let environment = v1::Environment {
            name: session.environment_named(&id)?,
            display_name: display_name.unwrap_or_default(),
            fallback: fallback.map(Fallback::from).unwrap_or_default().into(),
            protected: protected.unwrap_or_default(),
            ..Default::default()
        };
        let request_id = change.id();
        let request = v1::UpdateEnvironmentRequest {
            environment: Some(environment),
            update_mask: Some(prost_types::FieldMask { paths }),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.environments().update_environment(request).await
        });
        session.show(&call.await?, |now| super::told(now.environment.as_ref()))
    }
}
