//! `waxseal override import`: a `.env` file becomes overrides of one environment and stage.

mod batch;

use crate::env_file::{self, Entry};
use crate::failure::Failure;
use crate::options::{Consent, Flags, Format, Once, ViewOptions};
use crate::session::{Session, Verb};
use crate::text_input::TextInput;
use crate::{output, payload, progress, table, words};
use serde::Serialize;
use std::collections::HashSet;
use waxseal_proto::v1;

/// Writes the values of a .env file as overrides of one environment and stage.
///
/// It shows what it would do, and asks. Up to 100 values and 1 MiB are written at once, all or
/// none; more go in several such batches. A name without a value is left alone. Nothing is expanded
/// or run: a `$` stands for itself.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    #[command(flatten)]
    input: TextInput,

    /// Shows what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    view: ViewOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal override import staging.env -p shop -e staging --stage live --dry-run
  waxseal override import staging.env -p shop -e staging --stage live
  sops decrypt staging.env | waxseal override import -p shop -e staging --stage live --yes";

/// What was done, or would be.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    dry_run: bool,
    overrides: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    secret: String,
    action: &'static str,
    line: usize,
}

impl Verb for Import {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { input, dry_run, consent, view: _ } = self;
        let (environment, stage) = (session.environment()?, session.stage()?);
        let entries = env_file::parse(&input.bytes(env_file::FILE_BYTES)?)?;
        refuse_unknown(session, &entries).await?;
        let present = session.overrides().await?.overrides;
        let present: HashSet<&str> = present.iter().map(|found| found.secret.as_str()).collect();
        let lines: Vec<Line> = entries.iter().map(|entry| line(entry, &present)).collect();
        preview(session, &entries, &lines)?;

        let entries: Vec<Entry> =
            entries.into_iter().filter(|entry| !entry.value.is_empty()).collect();
        if !dry_run && !entries.is_empty() {
            let (count, stage) = (entries.len(), words::stage(stage));
            let environment = table::plain(&environment);
            consent.ask(&format!("Write {count} of them to {environment}, {stage}?")).await?;
            write(session, &entries).await?;
        }
        match session.format {
            Format::Json => output::print_json(&Report { dry_run, overrides: lines }),
            Format::Table if dry_run => output::print("Nothing was changed: --dry-run\n"),
            Format::Table => output::print(&format!("{} written\n", entries.len())),
        }
    }
}

/// Fails before anything is written if the server would.
async fn refuse_unknown(session: &Session<'_>, entries: &[Entry]) -> Result<(), Failure> {
    let request = v1::ListSecretsRequest { parent: session.project()?, ..Default::default() };
    let known = session.secrets(request).await?.secrets;
    let known: HashSet<&str> = known.iter().map(|secret| words::id(&secret.name)).collect();
    let unknown = entries.iter().filter(|entry| !known.contains(entry.name.as_str()));
    let unknown: Vec<String> = unknown.map(|entry| entry.name.clone()).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Failure::UnknownNames { names: words::list(&unknown) }),
    }
}

fn line(entry: &Entry, present: &HashSet<&str>) -> Line {
    let action = match (entry.value.is_empty(), present.contains(entry.name.as_str())) {
        (true, _) => "skipEmpty",
        (false, true) => "replace",
        (false, false) => "set",
    };
    Line { secret: entry.name.clone(), action, line: entry.line }
}

/// Shows what would be done: names, and never a value.
fn preview(session: &Session<'_>, entries: &[Entry], lines: &[Line]) -> Result<(), Failure> {
    if session.format == Format::Json {
        return Ok(());
    }
    let words = |action| match action {
        "skipEmpty" => "leave alone: no value here",
        "replace" => "write anew",
        _ => "write",
    };
    let rows = lines.iter().map(|Line { secret, action, line }| {
        [secret.clone(), words(*action).to_owned(), line.to_string()]
    });
    output::print(&table::text(["SECRET", "WHAT", "LINE"], rows.collect()))?;
    env_file::remark_expandable(entries.iter());
    Ok(())
}

async fn write(session: &Session<'_>, entries: &[Entry]) -> Result<(), Failure> {
    let total = entries.len();
    let bar = progress::bar(total);
    let mut done = 0;
    for batch in batch::batches(entries) {
        let overrides = batch.iter().map(|entry| v1::OverrideValue {
            secret: entry.name.clone(),
            payload: Some(payload::text(&entry.value)),
        });
        let request_id = Once::default().id();
        let request = v1::BatchSetOverridesRequest {
            parent: session.environment()?,
            stage: session.stage()?.into(),
            overrides: overrides.collect(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().batch_set_overrides(request).await
        });
        let written = call.await.map_err(|source| {
            bar.abandon();
            let secret = format!("a batch of {} more", batch.len());
            Failure::Partly { done, total, secret, source: Box::new(source) }
        })?;
        for v1::OverrideWarning { secret, warning } in written.warnings {
            bar.suspend(|| session.warn(&secret, &warning.into_iter().collect::<Vec<_>>()));
        }
        done += batch.len();
        bar.set_position(done as u64);
    }
    bar.finish();
    Ok(())
}
