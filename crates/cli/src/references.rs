//! `waxseal references`

use crate::failure::Failure;
use crate::options::{Flags, SlotOptions};
use crate::render::TEXT_BYTES;
use crate::session::{Session, Verb};
use crate::text_input::TextInput;
use crate::{table, words};
use waxseal_proto::v1::{self, ReferenceState};

/// Finds the references to secrets, {secret:NAME}, in a text, and says how each stands.
///
/// With --environment and --stage it says how they stand there. Offset and length count bytes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct References {
    #[command(flatten)]
    input: TextInput,

    /// Fails if a reference cannot be rendered: unset, unknown or deleted.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal references request.json -p shop
  waxseal references request.json -p shop -e production --stage live --check";

impl Verb for References {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { input, check, slot } = self;
        let mut request = v1::ParseReferencesRequest {
            parent: session.project()?,
            text: input.text(TEXT_BYTES)?,
            ..Default::default()
        };
        if slot.is_override() {
            request.environment = session.environment_id()?;
            request.stage = session.stage()?.into();
        }
        let call = session.client.read(request, async |caller, request| {
            caller.secrets().parse_references(request).await
        });
        let found = call.await?;
        session.show(&found, told)?;
        let references = found.references.iter().filter(|found| !renders(found.state())).count();
        match check && references > 0 {
            true => Err(Failure::Unrendered { references }),
            false => Ok(()),
        }
    }
}

fn renders(state: ReferenceState) -> bool {
    matches!(state, ReferenceState::Resolved | ReferenceState::Renamed)
}

fn told(all: &v1::ParseReferencesResponse) -> String {
    let rows = all.references.iter().map(|found| {
        [
            found.secret.clone(),
            words::state(found.state()).to_owned(),
            found.offset.to_string(),
            found.length.to_string(),
        ]
    });
    table::text(["SECRET", "STATE", "OFFSET", "LENGTH"], rows.collect())
}
