//! Reads past gRPC: most of what a warm read costs in these tests is the wire, and what a replica
//! may answer is decided behind it.

use super::super::{at_least, bounded, request, strong};
use super::caller::{Failure, is_an_outage, reason};
use crate::history::Mode;
use crate::support::Client;
use prost::Message as _;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Response;
use waxseal_domain::caller::{Action, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_engine::{Consistency, Engine, Error, Resolve};
use waxseal_proto::v1::ResolveEnvironmentResponse;

/// What a read asks for, with the token if it has one.
pub(super) struct Read {
    pub(super) project: &'static str,
    pub(super) mode: Mode,
    pub(super) token: String,
    pub(super) patience: Duration,
}

type Answer = Result<ResolveEnvironmentResponse, Failure>;

impl Read {
    /// Asks through gRPC.
    pub(super) async fn over_the_wire(&self, runtime: &Client) -> Answer {
        let mode = match self.mode {
            Mode::Strong => strong(),
            Mode::AtLeast(_) => at_least(&self.token),
            Mode::Bounded(staleness) => bounded(staleness),
        };
        let mut request = request(self.project, mode);
        request.set_timeout(self.patience);
        let answer = runtime.runtime.clone().resolve_environment(request).await;
        answer.map(Response::into_inner).map_err(|status| {
            if reason(&status) == "REVISION_MISMATCH" {
                return Failure::Mismatch;
            }
            is_an_outage(&status);
            Failure::Outage
        })
    }

    /// Asks the engine, and goes away when it has waited long enough.
    pub(super) async fn inside(&self, engine: &Engine, runtime: &str) -> Answer {
        let answer = timeout(self.patience, self.ask(engine, runtime)).await;
        answer.map_err(|_| Failure::Outage)?.map_err(|error| match error {
            Error::RevisionMismatch { .. } => Failure::Mismatch,
            Error::StorageUnavailable(_)
            | Error::KeyServiceUnavailable(_)
            | Error::AuditUnavailable => Failure::Outage,
            other => panic!("{other:?}"),
        })
    }

    async fn ask(
        &self,
        engine: &Engine,
        runtime: &str,
    ) -> Result<ResolveEnvironmentResponse, Error> {
        let project = ProjectId::parse(self.project).unwrap();
        let environment = EnvironmentId::parse("main").unwrap();
        let caller = engine.authenticate(runtime).await?;
        let target = Target::Environment(&project, &environment, Stage::Live);
        let permit = engine.permit(&caller, Action::ResolveEnvironment, target).await?;
        let consistency = match self.mode {
            Mode::Strong => Consistency::Strong,
            Mode::AtLeast(_) => Consistency::AtLeast(&self.token),
            Mode::Bounded(staleness) => Consistency::Bounded(staleness),
        };
        let resolve = Resolve {
            project: &project,
            environment: &environment,
            stage: Stage::Live,
            consistency,
            if_revision_not: None,
        };
        let resolved = engine.resolve_environment(&permit, &resolve).await?;
        let view = ResolveEnvironmentResponse::decode(&*resolved.parts.concat()).unwrap();
        Ok(ResolveEnvironmentResponse { revision: resolved.revision.to_string(), ..view })
    }
}
