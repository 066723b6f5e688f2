//! `waxseal serve`: the server, from its configuration.

use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::{output, signals};
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::Signal;
use waxseal_engine::Engine;
use waxseal_server::wiring::{self, Opened};
use waxseal_server::{Admin, Config, Listeners, telemetry};

/// Starts the server.
///
/// It keeps everything in its data directory, unless PostgreSQL and AWS KMS are named. On an empty
/// store nobody may do anything: `waxseal init`, on the same machine, makes the first admin.
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
  WAXSEAL_DATABASE_URL_FILE=/run/secrets/database WAXSEAL_KMS_KEY=alias/waxseal \
    WAXSEAL_REDIS_URL=rediss://cache.internal:6379 waxseal serve

Each setting can be an option or an environment variable; the option wins. A variable that begins
with WAXSEAL_ and is not known is refused.

SIGTERM and SIGINT stop the server: it accepts nobody new, finishes the calls that are under way,
and has ended within 30 seconds in any case. A second signal ends it at once. SIGHUP reads the
certificates again, and ends nothing.";

impl Serve {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Failure> {
        let Self { check, mut config } = self;
        config.telemetry.fill_in(|name| surroundings.get(name)?.to_str().map(str::to_owned))?;
        config.check()?;
        if check {
            output::print(&config.effective())?;
        }
        let dir = config.data_dir.as_deref();
        if dir.is_none() && config.engines.needs_data_dir() {
            return Err(Failure::NoDataDir);
        }
        if check {
            return Ok(());
        }
        // Before the engines are waited for, which may take a while.
        let hangup = signals::hangup()?;
        signals::file_too_large()?;
        let _log = telemetry::init(&config)?;
        let admin = Admin::start(&config).await.map_err(|error| Failure::bind(error.into()))?;
        if let Some(admin) = &admin {
            output::say(&format!("waxseal: metrics on http://{}/metrics", admin.address()));
        }
        let mut stop = pin!(signals::stop()?);
        let opened = tokio::select! {
            opened = open(&config) => opened?,
            () = &mut stop => return Ok(()),
        };
        if let Some(admin) = &admin {
            admin.tell(&opened.metrics);
        }
        let listeners = Listeners::bind(&config).await.map_err(Failure::bind)?;
        if listeners.certificates().is_none() {
            tokio::spawn(nothing_to_read(hangup));
        }
        say_what_is_missing(&opened.engine).await?;

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

/// Opens the engines. While one of those that run elsewhere is away, it is tried again: nobody is
/// let in before, so that whoever watches sees a server that is not ready.
async fn open(config: &Config) -> Result<Opened, Failure> {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);
    let mut pause = FIRST;
    loop {
        match wiring::open(config).await {
            Err(error) if error.is_outage(config) => {
                tracing::warn!(%error, seconds = pause.as_secs(), "not ready: trying again");
                tokio::time::sleep(pause).await;
                pause = LONGEST.min(pause * 2);
            }
            opened => return Ok(opened?),
        }
    }
}

/// Says so whenever it is asked for.
async fn nothing_to_read(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        tracing::info!("SIGHUP: there are no certificates to read again");
    }
}

/// Nobody can do anything on an empty store without a first admin.
async fn say_what_is_missing(engine: &Engine) -> Result<(), Failure> {
    if !engine.is_initialized().await.map_err(Failure::Token)? {
        output::say(
            "waxseal: nobody may do anything here yet: `waxseal init` makes the first admin, once \
             it serves",
        );
    }
    Ok(())
}
