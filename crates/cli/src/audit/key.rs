//! `waxseal audit key`

use super::lines;
use crate::failure::Failure;
use crate::options::{Flags, Format, ServerOptions};
use crate::output;
use crate::session::{Session, Verb};
use waxseal_engine::Line;

/// Prints the public key that checkpoints of the audit trail are verified with.
///
/// It stays the same for the life of a deployment. Keep it where the server cannot reach it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal audit key > audit.pub")]
pub(super) struct Key {
    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Key {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut lines = lines(session).await?;
        let first = lines.message().await.map_err(|status| session.client.refused(status))?;
        let first = first.and_then(|told| serde_json::from_str(&told.line).ok());
        let Some(Line::Trail { deployment, public_key, .. }) = first else {
            return Err(Failure::Damaged);
        };
        match session.format {
            Format::Table => output::print(&format!("{public_key}\n")),
            Format::Json => {
                let key = serde_json::json!({ "deployment": deployment, "publicKey": public_key });
                output::print_json(&key)
            }
        }
    }
}
