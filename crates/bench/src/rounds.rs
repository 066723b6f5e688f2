//! Rounds that alternate, so that whatever else the machine does meets every case alike.

use crate::Fault;
use crate::call::Call;
use crate::child::Running;
use crate::load::{self, Load, Run};
use std::time::Duration;

/// Something to measure.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) server: &'a Running,
    pub(crate) call: Call,
    pub(crate) load: Load,
    /// The case that answers the same bytes and does nothing else.
    pub(crate) bare: Option<String>,
}

/// Several rounds of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(figures.len() / 2), min: at(0), max: at(figures.len().saturating_sub(1)) }
    }
}

/// What the rounds of a case have shown.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) load: Load,
    pub(crate) calls_per_s: Spread,
    pub(crate) cpu_us_per_call: Spread,
    pub(crate) generator: f64,
    pub(crate) bare: Option<String>,
    /// The CPU time of the bare call in that of this one, round by round.
    pub(crate) ratio: Option<Spread>,
    /// The same of calls a second.
    pub(crate) speed_ratio: Option<Spread>,
}

impl Measured {
    /// Rounds of calls beside rounds of something that no server of ours does, so that calls a
    /// second are what can be compared.
    pub(crate) fn beside(name: &str, load: Load, runs: &[Run], bare: &str, floor: &[f64]) -> Self {
        let spread = |of: fn(&Run) -> f64| Spread::of(runs.iter().map(of).collect());
        let ratio = runs.iter().zip(floor).map(|(run, floor)| run.calls_per_s / floor).collect();
        Self {
            name: name.to_owned(),
            load,
            calls_per_s: spread(|run| run.calls_per_s),
            cpu_us_per_call: spread(|run| run.cpu_us_per_call),
            generator: spread(|run| run.generator).median,
            bare: Some(bare.to_owned()),
            ratio: Some(Spread::of(ratio)),
            speed_ratio: None,
        }
    }

    /// What is measured from here, one at a time: it has no server of ours, and so no CPU time per
    /// call.
    pub(crate) fn floor(name: &str, calls_per_s: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            load: Load { connections: 1, in_flight: 1 },
            calls_per_s: Spread::of(calls_per_s),
            cpu_us_per_call: Spread::of(Vec::new()),
            generator: f64::NAN,
            bare: None,
            ratio: None,
            speed_ratio: None,
        }
    }
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) time: Duration,
    pub(crate) warm_up: Duration,
}

/// Measures cases in turn, again and again; gives the rounds of each.
pub(crate) async fn runs(cases: &[Case<'_>], rounds: Rounds) -> Result<Vec<Vec<Run>>, Fault> {
    for case in cases {
        load::closed(case.server, &case.call, case.load, rounds.warm_up).await?;
    }
    let mut runs: Vec<Vec<Run>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds.count {
        for (case, runs) in cases.iter().zip(&mut runs) {
            runs.push(load::closed(case.server, &case.call, case.load, rounds.time).await?);
        }
    }
    Ok(runs)
}

/// What the rounds of these cases have shown.
pub(crate) fn measured(cases: &[Case<'_>], runs: &[Vec<Run>]) -> Vec<Measured> {
    cases.iter().zip(runs).map(|(case, own)| of_case(cases, runs, case, own)).collect()
}

fn of_case(cases: &[Case<'_>], runs: &[Vec<Run>], case: &Case<'_>, own: &[Run]) -> Measured {
    let spread = |of: fn(&Run) -> f64| Spread::of(own.iter().map(of).collect());
    let bare = case.bare.as_ref().and_then(|bare| cases.iter().position(|case| case.name == *bare));
    let bare = bare.map(|at| &runs[at]);
    let ratio = |of: fn(&Run, &Run) -> f64| {
        bare.map(|bare| Spread::of(bare.iter().zip(own).map(|(bare, own)| of(bare, own)).collect()))
    };
    Measured {
        name: case.name.clone(),
        load: case.load,
        calls_per_s: spread(|run| run.calls_per_s),
        cpu_us_per_call: spread(|run| run.cpu_us_per_call),
        generator: spread(|run| run.generator).median,
        bare: case.bare.clone(),
        ratio: ratio(|bare, own| bare.cpu_us_per_call / own.cpu_us_per_call),
        speed_ratio: ratio(|bare, own| own.calls_per_s / bare.calls_per_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_the_middle_and_the_ends() {
        let spread = Spread::of(vec![5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 5.0));
        let one = Spread::of(vec![7.0]);
        assert_eq!((one.min, one.median, one.max), (7.0, 7.0, 7.0));
    }
}
