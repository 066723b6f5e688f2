//! Which services a host has.

/// What a host serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Services {
    /// Everything.
    #[default]
    All,
    /// Projects, environments, secrets: what people and their tools call.
    Management,
    /// Resolving, watching, rendering: what agents call.
    Runtime,
    /// The status of data keys, and wrapping them anew.
    Keys,
}

impl Services {
    /// Whether a service of ours, by its name without the package, is among these.
    pub(crate) fn serve(self, service: &str) -> bool {
        match self {
            Self::All => true,
            Self::Runtime => service == "RuntimeService",
            Self::Keys => service == "KeyService",
            Self::Management => !["RuntimeService", "KeyService"].contains(&service),
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Management => "management",
            Self::Runtime => "runtime",
            Self::Keys => "keys",
        }
    }
}
