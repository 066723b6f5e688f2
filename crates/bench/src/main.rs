//! What an answer costs, beside the least that it could cost: real servers as processes of their
//! own on one core, a load generator on another, and both kinds of server in one run.
//!
//! Read the ratios: calls a second differ from machine to machine and with what else runs there.
//! CPU time per call, from `/proc`, differs less, so it is what `ratio_to_bare` compares.

mod bare;
mod call;
mod cases;
mod child;
mod counting;
mod engines;
mod h2load;
mod latency;
mod load;
mod options;
mod pin;
mod plot;
mod postgres;
mod report;
mod rounds;
mod seed;
mod sqlite;
mod timing;
mod waxseal;

use clap::Parser as _;
use options::{Line, Server};
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever ends the benchmark. It is read by who started it.
type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(Line::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            report::complain(&fault.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(line: Line) -> Result<(), Fault> {
    match line.server {
        // One thread serves, as one core does; what is in the background has threads of its own,
        // on the same core.
        Some(Server::Waxseal { core, dir, view_cache, without, agent_of, engines }) => {
            pin::to(core);
            let agent_of = agent_of.as_deref();
            Runtime::new()?.block_on(waxseal::serve(dir, view_cache, *engines, &without, agent_of))
        }
        Some(Server::Bare { core, relay, answers }) => {
            pin::to(core);
            current()?.block_on(bare::serve(&answers, relay.as_deref()))
        }
        Some(Server::Timing { samples }) => current()?.block_on(timing::run(samples)),
        None => {
            pin::to(pin::generator());
            current()?.block_on(cases::run(&line.options))
        }
    }
}

fn current() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
