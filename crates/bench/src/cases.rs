//! What is measured.

mod checks;
mod cold;
mod engines;
mod growth;
mod warm;
mod writes;

use crate::call::Call;
use crate::child::Running;
use crate::load::Load;
use crate::options::Options;
use crate::report::Report;
use crate::rounds::{Case, Rounds, measured, runs};
use crate::seed::Waxseal;
use crate::{Fault, pin, plot};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Saturates a core.
const FULL: Load = Load { connections: 4, in_flight: 64 };

/// What all groups share.
struct Bench<'a> {
    options: &'a Options,
    report: Report,
    dir: TempDir,
}

/// Measures what is asked for, and prints it.
pub(crate) async fn run(options: &Options) -> Result<(), Fault> {
    let dir = tempfile::Builder::new().prefix("waxseal-bench.").tempdir()?;
    let mut bench = Bench { options, report: Report::new(options.json), dir };
    let note = match (pin::server(), pin::generator()) {
        (Some(server), Some(generator)) => {
            format!("servers on core {server}, load generator on core {generator}")
        }
        _ => "one core for servers and load generator: read nothing into calls/s".to_owned(),
    };
    bench.report.note(&note);
    warm::run(&mut bench).await?;
    checks::run(&mut bench).await?;
    growth::run(&mut bench).await?;
    cold::run(&mut bench).await?;
    writes::run(&mut bench).await?;
    engines::run(&mut bench).await?;
    if let Some(file) = &options.plot {
        std::fs::write(file, plot::svg(&bench.report.all))?;
        bench.report.note(&format!("drawn into {}", file.display()));
    }
    Ok(())
}

impl Bench<'_> {
    /// A new directory, for a server.
    fn data_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A long or a short time, as was asked for.
    fn rounds(&self, quick: u64, thorough: u64) -> Rounds {
        let (count, millis) = if self.options.quick { (5, quick) } else { (7, thorough) };
        Rounds {
            count,
            time: Duration::from_millis(millis),
            warm_up: Duration::from_millis(millis / 3),
        }
    }

    /// The cases that are asked for, and those that they are compared with.
    fn wanted<'c>(&self, cases: Vec<Case<'c>>) -> Vec<Case<'c>> {
        let wanted = |case: &Case<'_>| self.options.wants(&case.name);
        let bares: Vec<_> =
            cases.iter().filter(|case| wanted(case)).filter_map(|case| case.bare.clone()).collect();
        cases.into_iter().filter(|case| wanted(case) || bares.contains(&case.name)).collect()
    }

    /// Whether any of these is asked for, so that it is worth a server.
    fn wants_any(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.options.wants(name))
    }

    async fn measure(
        &mut self,
        title: &str,
        cases: Vec<Case<'_>>,
        rounds: Rounds,
    ) -> Result<(), Fault> {
        let cases = self.wanted(cases);
        let runs = runs(&cases, rounds).await?;
        self.report.group(title, measured(&cases, &runs));
        Ok(())
    }
}

/// A bare server with the answers that the measured one gives for these projects.
async fn bare(dir: &Path, waxseal: &Waxseal, projects: &[&str]) -> Result<Running, Fault> {
    let mut answers = Vec::new();
    std::fs::write(dir.join("empty"), [])?;
    answers.push(format!("empty={}", dir.join("empty").display()));
    for project in projects {
        let file = dir.join(format!("{project}.answer"));
        std::fs::write(&file, waxseal.answer(project).await?)?;
        answers.push(format!("{project}={}", file.display()));
    }
    Running::start("bare", answers).await
}

/// A case of the bare server.
fn floor<'a>(server: &'a Running, name: String, how: &str, answer: &str, load: Load) -> Case<'a> {
    Case { name, server, call: Call::bare(how, answer), load, bare: None }
}
