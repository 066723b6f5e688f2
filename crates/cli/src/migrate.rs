//! `waxseal migrate`

use crate::failure::{Complaint, Failure};
use crate::options::Format;
use crate::{output, progress};
use indicatif::ProgressBar;
use serde::Serialize;
use std::path::PathBuf;
use waxseal_engine::{Copied, CopyError};
use waxseal_server::Config;
use waxseal_server::config::Engines;
use waxseal_server::wiring::Copying;

/// Copies the SQLite database of a data directory into an empty PostgreSQL database. No server may
/// run meanwhile.
///
/// What is encrypted is copied as it is, and nothing is decrypted. All of it is copied or none; then
/// every row is compared, and every project is checked. It can be interrupted and started again. The
/// SQLite database stays, marked so that no server starts on it any more.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Migrate {
    /// The data directory with the SQLite database.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// What to print: words, or JSON objects: what is copied so far, then the end.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    engines: Engines,
}

const EXAMPLES: &str = "\
Examples:
  waxseal keys migrate --data-dir /var/lib/waxseal --kms-key KEY    first, if keys are in a file
  WAXSEAL_DATABASE_URL=postgres://... waxseal migrate --data-dir /var/lib/waxseal --kms-key KEY

Tokens, revisions' order and kept answers come along. Revision tokens that clients hold do not: they
are of the other database, and clients are told so and ask anew.";

#[derive(Serialize)]
struct Told {
    step: &'static str,
    projects: u64,
    environments: u64,
    secrets: u64,
    aliases: u64,
    slots: u64,
    values: u64,
    requests: u64,
    principals: u64,
    tokens: u64,
    audit: u64,
}

impl Told {
    const fn of(step: &'static str, copied: &Copied) -> Self {
        let Copied {
            projects,
            environments,
            secrets,
            aliases,
            slots,
            values,
            requests,
            principals,
            tokens,
            audit,
        } = *copied;
        Self {
            step,
            projects,
            environments,
            secrets,
            aliases,
            slots,
            values,
            requests,
            principals,
            tokens,
            audit,
        }
    }
}

impl Migrate {
    pub(crate) async fn run(self) -> Result<(), Complaint> {
        let format = self.output;
        self.copy().await.map_err(|failure| Complaint { failure, format })
    }

    async fn copy(self) -> Result<(), Failure> {
        let Self { data_dir, output, engines } = self;
        let config = Config { data_dir: Some(data_dir), engines, ..Config::default() };
        let copying = Copying::open(&config).await?;
        let bar = bar("copied");
        let copied = match copying.copy(|copied| told(&bar, copied)).await {
            Ok(copied) => {
                say(output, "copied", &copied)?;
                bar.set_message("compared");
                copying.compare(|compared| told(&bar, compared)).await?
            }
            // Perhaps with the copy that was made when this was interrupted before the end.
            Err(CopyError::NotEmpty) => made_before(&copying, &bar).await?,
            Err(error) => return Err(error.into()),
        };
        say(output, "compared", &copied)?;
        bar.set_message("checked");
        let engine = copying.engine().await?;
        let checked = engine.verify_projects(|projects| bar.set_position(projects)).await;
        let checked = checked.map_err(Failure::Copy)?;
        bar.finish_and_clear();
        copying.retire().map_err(waxseal_server::wiring::StartError::from)?;
        match output {
            Format::Json => output::print_json(&Told::of("done", &copied)),
            Format::Table => output::print(&format!(
                "{} rows were copied and are the same there: {} projects, {} secrets, {} versions \
                 of values\nall {checked} projects were checked\nstart the server with \
                 WAXSEAL_DATABASE_URL; the old database is marked as moved, and no server starts \
                 on it\n",
                copied.rows(),
                copied.projects,
                copied.secrets,
                copied.values
            )),
        }
    }
}

/// What is in the database already, if that is the whole copy and nothing else.
async fn made_before(copying: &Copying, bar: &ProgressBar) -> Result<Copied, CopyError> {
    let compared = copying.compare(|compared| told(bar, compared)).await;
    compared.map_err(|error| match error {
        CopyError::Differs { .. } => CopyError::NotEmpty,
        error => error,
    })
}

/// How many rows there are is known only at the end.
fn bar(message: &'static str) -> ProgressBar {
    let bar = progress::bar(usize::MAX);
    bar.unset_length();
    bar.set_message(message);
    bar
}

fn told(bar: &ProgressBar, copied: &Copied) {
    bar.set_position(copied.rows());
}

fn say(format: Format, step: &'static str, copied: &Copied) -> Result<(), Failure> {
    match format {
        Format::Json => output::print_json(&Told::of(step, copied)),
        Format::Table => Ok(()),
    }
}
