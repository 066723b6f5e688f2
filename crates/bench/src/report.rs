//! What is printed: tables for people, lines of JSON for programs.

use crate::latency::Latency;
use crate::load::{Load, Run};
use crate::rounds::{Measured, Spread};
use serde_json::{Value, json};
use std::io::Write as _;

/// Prints a line. Whoever reads may be gone, which ends nothing.
pub(crate) fn line(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Prints what went wrong.
pub(crate) fn complain(what: &str) {
    let _ = writeln!(std::io::stderr(), "waxseal-bench: {what}");
}

/// How often a call asks the engines, on the average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) postgres: f64,
    pub(crate) redis: f64,
    pub(crate) kms: f64,
}

/// Changes on their way to many streams.
pub(crate) struct Fanout {
    pub(crate) streams: usize,
    pub(crate) events: u32,
    pub(crate) events_per_s: f64,
    /// Of the server, for each event, without what the writes cost by themselves.
    pub(crate) cpu_us: f64,
    /// Of the server, in bytes, for each stream with its share of a connection.
    pub(crate) memory: f64,
    /// From the beginning of the write to the event.
    pub(crate) latency: Latency,
}

/// Where figures go.
pub(crate) struct Report {
    json: bool,
    /// Everything measured so far, for the plot.
    pub(crate) all: Vec<Measured>,
}

impl Report {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, all: Vec::new() }
    }

    /// Something that is no figure. It must not get between lines of JSON.
    pub(crate) fn note(&self, note: &str) {
        if self.json {
            let _ = writeln!(std::io::stderr(), "{note}");
        } else {
            line(note);
        }
    }

    /// A group of cases, as a table.
    pub(crate) fn group(&mut self, title: &str, measured: Vec<Measured>) {
        if measured.is_empty() {
            return;
        }
        if !self.json {
            line(&format!("\n{title}\n"));
            line(&format!(
                "{:<44} {:>9} {:>9} {:>19} {:>8} {:>16} {:>8} {:>9}",
                "case",
                "in flight",
                "calls/s",
                "min..max",
                "us CPU",
                "of bare, by CPU",
                "by calls",
                "generator"
            ));
        }
        for case in &measured {
            line(&if self.json { case.json().to_string() } else { case.row() });
        }
        self.all.extend(measured);
    }

    /// What engines were asked for each call.
    pub(crate) fn asked(&self, name: &str, asked: Asked) {
        let Asked { postgres, redis, kms } = asked;
        line(&if self.json {
            json!({
                "case": name, "calls_per_s": null, "cpu_us_per_call": null, "ratio_to_bare": null,
                "postgres_round_trips_per_call": postgres, "redis_calls_per_call": redis,
                "kms_calls_per_call": kms,
            })
            .to_string()
        } else {
            format!("{name:<44} {postgres:>10.2} {redis:>10.2} {kms:>10.2}")
        });
    }

    /// What a check costs a call, in CPU time and as a share of all that the call takes.
    pub(crate) fn check(&self, without: &str, what: &str, us: Spread, share: Spread) {
        line(&if self.json {
            json!({
                "case": format!("cost_beside_{without}"), "check": what, "calls_per_s": null,
                "cpu_us_per_call": us.median, "cpu_us_per_call_min": us.min,
                "cpu_us_per_call_max": us.max, "ratio_to_bare": null,
                "share_of_call": share.median, "share_of_call_min": share.min,
                "share_of_call_max": share.max,
            })
            .to_string()
        } else {
            let [median, min, max] = [share.median, share.min, share.max].map(|s| s * 100.0);
            format!(
                "{what}: {:.2} us CPU of a call, {median:.1} % of it ({min:.1}..{max:.1})",
                us.median
            )
        });
    }

    /// How changes reach the streams that watch.
    pub(crate) fn fanout(&self, name: &str, fanout: &Fanout) {
        let Fanout { streams, events, events_per_s, cpu_us, memory, ref latency } = *fanout;
        let [p50, p99] = [0.5, 0.99].map(|share| latency.within(share));
        line(&if self.json {
            json!({
                "case": name, "streams": streams, "events": events, "calls_per_s": events_per_s,
                "cpu_us_per_call": cpu_us, "ratio_to_bare": null, "bytes_per_stream": memory,
                "p50_us": p50, "p99_us": p99,
            })
            .to_string()
        } else {
            format!(
                "{name}: {streams} streams, {events} events, {events_per_s:.0}/s, from the \
                 beginning of the write p50 {p50} us, p99 {p99} us; {cpu_us:.1} us CPU an event, \
                 {:.1} KB a stream",
                memory / 1024.0
            )
        });
    }

    /// One run of the open loop.
    pub(crate) fn open(&self, name: &str, load: Load, rate: f64, run: Run, latency: &Latency) {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| latency.within(share));
        line(&if self.json {
            json!({
                "case": name, "connections": load.connections, "rate": rate.round(),
                "calls_per_s": run.calls_per_s, "cpu_us_per_call": run.cpu_us_per_call,
                "ratio_to_bare": null, "generator_cpu": run.generator,
                "p50_us": p50, "p99_us": p99, "p99_9_us": p999,
            })
            .to_string()
        } else {
            format!(
                "{name:<44} {rate:>9.0}/s wanted {:>9.0}/s done, p50 {p50} us, p99 {p99} us, \
                 p99.9 {p999} us, {:.1} us CPU",
                run.calls_per_s, run.cpu_us_per_call
            )
        });
    }
}

impl Measured {
    fn json(&self) -> Value {
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        json!({
            "case": self.name,
            "connections": self.load.connections,
            "in_flight": self.load.in_flight,
            "calls_per_s": self.calls_per_s.median,
            "calls_per_s_min": self.calls_per_s.min,
            "calls_per_s_max": self.calls_per_s.max,
            "cpu_us_per_call": self.cpu_us_per_call.median,
            "cpu_us_per_call_min": self.cpu_us_per_call.min,
            "cpu_us_per_call_max": self.cpu_us_per_call.max,
            "bare": self.bare,
            "ratio_to_bare": median(self.ratio),
            "ratio_to_bare_min": self.ratio.map(|ratio| ratio.min),
            "ratio_to_bare_max": self.ratio.map(|ratio| ratio.max),
            "calls_ratio_to_bare": median(self.speed_ratio),
            "generator_cpu": self.generator,
        })
    }

    fn row(&self) -> String {
        let Spread { median, min, max } = self.calls_per_s;
        let ratio = self.ratio.map_or_else(String::new, |Spread { median, min, max }| {
            format!("{median:.2} ({min:.2}-{max:.2})")
        });
        let speed = self.speed_ratio.map_or_else(String::new, |s| format!("{:.2}", s.median));
        let range = format!("{min:.0}..{max:.0}");
        // What no server of ours answers has neither.
        let known = |figure: f64| match figure.is_finite() {
            true => format!("{figure:.2}"),
            false => String::new(),
        };
        format!(
            "{:<44} {:>9} {median:>9.0} {range:>19} {:>8} {ratio:>16} {speed:>8} {:>9}",
            self.name,
            format!("{}/{}", self.load.in_flight, self.load.connections),
            known(self.cpu_us_per_call.median),
            known(self.generator),
        )
    }
}
