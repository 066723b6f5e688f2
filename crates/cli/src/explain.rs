//! `waxseal explain`

use crate::failure::Failure;
use crate::options::{Flags, ViewOptions};
use crate::session::{Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Says for every secret which value wins in one environment and stage, and why.
///
/// Nothing is decrypted, and no value is given.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal explain -p shop -e staging --stage live")]
pub(crate) struct Explain {
    #[command(flatten)]
    view: ViewOptions,
}

impl Verb for Explain {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::ExplainEnvironmentRequest {
            name: session.environment()?,
            stage: session.stage()?.into(),
        };
        let call = session.client.read(request, async |caller, request| {
            caller.environments().explain_environment(request).await
        });
        session.show(&call.await?, told)
    }
}

fn told(all: &v1::ExplainEnvironmentResponse) -> String {
    let rows = all.secrets.iter().map(|secret| {
        [
            secret.secret.clone(),
            words::origin(secret.origin()).to_owned(),
            words::version(secret.version),
            words::yes(secret.default_set).to_owned(),
            words::yes(secret.override_set).to_owned(),
            words::unset(secret.unset_reason()).to_owned(),
        ]
    });
    let heading = ["SECRET", "WINS", "VERSION", "DEFAULT SET", "OVERRIDE SET", "WHY UNSET"];
    table::text(heading, rows.collect())
}
