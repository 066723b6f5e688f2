//! `waxseal secret create`

use super::VisibilityName;
use crate::failure::Failure;
use crate::options::{Flags, Once, ProjectOptions};
use crate::session::{Session, Verb};
use crate::value::ValueOptions;
use waxseal_proto::v1::{self, Visibility};

/// Makes a secret with a default value, or without one by --placeholder.
///
/// The value is read from standard input, less one newline at its end, from a file, or, where
/// standard input is a terminal, asked for without showing it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Create {
    /// The name: letters, digits and underscores, not a digit first.
    #[arg(value_name = "SECRET")]
    id: String,

    /// Who may ever read its values.
    #[arg(long, value_name = "VISIBILITY", value_enum)]
    visibility: VisibilityName,

    /// What it is for. It is not encrypted.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,

    /// Makes it without a value, to be set later.
    #[arg(long, conflicts_with_all = ["file", "binary"])]
    placeholder: bool,

    #[command(flatten)]
    value: ValueOptions,

    #[command(flatten)]
    once: Once,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret create MAPS_KEY -p shop --visibility masked               asks for the value
  pass maps | waxseal secret create MAPS_KEY -p shop --visibility masked
  waxseal secret create TLS_KEY -p shop --visibility restricted --file tls.key
  waxseal secret create SLACK_TOKEN -p shop --visibility restricted --placeholder";

impl Verb for Create {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, visibility, description, placeholder, value, once, project: _ } = self;
        let parent = session.project()?;
        let payload = if placeholder { None } else { Some(value.read(&id).await?) };
        let visibility = Visibility::from(visibility).into();
        let request_id = once.id();
        let request = v1::CreateSecretRequest {
            parent,
            secret_id: id.clone(),
            secret: Some(v1::Secret { visibility, description, ..Default::default() }),
            payload,
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().create_secret(request).await
        });
        let made = call.await?;
        session.warn(&id, &made.warnings);
        session.show(&made, |made| super::told(made.secret.as_ref()))
    }
}
