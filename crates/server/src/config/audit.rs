//! How the audit trail is kept.

use super::units;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How the audit trail is kept.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Audit {
    /// Disclosures of the same view to the same caller within this time are one record and a count:
    /// a number and ms, s, m, h or d. With 0, each of them is a record of its own.
    #[arg(
        long,
        env = "WAXSEAL_AUDIT_WINDOW",
        value_name = "TIME",
        value_parser = units::duration_or_none,
        default_value = "1m"
    )]
    pub audit_window: Duration,

    /// How often a signed checkpoint says where all chains of the audit trail are, while anything
    /// happens: a number and ms, s, m, h or d.
    #[arg(
        long,
        env = "WAXSEAL_AUDIT_CHECKPOINT_INTERVAL",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "10s"
    )]
    pub audit_checkpoint_interval: Duration,

    /// The file that checkpoints are also written to, outside of the database; by default
    /// checkpoints.jsonl in the data directory. Each server has one of its own. Best it is on
    /// another machine, or copied there: it shows when the database was rolled back.
    #[arg(long, env = "WAXSEAL_AUDIT_CHECKPOINTS", value_name = "FILE")]
    pub audit_checkpoints: Option<PathBuf>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            audit_window: Duration::from_secs(60),
            audit_checkpoint_interval: Duration::from_secs(10),
            audit_checkpoints: None,
        }
    }
}

impl Audit {
    /// The file, if one is named. A variable that is set to nothing is not set.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        self.audit_checkpoints.as_ref().filter(|path| !path.as_os_str().is_empty())
    }

    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn fmt::Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self { audit_window, audit_checkpoint_interval, audit_checkpoints } = self;
        let file = audit_checkpoints.as_ref().map(|path| path.display().to_string());
        line("AUDIT_WINDOW", &units::show_duration(*audit_window));
        line("AUDIT_CHECKPOINT_INTERVAL", &units::show_duration(*audit_checkpoint_interval));
        line("AUDIT_CHECKPOINTS", &file.unwrap_or_default());
    }
}
