//! `waxseal secret import`: a `.env` file becomes secrets with defaults.

mod plan;

use super::VisibilityName;
use crate::failure::Failure;
use crate::options::{Consent, Flags, Format, Once, ProjectOptions};
use crate::session::{Session, Verb};
use crate::text_input::TextInput;
use crate::{env_file, output, payload, progress, table, words};
use plan::{Plan, Step, Task};
use serde::Serialize;
use waxseal_proto::v1::slot::Slot as Which;
use waxseal_proto::v1::{self, Visibility};

/// Makes secrets of a .env file, or sets the defaults of those that exist.
///
/// It shows what it would do, and asks. A name without a value becomes a placeholder. Nothing is
/// expanded or run: a `$` stands for itself.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    #[command(flatten)]
    input: TextInput,

    /// Who may ever read the values of the secrets that are new. Required if any is.
    #[arg(long, value_name = "VISIBILITY", value_enum)]
    visibility: Option<VisibilityName>,

    /// Leaves secrets that have a value as they are.
    #[arg(long)]
    skip_existing: bool,

    /// Shows what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    consent: Consent,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal secret import .env -p shop --visibility restricted --dry-run
  waxseal secret import .env -p shop --visibility restricted
  sops decrypt .env.enc | waxseal secret import -p shop --skip-existing --visibility masked --yes";

/// What was done, or would be.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    dry_run: bool,
    secrets: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    secret: &'a str,
    action: &'static str,
    line: usize,
}

impl Verb for Import {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { input, visibility, skip_existing, dry_run, consent, project: _ } = self;
        let parent = session.project()?;
        let entries = env_file::parse(&input.bytes(env_file::FILE_BYTES)?)?;
        let request = v1::ListSecretsRequest { parent, show_deleted: true, ..Default::default() };
        let known = session.secrets(request).await?.secrets;
        let plan = Plan::of(entries, &known, skip_existing)?;
        let visibility = match (visibility, plan.count(Step::is_new)) {
            (None, new @ 1..) => return Err(Failure::VisibilityNeeded { new }),
            (visibility, _) => visibility.map(Visibility::from).unwrap_or_default(),
        };
        preview(session, &plan, visibility)?;
        let to_do = plan.count(Step::is_work);
        if !dry_run && to_do > 0 {
            let into = table::plain(&session.project()?);
            consent.ask(&format!("Write {to_do} of them to {into}?")).await?;
            carry_out(session, &plan, visibility, to_do).await?;
        }
        report(session, &plan, dry_run)
    }
}

/// Shows what would be done: names, and never a value.
fn preview(session: &Session<'_>, plan: &Plan, visibility: Visibility) -> Result<(), Failure> {
    if session.format == Format::Json {
        return Ok(());
    }
    let rows = plan.tasks.iter().map(|Task { entry, step, visibility: present }| {
        let visibility = present.unwrap_or(visibility);
        [
            entry.name.clone(),
            step.words().to_owned(),
            words::visibility(visibility).to_owned(),
            entry.line.to_string(),
        ]
    });
    output::print(&table::text(["SECRET", "WHAT", "VISIBILITY", "LINE"], rows.collect()))?;
    env_file::remark_expandable(plan.tasks.iter().map(|task| &task.entry));
    Ok(())
}

async fn carry_out(
    session: &Session<'_>,
    plan: &Plan,
    visibility: Visibility,
    total: usize,
) -> Result<(), Failure> {
    let bar = progress::bar(total);
    let work = plan.tasks.iter().filter(|task| task.step.is_work());
    for (done, task) in work.enumerate() {
        bar.set_message(task.entry.name.clone());
        let warnings = carry_out_one(session, task, visibility).await.map_err(|source| {
            bar.abandon();
            let secret = task.entry.name.clone();
            Failure::Partly { done, total, secret, source: Box::new(source) }
        })?;
        bar.suspend(|| session.warn(&task.entry.name, &warnings));
        bar.inc(1);
    }
    bar.finish_with_message("");
    Ok(())
}

async fn carry_out_one(
    session: &Session<'_>,
    task: &Task,
    visibility: Visibility,
) -> Result<Vec<v1::Warning>, Failure> {
    let Task { entry, step, visibility: _ } = task;
    let request_id = Once::default().id();
    if *step == Step::Set {
        let slot = v1::Slot { slot: Some(Which::Default(v1::DefaultSlot {})) };
        let request = v1::SetSecretValueRequest {
            name: session.secret(&entry.name)?,
            slot: Some(slot),
            payload: Some(payload::text(&entry.value)),
            etag: String::new(),
            request_id: request_id.clone(),
        };
        let call = session.client.change(&request_id, request, async |caller, request| {
            caller.secrets().set_secret_value(request).await
        });
        return Ok(call.await?.warnings);
    }
    let request = v1::CreateSecretRequest {
        parent: session.project()?,
        secret_id: entry.name.clone(),
        secret: Some(v1::Secret { visibility: visibility.into(), ..Default::default() }),
        payload: (*step == Step::Create).then(|| payload::text(&entry.value)),
        request_id: request_id.clone(),
    };
    let call = session.client.change(&request_id, request, async |caller, request| {
        caller.secrets().create_secret(request).await
    });
    Ok(call.await?.warnings)
}

fn report(session: &Session<'_>, plan: &Plan, dry_run: bool) -> Result<(), Failure> {
    let done = plan.count(Step::is_work);
    match session.format {
        Format::Table if dry_run => output::print("Nothing was changed: --dry-run\n"),
        Format::Table => {
            output::print(&format!("{done} written, {} left alone\n", plan.tasks.len() - done))
        }
        Format::Json => {
            let secrets = plan.tasks.iter().map(|Task { entry, step, visibility: _ }| Line {
                secret: &entry.name,
                action: step.action(),
                line: entry.line,
            });
            output::print_json(&Report { dry_run, secrets: secrets.collect() })
        }
    }
}
