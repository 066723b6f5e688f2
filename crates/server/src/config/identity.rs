//! Who else vouches for callers.

use std::fmt;
use std::path::{Path, PathBuf};

/// Identities of workloads that others vouch for.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Identities")]
pub struct Identities {
    /// A TOML file that lists the issuers whose signed tokens (JWT) are taken: Kubernetes, or any
    /// OpenID provider. Read at start. Without it no such token is taken.
    #[arg(long, env = "WAXSEAL_WORKLOAD_ISSUERS", value_name = "FILE")]
    pub workload_issuers: Option<PathBuf>,
}

impl Identities {
    /// The list of issuers, where there is one.
    pub(crate) fn issuers(&self) -> Option<&Path> {
        self.workload_issuers.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn fmt::Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self { workload_issuers } = self;
        let path = workload_issuers.as_ref().map(|path| path.display().to_string());
        line("WORKLOAD_ISSUERS", &path.unwrap_or_default());
    }
}
