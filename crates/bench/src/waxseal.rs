//! The server that is measured: the one of the product, with one worker.

use crate::options::Check;
use crate::{Fault, report};
use std::path::PathBuf;
use std::time::Duration;
use waxseal_domain::caller::{Role, ScopeName};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, PrincipalId, ProjectId};
use waxseal_domain::time::Clock as _;
use waxseal_engine::{NewToken, SystemClock, Without};
use waxseal_server::Listeners;
use waxseal_server::config::{Config, Engines, Limits, Transport};
use waxseal_server::wiring::{self, Seams};

/// Serves the data directory until the process is killed, having said where and to whom.
pub(crate) async fn serve(
    dir: PathBuf,
    view_cache: u64,
    engines: Engines,
    left_out: &[Check],
    agent_of: Option<&str>,
) -> Result<(), Fault> {
    const HOUR: Duration = Duration::from_secs(3_600);
    /// Of calls, streams and connections.
    const MANY: usize = 100_000;
    let config = Config {
        listen: vec!["127.0.0.1:0".parse()?],
        data_dir: engines.needs_data_dir().then_some(dir),
        engines,
        view_cache,
        workers: 1,
        // Cached views are counted by the thousand.
        max_environments: 10_000,
        // What is refused for coming too often is not measured. It is counted all the same.
        limits: Limits {
            rate_limit: 100 * MANY,
            max_calls: MANY,
            max_streams: MANY,
            ..Limits::default()
        },
        transport: Transport {
            max_connections: MANY,
            max_connections_per_ip: MANY,
            ..Transport::default()
        },
        ..Config::default()
    };
    let mut opened = wiring::open(&config).await?;
    let expires = SystemClock.now().after(HOUR);
    let agents = match agent_of {
        None => ScopeName::Deployment,
        Some(project) => {
            let main = EnvironmentId::parse("main")?;
            ScopeName::Environment(ProjectId::parse(project)?, main, Stage::Live)
        }
    };
    let mut tokens = Vec::new();
    for role in [Role::Admin, Role::Builder, Role::Runtime] {
        let principal = PrincipalId::parse(role.as_str())?;
        let scope = if role == Role::Runtime { agents.clone() } else { ScopeName::Deployment };
        let new = NewToken { principal, role, reveal: false, scope, expires };
        tokens.push(opened.engine.create_token(new).await?.to_string());
    }
    let [admin, builder, runtime] = &tokens[..] else { return Err("three tokens".into()) };
    if !left_out.is_empty() {
        let left_out = |check| left_out.contains(&check);
        let without = Without {
            authentication: match left_out(Check::Authentication) {
                true => Some(opened.engine.authenticate(runtime).await?),
                false => None,
            },
            authorisation: left_out(Check::Authorisation),
            audit: left_out(Check::Audit),
        };
        // Who is taken for the caller is known only to an engine that is open.
        drop(opened);
        opened = wiring::open_with(&config, Seams { without, ..Seams::default() }).await?;
    }
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.tcp_addr().ok_or("it listens on TCP")?.to_string();
    let said = serde_json::json!({
        "address": address, "admin": admin, "builder": builder, "runtime": runtime,
    });
    report::line(&said.to_string());
    Ok(waxseal_server::run(&config, opened, listeners, std::future::pending()).await?)
}
