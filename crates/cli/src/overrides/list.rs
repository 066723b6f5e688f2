//! `waxseal override list`

use crate::failure::Failure;
use crate::options::{Flags, ViewOptions};
use crate::session::{Session, Verb};
use crate::{table, words};
use waxseal_proto::v1;

/// Lists the overrides that hold a value in one environment and stage, and never the value.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal override list -p shop -e staging --stage live")]
pub(super) struct List {
    #[command(flatten)]
    view: ViewOptions,
}

impl Verb for List {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        session.show(&session.overrides().await?, told)
    }
}

fn told(all: &v1::ListOverridesResponse) -> String {
    let rows = all.overrides.iter().map(|found| {
        let v1::Override { secret, stage: _, version, update_time, etag } = found;
        [secret.clone(), version.to_string(), words::time(*update_time), etag.clone()]
    });
    table::text(["SECRET", "VERSION", "WRITTEN", "ETAG"], rows.collect())
}
