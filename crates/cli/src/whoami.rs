//! `waxseal whoami`

use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::session::{Session, Verb};
use crate::{principal, table, words};
use waxseal_proto::v1;

/// Says who the token makes its bearer, and what they may do.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal whoami")]
pub(crate) struct Whoami {
    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Whoami {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::WhoAmIRequest {};
        let call = session
            .client
            .read(request, async |caller, request| caller.access().who_am_i(request).await);
        session.show(&call.await?, told)
    }
}

fn told(who: &v1::WhoAmIResponse) -> String {
    use v1::who_am_i_response::Credential;
    let credential = match &who.credential {
        Some(Credential::ApiToken(name)) => name.clone(),
        Some(Credential::Identity(identity)) => principal::identity(identity),
        None => String::new(),
    };
    let rows = who.grants.iter().map(|grant| {
        [
            words::role(grant.role(), grant.reveal).to_owned(),
            grant.scope.clone(),
            words::time(grant.expire_time),
        ]
    });
    let fields = table::fields([
        ("principal", who.principal.clone()),
        ("uid", who.uid.clone()),
        ("by", credential),
        ("until", words::time(who.expire_time)),
    ]);
    format!("{fields}\n{}", table::text(["ROLE", "SCOPE", "EXPIRES"], rows.collect()))
}
