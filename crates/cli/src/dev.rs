//! `waxseal dev`: a server to try things on, with a first project in it, and its story told.

mod clients;
mod demo;
mod grpcurl;
mod story;
mod tokens;

use crate::failure::Failure;
use crate::{output, signals};
use clients::Clients;
use grpcurl::Grpcurl;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::pin::pin;
use tokens::Kept;
use tokio::sync::oneshot;
use waxseal_server::config::{Listen, LogFormat};
use waxseal_server::{Config, Listeners, telemetry, wiring};

/// Starts a server to try things on, with a first project in it.
///
/// Makes the project demo with environments, secrets and overrides, all values invented; plays
/// through gRPC what there is to do with them and prints it; prints grpcurl commands to paste; and
/// serves until it is stopped. Started again on the same directory it finds everything as it was.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dev {
    /// Where to keep the database, the key file and the tokens [default:
    /// $XDG_DATA_HOME/waxseal-dev, else $HOME/.local/share/waxseal-dev].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Where to listen: ADDR:PORT on this machine, or unix:PATH. Port 0 takes any free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7466")]
    listen: Listen,

    /// What to log, to standard error.
    #[arg(long, env = "WAXSEAL_LOG", value_name = "FILTER", default_value = "warn")]
    log: String,

    /// How to log.
    #[arg(long, env = "WAXSEAL_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

const EXAMPLES: &str = "\
Examples:
  waxseal dev
  waxseal dev --listen 127.0.0.1:0 --data-dir \"$(mktemp -d)\"

Tokens for all of it are written to the data directory: admin.token, builder.token (which may
reveal masked values) and runtime.token. Delete the directory to begin anew.

The variables of `waxseal serve` are not read, but for the two of logging.";

impl Dev {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let (config, dir) = self.config()?;
        let _log = telemetry::init(&config)?;
        let stop = signals::stop()?;
        let opened = wiring::open(&config).await?;
        let listeners = Listeners::bind(&config).await.map_err(Failure::bind)?;
        let kept = tokens::keep(&opened.engine, &dir).await?;

        let addresses = listeners.addresses();
        let (interrupt, interrupted) = oneshot::channel();
        let stop = async {
            stop.await;
            let _ = interrupt.send(());
        };
        let mut serving = pin!(waxseal_server::run(&config, opened, listeners, stop));
        let story = async {
            tokio::select! {
                biased;
                // Broken off, it has neither ended nor failed: what ends now is the server.
                _ = interrupted => std::future::pending().await,
                told = tell(&addresses, &dir, kept) => told,
            }
        };
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            told = story => told?,
        }
        output::ready(&addresses);
        Ok(serving.await?)
    }

    fn config(self) -> Result<(Config, PathBuf), Failure> {
        let Self { data_dir, listen, log, log_format } = self;
        if matches!(&listen, Listen::Tcp(address) if !address.ip().is_loopback()) {
            return Err(Failure::NotLocal(listen));
        }
        let dir = match data_dir {
            Some(dir) => dir,
            #[allow(clippy::disallowed_methods, reason = "read here, and handed on")]
            None => default_dir(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"))
                .ok_or(Failure::NoHome)?,
        };
        // What is printed is pasted into other shells, in other directories.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        let listen = match listen {
            Listen::Unix(path) => Listen::Unix(std::path::absolute(&path).unwrap_or(path)),
            tcp @ Listen::Tcp(_) => tcp,
        };
        let data_dir = Some(dir.clone());
        let config =
            Config { listen: vec![listen], data_dir, log, log_format, ..Config::default() };
        config.check()?;
        Ok((config, dir))
    }
}

/// Where data is kept when nobody says. A relative path counts for none, as the XDG specification
/// asks.
fn default_dir(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: Option<OsString>| path.map(PathBuf::from).filter(|p| p.is_absolute());
    let data = absolute(xdg).or_else(|| Some(absolute(home)?.join(".local/share")))?;
    Some(data.join("waxseal-dev"))
}

/// Everything that is printed before the ready line, while the server is serving.
async fn tell(addresses: &[String], dir: &Path, kept: Vec<Kept>) -> Result<(), Failure> {
    let address = addresses.first().map(String::as_str).unwrap_or_default();
    output::say(
        "A development server of Waxseal. It prints values that it invented, and no others.\n",
    );
    output::say(&format!("  address    {address}"));
    output::say(&format!("  data       {}", dir.display()));
    for Kept { role, file, state, token: _ } in &kept {
        let file = file.display();
        output::say(&format!("  {:<10} {file}, {}", role.as_str(), state.as_str()));
    }
    let clients = Clients::connect(address, &kept).await?;
    drop(kept);
    demo::make(&clients).await?;
    story::play(&clients).await;
    Grpcurl { address, dir }.print();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(xdg: Option<&str>, home: Option<&str>) -> Option<PathBuf> {
        default_dir(xdg.map(OsString::from), home.map(OsString::from))
    }

    #[test]
    fn data_is_kept_where_the_desktop_says() {
        let in_home = Some(PathBuf::from("/h/.local/share/waxseal-dev"));
        assert_eq!(dir(Some("/x"), Some("/h")), Some(PathBuf::from("/x/waxseal-dev")));
        for xdg in [None, Some(""), Some("relative")] {
            assert_eq!(dir(xdg, Some("/h")), in_home, "{xdg:?}");
        }
        assert_eq!(dir(None, None), None);
        assert_eq!(dir(None, Some("")), None);
    }
}
