//! `waxseal env list`

use crate::failure::Failure;
use crate::options::{Flags, ProjectOptions};
use crate::session::{PAGE, Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the environments of a project.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal env list -p shop")]
pub(super) struct List {
    #[command(flatten)]
    project: ProjectOptions,
}

impl Verb for List {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut all = v1::ListEnvironmentsResponse::default();
        loop {
            let request = v1::ListEnvironmentsRequest {
                parent: session.project()?,
                page_size: PAGE,
                page_token: std::mem::take(&mut all.next_page_token),
            };
            let call = session.client.read(request, async |caller, request| {
                caller.environments().list_environments(request).await
            });
            let page = call.await?;
            all.environments.extend(page.environments);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return session.show(&all, told);
            }
        }
    }
}

fn told(all: &v1::ListEnvironmentsResponse) -> String {
    let rows = all.environments.iter().map(|environment| {
        [
            words::id(&environment.name).to_owned(),
            words::fallback(environment.fallback()).to_owned(),
            words::yes(environment.protected).to_owned(),
            environment.display_name.clone(),
        ]
    });
    table::text(["ENVIRONMENT", "FALLBACK", "PROTECTED", "DISPLAY NAME"], rows.collect())
}
