//! `waxseal secret clear`

use crate::failure::Failure;
use crate::options::{Change, Flags, SlotOptions};
use crate::session::{Session, Verb};
use waxseal_proto::v1;

/// Takes the value of a slot away: the default, or an override, which lets the default through.
///
/// What was there is kept, and `waxseal secret rollback` brings it back.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Clear {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret clear MAPS_KEY -p shop
  waxseal secret clear MAPS_KEY -p shop -e staging --stage live    the override there";

impl Verb for Clear {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, change, slot } = self;
        empty(session, &id, session.slot(&slot)?, &change).await
    }
}

/// Takes the value of a slot away.
pub(crate) async fn empty(
    session: &Session<'_>,
    id: &str,
    slot: v1::Slot,
    change: &Change,
) -> Result<(), Failure> {
    let place = super::place(id, &slot);
    let request_id = change.id();
    let request = v1::ClearSecretValueRequest {
        name: session.secret(id)?,
        slot: Some(slot),
        etag: change.etag(),
        request_id: request_id.clone(),
    };
    let call = session.client.change(&request_id, request, async |caller, request| {
        caller.secrets().clear_secret_value(request).await
    });
    session.show(&call.await?, |cleared| format!("{place}: cleared, version {}\n", cleared.version))
}
