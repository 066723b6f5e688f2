//! `waxseal serve`: the server, from its configuration.

use crate::failure::Failure;
use crate::{output, signals, token_file};
use std::path::Path;
use std::pin::pin;
use waxseal_domain::caller::Role;
use waxseal_engine::Engine;
use waxseal_server::{Config, Listeners, telemetry, wiring};

/// Starts the server.
///
/// It keeps everything in its data directory. Where that is empty, an administrator's token, valid
/// for a year, is written there as admin.token.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Prints the configuration in force, one NAME=value a line, and ends.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    config: Config,
}

const EXAMPLES: &str = "\
Examples:
  waxseal serve --data-dir /var/lib/waxseal
  waxseal serve --data-dir /var/lib/waxseal --listen 127.0.0.1:7466,unix:/run/waxseal/waxseal.sock
  WAXSEAL_DATA_DIR=/var/lib/waxseal WAXSEAL_LOG_FORMAT=json waxseal serve

Each setting can be an option or an environment variable; the option wins. A variable that begins
with WAXSEAL_ and is not known is refused.

SIGTERM and SIGINT stop the server: it accepts nobody new, finishes the calls that are under way,
and has ended within 30 seconds in any case. A second signal ends it at once.";

impl Serve {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { check, config } = self;
        config.check()?;
        if check {
            output::print(&config.effective())?;
        }
        let dir = config.data_dir.as_deref().ok_or(Failure::NoDataDir)?;
        if check {
            return Ok(());
        }
        telemetry::init(&config)?;
        let stop = signals::stop()?;
        let opened = wiring::open(&config).await?;
        let listeners = Listeners::bind(&config).await.map_err(Failure::bind)?;
        admit_first_admin(&opened.engine, dir).await?;

        let addresses = listeners.addresses();
        let mut serving = pin!(waxseal_server::run(&config, opened, listeners, stop));
        // The server goes first: it accepts from here on, or says why it does not.
        tokio::select! {
            biased;
            ended = &mut serving => return Ok(ended?),
            () = std::future::ready(()) => output::ready(&addresses),
        }
        Ok(serving.await?)
    }
}

/// Nobody could do anything on an empty store without a first token.
async fn admit_first_admin(engine: &Engine, dir: &Path) -> Result<(), Failure> {
    if engine.has_tokens().await.map_err(Failure::Token)? {
        return Ok(());
    }
    let issued = token_file::issue(engine, dir, Role::Admin, false).await?;
    output::say(&format!("waxseal: wrote the first admin token to {}", issued.path.display()));
    Ok(())
}
