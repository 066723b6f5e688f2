//! `waxseal secret verify`

use crate::failure::{DIFFERS, Failure};
use crate::options::{Flags, SlotOptions};
use crate::session::{Session, Verb};
use crate::value::ValueOptions;
use waxseal_proto::v1;

/// Says whether a candidate is the current value of a slot, without revealing it.
///
/// It works for restricted secrets too, and is on record. The candidate is read as `waxseal secret
/// set` reads a value. Exit code 0: it is; 4: it is not.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    value: ValueOptions,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret verify STRIPE_KEY -p shop                  asks for the candidate
  waxseal secret verify STRIPE_KEY -p shop < key.txt && echo the same
  waxseal secret verify STRIPE_KEY -p shop -e staging --stage live --file key.txt";

impl Verb for Verify {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, value, slot } = self;
        let slot = session.slot(&slot)?;
        let place = super::place(&id, &slot);
        let request = v1::VerifySecretValueRequest {
            name: session.secret(&id)?,
            slot: Some(slot),
            payload: Some(value.candidate(&place).await?),
        };
        let call = session.client.read(request, async |caller, request| {
            caller.secrets().verify_secret_value(request).await
        });
        let verified = call.await?;
        session.show(&verified, |verified| match verified.matches {
            true => format!("{place}: this is the value\n"),
            false => format!("{place}: this is not the value\n"),
        })?;
        if verified.matches { Ok(()) } else { Err(Failure::Told(DIFFERS)) }
    }
}
