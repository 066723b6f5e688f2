//! How the cost of a warm call grows: with its view, and with nothing else.

use super::{Bench, FULL, bare, floor};
use crate::Fault;
use crate::load::Load;
use crate::rounds::Case;
use crate::seed::{Waxseal, bounded};

/// Environments of a project that is there to have many views cached.
const ENVIRONMENTS: usize = 100;

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let views: &[usize] =
        if bench.options.quick { &[1, 10, 100] } else { &[1, 10, 100, 1_000, 10_000] };
    let secrets = [1, 10, 100, 1_000];
    let connections = [1, 2, 4, 8];
    let per_view = |count| format!("resolve_environment_secrets_{count}");
    let cached = |count| format!("resolve_environment_views_{count}");
    let connected = |count| format!("resolve_environment_connections_{count}");
    let names: Vec<_> = secrets
        .map(per_view)
        .into_iter()
        .chain(views.iter().copied().map(cached))
        .chain(connections.map(connected))
        .collect();
    if !bench.wants_any(&names) {
        return Ok(());
    }

    let waxseal = Waxseal::start(&bench.data_dir("growth"), 1 << 30).await?;
    let projects = secrets.map(|count| format!("of-{count}"));
    for (project, count) in projects.iter().zip(secrets) {
        waxseal.typical(project, count).await?;
    }
    let names = projects.each_ref().map(String::as_str);
    let bare = bare(bench.dir.path(), &waxseal, &names).await?;
    let of_ours =
        |name, call, load, bare| Case { name, server: &waxseal.running, call, load, bare };
    let mut cases = Vec::new();
    for (project, count) in names.iter().zip(secrets) {
        let floor_name = format!("bare_secrets_{count}_chained");
        cases.push(floor(&bare, floor_name.clone(), "chained", project, FULL));
        let call = waxseal.resolve(project, bounded());
        cases.push(of_ours(per_view(count), call, FULL, Some(floor_name)));
    }
    let rounds = bench.rounds(120, 1_500);
    bench.measure("Secrets in a view", cases, rounds).await?;

    let cases = connections.map(|connections| {
        let load = Load { connections, in_flight: 64 };
        of_ours(connected(connections), waxseal.resolve("of-10", bounded()), load, None)
    });
    let rounds = bench.rounds(100, 1_000);
    bench.measure("Connections", cases.into(), rounds).await?;

    let most = views.last().copied().unwrap_or_default();
    let mut environments = Vec::new();
    for number in 0..most.div_ceil(ENVIRONMENTS) {
        let project = format!("many-{number}");
        waxseal.project(&project, 1, ENVIRONMENTS, 64).await?;
        let main = (project.clone(), "main".to_owned());
        environments.push(main);
        let others = (1..ENVIRONMENTS).map(|number| (project.clone(), format!("e{number}")));
        environments.extend(others);
    }
    let cases = views.iter().map(|&count| {
        let call = waxseal.resolves(&environments[..count], bounded());
        of_ours(cached(count), call, FULL, None)
    });
    let rounds = bench.rounds(100, 1_500);
    bench.measure("Cached views, called in turn", cases.collect(), rounds).await
}
