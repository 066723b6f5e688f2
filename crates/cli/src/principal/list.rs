//! `waxseal principal list`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{PAGE, Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the principals.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal principal list")]
pub(super) struct List {
    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for List {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut all = v1::ListPrincipalsResponse::default();
        loop {
            let request = v1::ListPrincipalsRequest {
                page_size: PAGE,
                page_token: std::mem::take(&mut all.next_page_token),
            };
            let call = session.client.read(request, async |caller, request| {
                caller.access().list_principals(request).await
            });
            let page = call.await?;
            all.principals.extend(page.principals);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return session.show(&all, told);
            }
        }
    }
}

fn told(all: &v1::ListPrincipalsResponse) -> String {
    let rows = all.principals.iter().map(|principal| {
        [
            words::id(&principal.name).to_owned(),
            words::yes(principal.disabled).to_owned(),
            principal.display_name.clone(),
        ]
    });
    table::text(["PRINCIPAL", "DISABLED", "DISPLAY NAME"], rows.collect())
}
