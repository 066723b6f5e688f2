//! `waxseal keys rotate`

use crate::failure::Failure;
use crate::options::Format;
use crate::output;
use serde::Serialize;
use std::path::PathBuf;
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;
use waxseal_server::{Config, wiring};

/// Adds a wrapping key to the local key file and makes it the active one.
///
/// The old ones stay in the file and go on opening what is under them. A running server takes the
/// new one up when it is started again.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal keys rotate --data-dir /var/lib/waxseal")]
pub(super) struct Rotate {
    /// The data directory of the server.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// What to print: words, or an object with active_key_id.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct Rotated<'a> {
    active_key_id: &'a str,
}

impl Rotate {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { data_dir, output } = self;
        let config = Config { data_dir: Some(data_dir), ..Config::default() };
        let active = wiring::rotate_local_key(&config, SystemClock.now())?;
        match output {
            Format::Json => output::print_json(&Rotated { active_key_id: &active }),
            Format::Table => output::print(&format!(
                "the active wrapping key is now {active}\nback the key file up, start the server \
                 again, then run: waxseal keys rewrap\n"
            )),
        }
    }
}
