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

/// What this program starts itself as, and what it measures besides.
#[derive(clap::Subcommand)]
pub(crate) enum Server {
    /// Whether the time of a refused token tells what was wrong with it. Fails where it does.
    Timing {
        /// Refusals for each comparison.
        #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
        samples: usize,
    },
    #[command(hide = true)]
    Waxseal {
        #[arg(long)]
        core: Option<usize>,
        #[arg(long)]
        dir: PathBuf,
        /// In bytes; with 0 every resolve is cold.
        #[arg(long)]
        view_cache: u64,
        /// What calls go without.
        #[arg(long)]
        without: Vec<Check>,
        /// The project whose live `main` the runtime's token is for; else it is for all.
        #[arg(long)]
        agent_of: Option<String>,
        #[command(flatten)]
        engines: Box<Engines>,
    },
    #[command(hide = true)]
    Bare {
        #[arg(long)]
        core: Option<usize>,
        /// A Redis that holds a message, to be fetched for each answer.
        #[arg(long)]
        relay: Option<String>,
        /// NAME=FILE: the encoded message to answer under that name.
        answers: Vec<String>,
    },
}

/// Something that a call can be measured without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Check {
    Authentication,
    Authorisation,
    Audit,
}

impl Check {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorisation => "authorisation",
            Self::Audit => "audit",
        }
    }
}

impl Options {
    /// Whether a case is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|case| case == name)
    }
}
