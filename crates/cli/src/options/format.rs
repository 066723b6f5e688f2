//! What a command prints.

/// Tables for people, or JSON for scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// The messages of the API in the JSON form of Protocol Buffers, one document.
    Json,
}
