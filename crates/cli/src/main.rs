//! The `waxseal` command line: one command, one file.

mod arguments;
mod audit;
mod binding;
mod client;
mod clipboard;
mod completion;
mod curtain;
mod dev;
mod env;
mod env_file;
mod explain;
mod export;
mod failure;
mod import;
mod init;
mod json;
mod keys;
mod migrate;
mod options;
mod output;
mod overrides;
mod payload;
mod principal;
mod progress;
mod project;
mod references;
mod render;
mod resolve;
mod run;
mod secret;
mod serve;
mod session;
mod settings;
mod signals;
mod surroundings;
mod table;
mod terminal;
mod text_input;
mod token;
mod token_file;
mod value;
mod whoami;
mod words;

use failure::{Complaint, Failure};
use rustix::fs::Mode;
use rustix::process::umask;
use session::drive;
use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;
use surroundings::Surroundings;
use waxseal_memory::Wiping;
use waxseal_server::process;

/// Nothing that was freed stays in memory.
#[global_allocator]
static ALLOCATOR: Wiping<System> = Wiping(System);

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
    Serve(Box<serve::Serve>),
    Init(init::Init),
    Whoami(whoami::Whoami),
    Principal(principal::Principal),
    Binding(binding::Binding),
    Token(token::Token),
    Project(project::Project),
    Env(env::Env),
    Secret(secret::Secret),
    Override(overrides::Override),
    Resolve(resolve::Resolve),
    Render(render::Render),
    Explain(explain::Explain),
    References(references::References),
    Export(export::Export),
    Import(import::Import),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Migrate(migrate::Migrate),
    Run(run::Run),
    Completion(completion::Completion),
}

const EXAMPLES: &str = "\
Examples:
  waxseal dev                                 try it: a server, a first project, commands to paste
  waxseal serve --data-dir /var/lib/waxseal   run it
  waxseal init --data-dir /var/lib/waxseal    the first admin, and a token for it
  waxseal serve --help                        every setting, with its environment variable

  export WAXSEAL_TOKEN_FILE=~/builder.token WAXSEAL_PROJECT=demo
  waxseal secret create STRIPE_KEY --visibility restricted    asks for the value, not shown
  waxseal override set STRIPE_KEY -e staging --stage live < key.txt
  waxseal explain -e staging --stage live                     which value wins, and why
  waxseal run -e staging --stage live -- ./agent              with the values as its environment

  waxseal binding create agent --role runtime --scope projects/demo    an admin says who may what
  waxseal whoami                                                       and this, what oneself may
  waxseal audit verify                                                 an auditor looks it over

Values are read from standard input, a file or a prompt, and never from an argument. An option wins
over its environment variable, and that over a profile, $XDG_CONFIG_HOME/waxseal/profiles.toml:

  [production]                                chosen by --profile production
  address = \"http://127.0.0.1:7466\"
  token_file = \"production.token\"             beside the profiles, all of them with mode 0600
  project = \"demo\"

Exit codes: 0 done; 1 failed, with the cause on standard error; 2 the command line or the
configuration is wrong; 3 what was named is not there; 4 `secret verify` found another value; 126,
127 `run` could not start its command; 130 interrupted.";

fn main() -> ExitCode {
    let before = umask(Mode::RWXG | Mode::RWXO);
    let hardened = process::harden();
    #[allow(clippy::disallowed_methods, reason = "the one place where all of them are looked at")]
    let surroundings = Surroundings::of(std::env::vars_os(), before);
    let line = match arguments::parse(&surroundings) {
        Ok(line) => line,
        Err(error) => return arguments::explain(&error),
    };
    let hardened = hardened.map_err(|error| Failure::Harden(error).into());
    match hardened.and_then(|()| run(line, &surroundings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            output::complain(&complaint);
            complaint.failure.exit_code()
        }
    }
}

fn run(line: Line, surroundings: &Surroundings) -> Result<(), Complaint> {
    surroundings.refuse_unknown()?;

    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let done = runtime.block_on(dispatch(line.command, surroundings));
    match &done {
        // A thread waits for a line that nobody will type.
        Err(Complaint { failure: Failure::Interrupted, .. }) => runtime.shutdown_background(),
        // Dropping it would wait for its threads, for ever if a disk hangs.
        _ => runtime.shutdown_timeout(LAST_WRITES),
    }
    done
}

async fn dispatch(command: Command, surroundings: &Surroundings) -> Result<(), Complaint> {
    match command {
        Command::Dev(dev) => Ok(dev.run().await?),
        Command::Serve(serve) => Ok(serve.run(surroundings).await?),
        Command::Init(init) => Ok(init.run().await?),
        Command::Whoami(whoami) => drive(whoami, surroundings).await,
        Command::Principal(principal) => principal.run(surroundings).await,
        Command::Binding(binding) => binding.run(surroundings).await,
        Command::Token(token) => token.run(surroundings).await,
        Command::Project(project) => project.run(surroundings).await,
        Command::Env(env) => env.run(surroundings).await,
        Command::Secret(secret) => secret.run(surroundings).await,
        Command::Override(overrides) => overrides.run(surroundings).await,
        Command::Resolve(resolve) => drive(resolve, surroundings).await,
        Command::Render(render) => drive(render, surroundings).await,
        Command::Explain(explain) => drive(explain, surroundings).await,
        Command::References(references) => drive(references, surroundings).await,
        Command::Export(export) => drive(export, surroundings).await,
        Command::Import(import) => drive(import, surroundings).await,
        Command::Keys(keys) => keys.run(surroundings).await,
        Command::Audit(audit) => audit.run(surroundings).await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Run(run) => drive(run, surroundings).await,
        Command::Completion(completion) => Ok(completion.run()?),
    }
}
