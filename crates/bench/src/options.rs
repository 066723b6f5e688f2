//! The command line.

use std::path::PathBuf;
use waxseal_server::config::Engines;

/// Measures what calls cost, beside servers that do nothing but answer.
#[derive(clap::Parser)]
#[command(name = "waxseal-bench")]
pub(crate) struct Line {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) server: Option<Server>,
}

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Short rounds and fewer sizes: within a minute.
    #[arg(long)]
    pub(crate) quick: bool,
    /// One JSON object a line, in place of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// Only cases of these names, and what they are compared with. May be given several times.
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,
    /// Draws the cost per call of every case into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// A PostgreSQL to measure on; without one it starts its own where it is installed.
    #[arg(long, env = "TEST_POSTGRES", value_name = "URL", hide_env_values = true)]
    pub(crate) postgres: Option<String>,
}

/// What this program starts itself as.
#[derive(clap::Subcommand)]
pub(crate) enum Server {
    #[command(hide = true)]
    Waxseal {
        #[arg(long)]
        core: Option<usize>,
        #[arg(long)]
        dir: PathBuf,
        /// In bytes; with 0 every resolve is cold.
        #[arg(long)]
        view_cache: u64,
        #[command(flatten)]
        engines: Engines,
    },
    #[command(hide = true)]
    Bare {
        #[arg(long)]
        core: Option<usize>,
        /// NAME=FILE: the encoded message to answer under that name.
        answers: Vec<String>,
    },
}

impl Options {
    /// Whether a case is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|case| case == name)
    }
}
