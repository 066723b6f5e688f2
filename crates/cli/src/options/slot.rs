//! Which slot of a secret a command is about.

use super::{Flags, ViewOptions};

/// The options of every command about one slot: the default, unless an override is asked for on the
/// command line. A variable or a profile alone never turns the one into the other.
#[derive(clap::Args, Debug)]
pub(crate) struct SlotOptions {
    /// The override of an environment and stage, and not the default. Said already by
    /// --environment or --stage; without them, the environment variables or the profile say which.
    #[arg(long = "override")]
    overriding: bool,

    #[command(flatten)]
    view: ViewOptions,
}

impl SlotOptions {
    pub(crate) fn flags(&self) -> Flags {
        self.view.flags()
    }

    /// Whether it is an override.
    pub(crate) fn is_override(&self) -> bool {
        self.overriding || self.view.is_given()
    }
}
