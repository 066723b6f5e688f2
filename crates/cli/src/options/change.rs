//! What goes along with a change.

use crate::failure::Failure;
use crate::terminal;
use uuid::Uuid;

/// The options of every command that changes something.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Once {
    /// The id of the call, to repeat one whose outcome is not known: it is applied once [default: a
    /// new one].
    #[arg(long, value_name = "UUID")]
    request_id: Option<Uuid>,
}

/// The options of every command that changes something that exists.
#[derive(clap::Args, Debug)]
pub(crate) struct Change {
    /// Changes it only if it is still the one that this etag was given for.
    // One in 64 begins with a hyphen.
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    #[arg(allow_hyphen_values = true)]
    etag: String,

    #[command(flatten)]
    once: Once,
}

/// The option of every command that asks before it does what cannot be taken back.
#[derive(clap::Args, Debug)]
pub(crate) struct Consent {
    /// Does not ask for a confirmation.
    #[arg(long, short)]
    yes: bool,
}

impl Once {
    /// The same for every attempt at the call.
    pub(crate) fn id(&self) -> String {
        self.request_id.unwrap_or_else(Uuid::new_v4).to_string()
    }
}

impl Change {
    pub(crate) fn id(&self) -> String {
        self.once.id()
    }

    pub(crate) fn etag(&self) -> String {
        self.etag.clone()
    }
}

impl Consent {
    /// Asks, unless the answer was given in advance. Where nobody can be asked, that is required.
    pub(crate) async fn ask(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !terminal::is_attended() {
            return Err(Failure::NobodyToAsk);
        }
        if terminal::confirm(question).await? { Ok(()) } else { Err(Failure::NotConfirmed) }
    }
}
