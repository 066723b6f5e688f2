//! `waxseal secret versions`

use crate::failure::Failure;
use crate::options::{Flags, SlotOptions};
use crate::session::{PAGE, Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the kept versions of a slot, the latest first.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Versions {
    /// The name of the secret.
    #[arg(value_name = "SECRET")]
    id: String,

    #[command(flatten)]
    slot: SlotOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret versions MAPS_KEY -p shop
  waxseal secret versions MAPS_KEY -p shop -e staging --stage live";

impl Verb for Versions {
    fn flags(&self) -> Flags {
        self.slot.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let slot = session.slot(&self.slot)?;
        let mut all = v1::ListSecretVersionsResponse::default();
        loop {
            let request = v1::ListSecretVersionsRequest {
                name: session.secret(&self.id)?,
                slot: Some(slot.clone()),
                page_size: PAGE,
                page_token: std::mem::take(&mut all.next_page_token),
            };
            let call = session.client.read(request, async |caller, request| {
                caller.secrets().list_secret_versions(request).await
            });
            let page = call.await?;
            all.versions.extend(page.versions);
            all.etag = page.etag;
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return session.show(&all, told);
            }
        }
    }
}

fn told(all: &v1::ListSecretVersionsResponse) -> String {
    let rows = all.versions.iter().map(|kept| {
        let v1::SecretVersion { version, create_time, current, destroyed, cleared } = kept;
        let states = [(current, "current"), (destroyed, "destroyed"), (cleared, "cleared")];
        let states: Vec<_> =
            states.into_iter().filter(|(is, _)| **is).map(|(_, state)| state).collect();
        [version.to_string(), words::time(*create_time), states.join(", ")]
    });
    table::text(["VERSION", "WRITTEN", "STATE"], rows.collect())
}
