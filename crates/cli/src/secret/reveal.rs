//! `waxseal secret reveal`

use crate::failure::Failure;
use crate::options::{Flags, Format, SlotOptions};
use crate::session::{Session, Verb};
use crate::{clipboard, curtain, json, output, payload};
use prost_types::Timestamp;
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;
use waxseal_proto::v1;

/// Shown for this long where the clocks of both sides do not agree at all.
const AT_LEAST: Duration = Duration::from_secs(2);
const AT_MOST: Duration = Duration::from_secs(10 * 60);

/// Shows one value of a masked secret, for a while and on record.
///
/// On a terminal the value is erased again when its time is over, by default after 30 seconds, or
/// at once by Ctrl-C. Into a pipe or a file it goes exactly as it is, without a newline.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Reveal {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    /// Which version of the slot; without it, the current one.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    version: i64,

    /// Puts it on the clipboard of the terminal (OSC 52) instead of showing it, and clears that
    /// when the time is over.
    #[arg(long)]
    copy: bool,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret reveal MAPS_KEY -p shop                            the default
  waxseal secret reveal MAPS_KEY -p shop -e staging --stage live    the override there
  waxseal secret reveal MAPS_KEY -p shop --version 3
  waxseal secret reveal MAPS_KEY -p shop --copy
  waxseal secret reveal TLS_KEY -p shop > tls.key

It takes a builder's token with the reveal grant.";

impl Verb for Reveal {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { id, version, copy, slot } = self;
        let slot = session.slot(&slot)?;
        let place = super::place(&id, &slot);
        let request =
            v1::RevealSecretValueRequest { name: session.secret(&id)?, slot: Some(slot), version };
        let call = session.client.read(request, async |caller, request| {
            caller.secrets().reveal_secret_value(request).await
        });
        let revealed = call.await?;
        let piped = !copy && !io::stdout().is_terminal();
        if piped && session.format == Format::Json {
            return output::print(&json::line(&revealed)?);
        }
        let v1::RevealSecretValueResponse { payload, version, reveal_expire_time } = revealed;
        let value = payload::bytes(payload)?;
        let time = left(reveal_expire_time, SystemClock.now().micros());
        match (copy, piped) {
            (true, _) => clipboard::lend(&place, &value, time).await,
            (false, true) => output::print_bytes(&value),
            (false, false) => {
                curtain::show(&format!("{place}, version {version}, hidden in"), &value, time).await
            }
        }
    }
}

/// How long a value may be shown, by this side's clock.
fn left(until: Option<Timestamp>, now: i64) -> Duration {
    let until = until.unwrap_or_default();
    let until =
        until.seconds.saturating_mul(1_000_000).saturating_add((until.nanos / 1_000).into());
    let micros = u64::try_from(until.saturating_sub(now)).unwrap_or_default();
    Duration::from_micros(micros).clamp(AT_LEAST, AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_until_its_time_whatever_the_clocks_say() {
        let until = Some(Timestamp { seconds: 1_000, nanos: 500_000_000 });
        assert_eq!(left(until, 970_000_000), Duration::from_millis(30_500));
        assert_eq!(left(until, 2_000_000_000), AT_LEAST);
        assert_eq!(left(until, 0), AT_MOST);
        assert_eq!(left(None, 0), AT_LEAST);
    }
}
