//! `waxseal audit list`

use crate::failure::Failure;
use crate::options::{Flags, ProjectOptions};
use crate::session::{PAGE, Session, Verb};
use crate::{table, words};
use prost_types::Timestamp;
use waxseal_proto::v1;

/// Lists who did what, the newest first: in one project, or everywhere with --deployment.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Lists what was done anywhere, and to the deployment itself.
    #[arg(long)]
    deployment: bool,

    /// Only what this principal did.
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Option<String>,

    /// Only this method, as in RevealSecretValue.
    #[arg(long, value_name = "METHOD")]
    action: Option<String>,

    /// Only what was about the secret of this name.
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,

    /// Only from this time on, as in 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,

    /// Only before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    before: Option<Timestamp>,

    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal audit list -p shop
  waxseal audit list --deployment --action RevealSecretValue --since 2026-01-31T00:00:00Z
  waxseal audit list -p shop --output json | jq -r '.events[].principal'";

fn time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "must be a time as in 2026-01-31T12:00:00Z")
}

impl Verb for List {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { deployment, principal, action, secret, since, before, limit, project: _ } = self;
        let parent = if deployment {
            "deployment".to_owned()
        } else {
            session.project().map_err(|_| Failure::NoProjectNorDeployment)?
        };
        let wanted = v1::ListAuditEventsRequest {
            parent,
            page_size: 0,
            page_token: String::new(),
            principal: principal.unwrap_or_default(),
            action: action.unwrap_or_default(),
            secret: secret.unwrap_or_default(),
            start_time: since,
            end_time: before,
        };
        let mut all = v1::ListAuditEventsResponse::default();
        loop {
            let left = i32::try_from(limit - all.events.len()).unwrap_or(PAGE).min(PAGE);
            if left == 0 {
                break;
            }
            let page_token = std::mem::take(&mut all.next_page_token);
            let request =
                v1::ListAuditEventsRequest { page_size: left, page_token, ..wanted.clone() };
            let call = session.client.read(request, async |caller, request| {
                caller.audit().list_audit_events(request).await
            });
            let page = call.await?;
            all.events.extend(page.events);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                break;
            }
        }
        session.show(&all, told)
    }
}

fn told(all: &v1::ListAuditEventsResponse) -> String {
    let rows = all.events.iter().map(|event| {
        let times = if event.count > 0 { format!(" (+{})", event.count) } else { String::new() };
        [
            words::time(event.time),
            event.principal.clone(),
            format!("{}{times}", event.action),
            place(event),
            event.outcome.clone(),
        ]
    });
    table::text(["TIME", "PRINCIPAL", "ACTION", "OF", "OUTCOME"], rows.collect())
}

fn place(event: &v1::AuditEvent) -> String {
    let v1::AuditEvent { project, environment, secret, version, resource, grant, .. } = event;
    if !resource.is_empty() {
        return [resource.as_str(), grant].join(" ").trim_end().to_owned();
    }
    let stage = match event.stage() {
        v1::Stage::Unspecified => "",
        stage => words::stage(stage),
    };
    let version = if *version > 0 { format!("@{version}") } else { String::new() };
    let parts = [project.as_str(), environment, stage, &format!("{secret}{version}")];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}
