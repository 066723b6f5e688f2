//! `waxseal token list`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::principal;
use crate::session::{PAGE, Session, Verb};
use waxseal_proto::v1;

/// Lists the tokens of a principal, without what opens anything.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal token list ann")]
pub(super) struct List {
    /// The id of the principal.
    #[arg(value_name = "PRINCIPAL")]
    id: String,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for List {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut all = v1::ListApiTokensResponse::default();
        loop {
            let request = v1::ListApiTokensRequest {
                parent: principal::name(&self.id),
                page_size: PAGE,
                page_token: std::mem::take(&mut all.next_page_token),
            };
            let call = session.client.read(request, async |caller, request| {
                caller.access().list_api_tokens(request).await
            });
            let page = call.await?;
            all.api_tokens.extend(page.api_tokens);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return session.show(&all, told);
            }
        }
    }
}

fn told(all: &v1::ListApiTokensResponse) -> String {
    super::told(&all.api_tokens)
}
