//! `waxseal keys status`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{Session, Verb};
use crate::{table, words};
use waxseal_proto::v1::{self, KeyHealth};

/// Says which wrapping keys are in use, and whether data keys wait for being rewrapped.
///
/// It takes the token of a keyholder of the deployment.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal keys status --token-file keyholder.token")]
pub(super) struct Status {
    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Status {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::GetKeyStatusRequest {};
        let call = session
            .client
            .read(request, async |caller, request| caller.keys().get_key_status(request).await);
        session.show(&call.await?, told)
    }
}

fn told(status: &v1::GetKeyStatusResponse) -> String {
    let rows = status.wrapping_keys.iter().map(|key| {
        [key.key_id.clone(), words::yes(key.active).to_owned(), key.data_keys.to_string()]
    });
    let keys = table::text(["WRAPPING KEY", "ACTIVE", "DATA KEYS"], rows.collect());
    let due = match status.rewrap_due {
        0 => "every data key is under the active wrapping key".to_owned(),
        due => format!("{due} data keys wait for `waxseal keys rewrap`"),
    };
    format!("{keys}\nkey provider: {}\n{due}\n", health(status.health()))
}

const fn health(health: KeyHealth) -> &'static str {
    match health {
        KeyHealth::Unspecified => "unknown",
        KeyHealth::Good => "good",
        KeyHealth::Degraded => "degraded",
        KeyHealth::Revoked => "the active key cannot be used",
    }
}
