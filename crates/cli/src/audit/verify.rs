//! `waxseal audit verify`

use crate::failure::{Complaint, Failure};
use crate::options::{Flags, Format, ServerOptions};
use crate::session::{Session, Verb, drive};
use crate::surroundings::Surroundings;
use crate::{json, output};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use waxseal_engine::{Hex, verify_export};
use waxseal_proto::v1;

/// Says whether the audit trail is what was written, and what is wrong first if it is not: at the
/// server, or of an export and without any server.
///
/// The exit code is 0 where the trail is in order and 1 where it is not.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// Verifies this export; no server is asked.
    #[arg(long, value_name = "EXPORT", requires = "public_key")]
    file: Option<PathBuf>,

    /// The key as `waxseal audit key` gave it, from where the server could not reach it.
    #[arg(long, value_name = "KEY", requires = "file")]
    public_key: Option<Hex<32>>,

    /// Checkpoints that were kept outside the database: the export has to hold each of them.
    #[arg(long, value_name = "FILE", requires = "file")]
    checkpoints: Option<PathBuf>,

    #[command(flatten)]
    server: ServerOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal audit verify
  waxseal audit verify --file trail.jsonl --public-key KEY
  waxseal audit verify --file trail.jsonl --public-key KEY --checkpoints checkpoints.jsonl";

impl Verify {
    pub(super) async fn run_anywhere(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match (&self.file, self.public_key) {
            (Some(file), Some(key)) => {
                let format = Format::asked(&self.flags(), surroundings);
                let verdict = verdict(file, key, self.checkpoints.as_deref());
                let shown = verdict.and_then(|verdict| show(&verdict, format));
                shown.map_err(|failure| Complaint { failure, format })
            }
            _ => drive(self, surroundings).await,
        }
    }
}

impl Verb for Verify {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::VerifyAuditTrailRequest {};
        let call = session.client.read(request, async |caller, request| {
            caller.audit().verify_audit_trail(request).await
        });
        show(&call.await?, session.format)
    }
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let failed = |source| Failure::File { path: path.to_owned(), source };
    File::open(path).map(BufReader::new).map_err(failed)
}

/// In the words of the API, so that a script reads both alike.
fn verdict(
    file: &Path,
    key: Hex<32>,
    checkpoints: Option<&Path>,
) -> Result<v1::VerifyAuditTrailResponse, Failure> {
    let kept = checkpoints.map(open).transpose()?;
    let failed = |source| Failure::File { path: file.to_owned(), source };
    let verdict = verify_export(key, open(file)?, kept).map_err(failed)?;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(v1::VerifyAuditTrailResponse {
        records: number(verdict.counts.records),
        chains: number(verdict.counts.chains),
        checkpoints: number(verdict.counts.checkpoints),
        unsigned_records: number(verdict.counts.unsigned),
        problem: verdict.problem.map(|problem| v1::AuditProblem {
            chain: problem.chain,
            sequence: number(problem.sequence),
            what: problem.what,
        }),
    })
}

fn show(verdict: &v1::VerifyAuditTrailResponse, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::print(&json::line(verdict)?)?,
        Format::Table => output::print(&told(verdict))?,
    }
    if verdict.problem.is_none() { Ok(()) } else { Err(Failure::Told(1)) }
}

fn told(verdict: &v1::VerifyAuditTrailResponse) -> String {
    let v1::VerifyAuditTrailResponse { records, chains, checkpoints, unsigned_records, problem } =
        verdict;
    let looked = format!(
        "{records} records in {chains} chains and {checkpoints} checkpoints were looked at; \
         {unsigned_records} records are not signed yet\n"
    );
    match problem {
        None => format!("the audit trail is what was written\n{looked}"),
        Some(v1::AuditProblem { chain, sequence, what }) => {
            let chain = if chain.is_empty() { "the export" } else { chain };
            format!("NOT what was written: {chain}, {sequence}: {what}\n{looked}")
        }
    }
}
