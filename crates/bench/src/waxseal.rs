//! The server that is measured: the one of the product, with one worker.

use crate::{Fault, report};
use std::path::PathBuf;
use std::time::Duration;
use waxseal_domain::caller::{Role, ScopeName};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::Clock as _;
use waxseal_engine::{NewToken, SystemClock};
use waxseal_server::config::{Config, Engines};
use waxseal_server::{Listeners, wiring};

/// Serves the data directory until the process is killed, having said where and to whom.
pub(crate) async fn serve(dir: PathBuf, view_cache: u64, engines: Engines) -> Result<(), Fault> {
    const HOUR: Duration = Duration::from_secs(3_600);
    let config = Config {
        listen: vec!["127.0.0.1:0".parse()?],
        data_dir: engines.needs_data_dir().then_some(dir),
        engines,
        view_cache,
        workers: 1,
        // Cached views are counted by the thousand.
        max_environments: 10_000,
        ..Config::default()
    };
    let opened = wiring::open(&config).await?;
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.tcp_addr().ok_or("it listens on TCP")?.to_string();
    let expires = SystemClock.now().after(HOUR);
    let mut tokens = Vec::new();
    for role in [Role::Admin, Role::Builder, Role::Runtime] {
        let principal = PrincipalId::parse(role.as_str())?;
        let scope = ScopeName::Deployment;
        let new = NewToken { principal, role, reveal: false, scope, expires };
        tokens.push(opened.engine.create_token(new).await?.to_string());
    }
    let [admin, builder, runtime] = &tokens[..] else { return Err("three tokens".into()) };
    let said = serde_json::json!({
        "address": address, "admin": admin, "builder": builder, "runtime": runtime,
    });
    report::line(&said.to_string());
    Ok(waxseal_server::run(&config, opened, listeners, std::future::pending()).await?)
}
