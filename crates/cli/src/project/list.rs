//! `waxseal project list`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{PAGE, Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the projects that the token may see.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Lists deleted ones that are not purged yet as well.
    #[arg(long)]
    show_deleted: bool,

    #[command(flatten)]
    server: ServerOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal project list
  waxseal project list --output json | jq -r '.projects[].name'";

impl Verb for List {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { show_deleted, server: _ } = self;
        let mut all = v1::ListProjectsResponse::default();
        loop {
            let page_token = std::mem::take(&mut all.next_page_token);
            let request = v1::ListProjectsRequest { page_size: PAGE, page_token, show_deleted };
            let call = session.client.read(request, async |caller, request| {
                caller.projects().list_projects(request).await
            });
            let page = call.await?;
            all.projects.extend(page.projects);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return session.show(&all, told);
            }
        }
    }
}

fn told(all: &v1::ListProjectsResponse) -> String {
    let rows = all.projects.iter().map(|project| {
        [
            words::id(&project.name).to_owned(),
            project.display_name.clone(),
            words::time(project.create_time),
            words::time(project.delete_time),
        ]
    });
    table::text(["PROJECT", "DISPLAY NAME", "CREATED", "DELETED"], rows.collect())
}
