//! `waxseal principal update`

use crate::failure::Failure;
use crate::options::{Change, Flags, ServerOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Changes a principal: its name for people, what it is known by, or whether it is disabled.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal principal update ann --disabled true")]
pub(super) struct Update {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    /// The new name for people; an empty one takes it away.
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,

    /// Whether nobody is let in as this principal.
    #[arg(long, value_name = "BOOL")]
    disabled: Option<bool>,

    /// A SPIFFE id that it is known by from now on, in place of all identities that it has; may be
    /// given more than once.
    #[arg(long, value_name = "ID")]
    spiffe_id: Vec<String>,

    /// Takes all its identities away.
    #[arg(long, conflicts_with = "spiffe_id")]
    no_identities: bool,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Update {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, display_name, disabled, spiffe_id, no_identities, change, server: _ } = self;
        let named = [
            ("display_name", display_name.is_some()),
            ("disabled", disabled.is_some()),
            ("identities", no_identities || !spiffe_id.is_empty()),
        ];
        let paths: Vec<_> =
            named.iter().filter(|(_, is)| *is).map(|(path, _)| (*path).to_owned()).collect();
        if paths.is_empty() {
            let options = "give --display-name, --disabled, --spiffe-id or --no-identities";
            return Err(Failure::NothingToChange { options });
        }
        let principal = v1::Principal {
            name: super::name(&id),
            display_name: display_name.unwrap_or_default(),
            disabled: disabled.unwrap_or_default(),
            identities: super::identities(spiffe_id),
            ..Default::default()
        };
        let request_id = change.id();
        let request = v1::UpdatePrincipalRequest {
            principal: Some(principal),
            update_mask: Some(prost_types::FieldMask { paths }),
            etag: change.etag(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.access().update_principal(request).await
        });
        session.show(&call.await?, |now| super::told(now.principal.as_ref()))
    }
}
