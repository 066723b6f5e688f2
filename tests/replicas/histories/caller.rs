//! One of many who write and read, each at whichever replica, and note what they are told.

use super::super::{Callers, Numbers, opened};
use super::inside::Read;
use super::{DEFAULT, OVERRIDDEN, Run, seen};
use crate::history::{Answer, Counters, Kind, Mode, Op, Outcome};
use crate::support::{default_slot, override_slot, text};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use waxseal_proto::v1::{self, Stage};

/// One operation in so many is a write.
const WRITES: usize = 50;

/// One read in so many comes through gRPC, which costs more than all else that a warm one does;
/// the others ask the replica's engine in this process.
const OVER_THE_WIRE: usize = 10;

/// How long a call may take, if its caller is patient.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Caller {
    run: Arc<Run>,
    process: u64,
    numbers: Numbers,
    /// Each with its project.
    ops: Vec<(usize, Op)>,
}

/// Why a read has no answer.
pub(super) enum Failure {
    /// The token was refused.
    Mismatch,
    /// It was not answered, or not in time.
    Outage,
}

/// The one write of some secrets.
struct Write {
    project: &'static str,
    secrets: Vec<&'static str>,
    counter: u64,
    id: String,
}

impl Caller {
    pub(super) fn new(run: Arc<Run>, process: u64, numbers: Numbers) -> Self {
        Self { run, process, numbers, ops: Vec::new() }
    }

    pub(super) async fn call_until_it_is_over(mut self) -> Vec<(usize, Op)> {
        while self.run.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            let project = self.numbers.below(self.run.projects.len());
            let start = self.run.now();
            let kind = if self.numbers.below(WRITES) == 0 {
                self.write(project).await
            } else {
                self.read(project).await
            };
            let op = Op { process: self.process, start, end: self.run.now(), kind };
            self.ops.push((project, op));
        }
        self.ops
    }

    /// Some caller at some replica, and how long it waits.
    fn choose(&mut self) -> (usize, Callers, Duration) {
        let replica = self.numbers.below(super::REPLICAS);
        let patience = match self.numbers.below(20) {
            0 => self.numbers.millis(2..60),
            _ => PATIENCE,
        };
        (replica, self.run.world.callers[replica].clone(), patience)
    }

    async fn read(&mut self, project: usize) -> Kind {
        let run = self.run.clone();
        let shared = &run.projects[project];
        let (replica, callers, patience) = self.choose();
        let (teller, token) = shared.told.lock().unwrap().clone();
        let (mode, name) = match self.numbers.below(4) {
            0 | 1 => (Mode::Strong, "strong"),
            2 => (Mode::AtLeast(opened(&token).1), "at least"),
            _ => {
                let bound = *self.numbers.pick(&[50, 200, 1_000]);
                (Mode::Bounded(Duration::from_millis(bound)), "bounded")
            }
        };
        let read = Read { project: shared.id, mode, token, patience };
        let answered = if self.numbers.below(OVER_THE_WIRE) == 0 {
            read.over_the_wire(&callers.runtime).await
        } else {
            let engine = &run.world.replicas[replica].server.engine;
            read.inside(engine, &run.world.tokens.runtime).await
        };
        let answer = match answered {
            Ok(view) => {
                let (seen, life) = seen(&view);
                assert_eq!(life, shared.life, "a token of another project or life");
                self.told(project, replica, &view.revision);
                run.tally.count(format!("read {name}: answered"));
                if matches!(mode, Mode::AtLeast(_)) && teller != replica {
                    run.tally.count("read at least: what another replica told");
                }
                Answer::Seen(seen)
            }
            Err(Failure::Mismatch) => Answer::Refused,
            Err(Failure::Outage) => {
                run.tally.count(format!("read {name}: failed"));
                Answer::Failed
            }
        };
        Kind::Read(mode, answer)
    }

    /// Lets the others know of a revision, now and then, so that it is not always the latest.
    fn told(&mut self, project: usize, replica: usize, revision: &str) {
        if self.numbers.below(8) == 0 {
            *self.run.projects[project].told.lock().unwrap() = (replica, revision.to_owned());
        }
    }

    async fn write(&mut self, project: usize) -> Kind {
        let run = self.run.clone();
        let shared = &run.projects[project];
        let secrets = match self.numbers.below(4) {
            0 => vec![DEFAULT],
            1 => vec![*self.numbers.pick(&OVERRIDDEN)],
            2 => OVERRIDDEN[self.numbers.below(2)..].to_vec(),
            _ => OVERRIDDEN.to_vec(),
        };
        let id = uuid::Uuid::from_u64_pair(self.numbers.next(), self.numbers.next()).to_string();
        let write = Write { project: shared.id, secrets, counter: run.counter(), id };
        let attempts = *self.numbers.pick(&[1, 3, 8]);
        let mut outcome = Outcome::Unknown;
        for attempt in 0..attempts {
            let (replica, callers, patience) = self.choose();
            match write.send(&callers, patience).await {
                Ok(token) => {
                    let (life, revision) = opened(&token);
                    assert_eq!(life, shared.life, "a token of another project or life");
                    self.told(project, replica, &token);
                    outcome = Outcome::Acked(revision);
                    run.tally.count("write: acknowledged");
                    if attempt > 0 {
                        run.tally.count("write: acknowledged to a retry");
                    }
                    break;
                }
                Err(status) => is_an_outage(&status),
            }
            tokio::time::sleep(self.numbers.millis(5..80)).await;
        }
        if outcome == Outcome::Unknown {
            run.tally.count("write: unknown");
        }
        Kind::Write(write.counters(), outcome)
    }
}

impl Write {
    fn counters(&self) -> Counters {
        self.secrets.iter().map(|secret| ((*secret).to_owned(), self.counter)).collect()
    }

    /// Sends it, and gives the revision that it took.
    async fn send(&self, callers: &Callers, patience: Duration) -> Result<String, Status> {
        let payload = || text(&self.counter.to_string());
        let mut secrets = callers.admin.secrets.clone();
        if let [secret] = *self.secrets {
            let overridden = || override_slot("main", Stage::Live);
            let mut request = Request::new(v1::SetSecretValueRequest {
                name: format!("projects/{}/secrets/{secret}", self.project),
                slot: if secret == DEFAULT { default_slot() } else { overridden() },
                payload: payload(),
                request_id: self.id.clone(),
                ..Default::default()
            });
            request.set_timeout(patience);
            return Ok(secrets.set_secret_value(request).await?.into_inner().revision);
        }
        let value =
            |secret: &&str| v1::OverrideValue { secret: (*secret).to_owned(), payload: payload() };
        let mut request = Request::new(v1::BatchSetOverridesRequest {
            parent: format!("projects/{}/environments/main", self.project),
            stage: Stage::Live.into(),
            overrides: self.secrets.iter().map(value).collect(),
            request_id: self.id.clone(),
        });
        request.set_timeout(patience);
        Ok(secrets.batch_set_overrides(request).await?.into_inner().revision)
    }
}

pub(super) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// Nothing but outages, deadlines and meeting oneself is expected.
#[track_caller]
pub(super) fn is_an_outage(status: &Status) {
    let expected = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        // The client's own clock was first.
        Code::Cancelled => reason(status).is_empty(),
        Code::Aborted => ["REQUEST_IN_PROGRESS", "CONFLICT"].contains(&&*reason(status)),
        _ => false,
    };
    assert!(expected, "{status:?}");
}
