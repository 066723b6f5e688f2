//! `waxseal env create`

use super::FallbackName;
use crate::failure::Failure;
use crate::options::{Flags, Once, ProjectOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1::{self, Fallback};

/// Makes an environment.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Create {
    /// The id: lower-case letters, digits and inner hyphens, beginning with a letter.
    #[arg(value_name = "ENVIRONMENT")]
    id: String,

    /// A name for people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,

    /// Whether defaults are used here.
    #[arg(long, value_name = "FALLBACK", value_enum, default_value = "allow")]
    fallback: FallbackName,

    /// Whether only an admin may change what its live stage resolves.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set)]
    protected: bool,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal env create staging -p shop
  waxseal env create production -p shop --fallback deny --protected true";

impl Verb for Create {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, display_name, fallback, protected, once, project: _ } = self;
        let request_id = once.id();
        let fallback = Fallback::from(fallback).into();
        let environment =
            v1::Environment { display_name, fallback, protected, ..Default::default() };
        let request = v1::CreateEnvironmentRequest {
            parent: session.project()?,
            environment_id: id,
            environment: Some(environment),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.environments().create_environment(request).await
        });
        session.show(&call.await?, |made| super::told(made.environment.as_ref()))
    }
}
