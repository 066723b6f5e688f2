//! `waxseal secret list`

use crate::failure::Failure;
use crate::options::{Flags, SlotOptions};
use crate::session::{Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the secrets of a project, and never a value.
///
/// With --environment and --stage it also says which have an override there.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only those whose name begins with this.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,

    /// Lists deleted ones that are not purged yet as well.
    #[arg(long)]
    show_deleted: bool,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret list -p shop
  waxseal secret list -p shop --prefix STRIPE_ -e staging --stage live
  waxseal secret list -p shop --output json | jq -r '.secrets[] | select(.hasValue | not).name'";

impl Verb for List {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { prefix, show_deleted, slot } = self;
        let mut request = v1::ListSecretsRequest {
            parent: session.project()?,
            prefix,
            show_deleted,
            ..Default::default()
        };
        if slot.is_override() {
            request.environment = session.environment_id()?;
            request.stage = session.stage()?.into();
        }
        session.show(&session.secrets(request).await?, told)
    }
}

fn told(all: &v1::ListSecretsResponse) -> String {
    let rows = all.secrets.iter().map(|secret| {
        let overridden = secret.has_override.map(words::yes).unwrap_or_default();
        let value = match secret {
            v1::Secret { delete_time: Some(_), .. } => "(deleted)".to_owned(),
            v1::Secret { has_value: true, default_version, .. } => {
                format!("version {default_version}")
            }
            _ => "no value".to_owned(),
        };
        [
            words::id(&secret.name).to_owned(),
            words::visibility(secret.visibility()).to_owned(),
            value,
            overridden.to_owned(),
            secret.description.clone(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if all.secrets.iter().any(|secret| secret.has_override.is_some()) {
        return table::text(["SECRET", "VISIBILITY", "DEFAULT", "OVERRIDE", "DESCRIPTION"], rows);
    }
    let rows = rows
        .into_iter()
        .map(|[id, visibility, value, _, description]| [id, visibility, value, description]);
    table::text(["SECRET", "VISIBILITY", "DEFAULT", "DESCRIPTION"], rows.collect())
}
