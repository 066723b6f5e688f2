//! `waxseal audit`: who did what, and the proof that this is what was written.

mod export;
mod key;
mod list;
mod verify;

use crate::failure::{Complaint, Failure};
use crate::session::{Session, drive};
use crate::surroundings::Surroundings;
use tonic::Streaming;
use waxseal_proto::v1;

/// The audit trail: reading, exporting and verifying it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::List),
    Export(export::Export),
    Verify(verify::Verify),
    Key(key::Key),
}

const EXAMPLES: &str = "\
Examples:
  waxseal audit list -p shop --secret STRIPE_KEY        who touched it, and to whom it was shown
  waxseal audit verify                                  at the server
  waxseal audit key                                     to be kept where the server cannot reach it
  waxseal audit export --file trail.jsonl
  waxseal audit verify --file trail.jsonl --public-key KEY --checkpoints checkpoints.jsonl

It takes the token of an auditor. Records are chained by their hashes and the chains are signed, so
that what was changed, taken away or put in shows; verifying an export needs no server.";

impl Audit {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::List(list) => drive(list, surroundings).await,
            Command::Export(export) => drive(export, surroundings).await,
            Command::Verify(verify) => verify.run_anywhere(surroundings).await,
            Command::Key(key) => drive(key, surroundings).await,
        }
    }
}

/// The lines of the trail as the server gives them.
async fn lines(session: &Session<'_>) -> Result<Streaming<v1::ExportAuditTrailResponse>, Failure> {
    let request = v1::ExportAuditTrailRequest {};
    let open = session
        .client
        .open(request, async |caller, request| caller.audit().export_audit_trail(request).await);
    open.await
}
