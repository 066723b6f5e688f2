//! A stage, as it is written on the command line.

use waxseal_proto::v1::Stage;

/// One of the two copies that every environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StageName {
    /// The working copy.
    Draft,
    /// The published copy.
    Live,
}

impl From<StageName> for Stage {
    fn from(name: StageName) -> Self {
        match name {
            StageName::Draft => Self::Draft,
            StageName::Live => Self::Live,
        }
    }
}
