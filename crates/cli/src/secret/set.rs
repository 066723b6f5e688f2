//! `waxseal secret set`

use crate::failure::Failure;
use crate::options::{Change, Flags, SlotOptions};
use crate::session::{Session, Verb};
use crate::value::ValueOptions;
use waxseal_proto::v1;

/// Writes a value as the next version of its slot: the default, or an override.
///
/// The value is read from standard input, less one newline at its end, from a file, or, where
/// standard input is a terminal, asked for twice without showing it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Set {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    value: ValueOptions,

    #[command(flatten)]
    change: Change,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret set MAPS_KEY -p shop                            asks for the default
  pass maps | waxseal secret set MAPS_KEY -p shop
  waxseal secret set TLS_KEY -p shop --file tls.der --binary
  waxseal secret set MAPS_KEY -p shop -e staging --stage live    the override there";

impl Verb for Set {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, value, change, slot } = self;
        write(session, &id, session.slot(&slot)?, &value, &change).await
    }
}

/// Writes a value to a slot, and says which version it is.
pub(crate) async fn write(
    session: &Session<'_>,
    id: &str,
    slot: v1::Slot,
    value: &ValueOptions,
    change: &Change,
) -> Result<(), Failure> {
    let name = session.secret(id)?;
    let place = super::place(id, &slot);
    let request_id = change.id();
    let request = v1::SetSecretValueRequest {
        name,
        slot: Some(slot),
        payload: Some(value.read(&place).await?),
        etag: change.etag(),
        request_id: request_id.clone(),
    };
    let call = session.client.change(&request_id, request, async |caller, request| {
        caller.secrets().set_secret_value(request).await
    });
    let set = call.await?;
    session.warn(id, &set.warnings);
    session.show(&set, |set| format!("{place}: version {}\n", set.version))
}
