//! The `waxseal` command line: one command, one file.

mod dev;
mod failure;
mod output;
mod serve;
mod signals;
mod token;
mod token_file;

use clap::Parser as _;
use failure::Failure;
use std::process::ExitCode;
use std::time::Duration;
use waxseal_server::{config, process};

/// Left to threads that still wait for a disk when everything else is over.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Keeps the secrets of agents: names with a default value and with overrides for single
/// environments and stages, encrypted, and served over gRPC.
#[derive(clap::Parser)]
#[command(name = "waxseal", version, after_help = EXAMPLES)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Dev(dev::Dev),
    Serve(serve::Serve),
    Token(token::Token),
}

const EXAMPLES: &str = "\
Examples:
  waxseal dev                                 try it: a server, a first project, commands to paste
  waxseal serve --data-dir /var/lib/waxseal   run it
  waxseal serve --help                        every setting, with its environment variable

Exit codes: 0 done; 1 failed, with the cause on standard error; 2 the command line or the
configuration is wrong.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    process::harden().map_err(Failure::Harden)?;
    let Line { command } = Line::parse();
    #[allow(clippy::disallowed_methods, reason = "the one place where all of them are looked at")]
    config::refuse_unknown(std::env::vars_os())?;

    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let done = runtime.block_on(async {
        match command {
            Command::Dev(dev) => dev.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Token(token) => token.run().await,
        }
    });
    // Dropping it would wait for its threads, for ever if a disk hangs.
    runtime.shutdown_timeout(LAST_WRITES);
    done
}
