//! `RuntimeService`. Written by hand where the others are generated: the views it answers with are
//! encoded already, and sent by `views.rs`.

use super::streams::{Streams, Views};
use super::{Answer as RpcAnswer, REQUEST_BYTES, answer};
use crate::wire::slot::{Asked, stage};
use crate::wire::{name, render, runtime};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{
    Engine, Error, RenderTemplates as Render, Renderings, Resolution, Resolve, WatchEnvironment,
};
use waxseal_proto::v1::{
    RenderTemplatesRequest, RenderTemplatesResponse, ResolveEnvironmentRequest,
    ResolveSecretsRequest, WatchEnvironmentRequest,
};

pub(super) const NAME: &str = "waxseal.v1.RuntimeService";

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The service as the router has it.
#[derive(Clone)]
pub(crate) struct RuntimeServer {
    engine: Arc<Engine>,
    streams: Streams,
}

impl RuntimeServer {
    pub(super) const fn new(engine: Arc<Engine>, streams: Streams) -> Self {
        Self { engine, streams }
    }

    pub(super) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) const fn streams(&self) -> &Streams {
        &self.streams
    }
}

impl NamedService for RuntimeServer {
    const NAME: &'static str = NAME;
}

impl tower_service::Service<http::Request<Body>> for RuntimeServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let engine = self.engine.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/waxseal.v1.RuntimeService/RenderTemplates" => {
                    let mut grpc =
                        Grpc::new(ProstCodec::default()).max_decoding_message_size(REQUEST_BYTES);
                    grpc.unary(RenderTemplates(engine), request).await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

struct RenderTemplates(Arc<Engine>);

impl UnaryService<RenderTemplatesRequest> for RenderTemplates {
    type Response = RenderTemplatesResponse;
    type Future = Boxed<RpcAnswer<RenderTemplatesResponse>>;

    fn call(&mut self, request: Request<RenderTemplatesRequest>) -> Self::Future {
        let engine = self.0.clone();
        Box::pin(answer(request, |caller, request| render_templates(engine, caller, request)))
    }
}

pub(super) async fn watch_environment(
    engine: &Arc<Engine>,
    streams: &Streams,
    caller: &Caller,
    request: WatchEnvironmentRequest,
) -> Result<Views, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(caller, Action::WatchEnvironment, asked.target()).await?;
    let watched = WatchEnvironment {
        stage: stage("stage", request.stage)?,
        if_revision_not: runtime::held(&request.if_revision_not).map(str::to_owned),
        project: project.clone(),
        environment: environment.clone(),
    };
    let mut watch = engine.watch_environment(&permit, watched)?;
    // What is wrong from the start is said as by any other method, before a stream begins.
    let first = watch.next().await?;
    Ok(streams.begin(watch, first))
}

pub(super) async fn resolve_environment(
    engine: &Engine,
    caller: &Caller,
    request: &ResolveEnvironmentRequest,
) -> Result<Resolution, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(caller, Action::ResolveEnvironment, asked.target()).await?;
    let resolve = Resolve {
        project: &project,
        environment: &environment,
        stage: stage("stage", request.stage)?,
        consistency: runtime::consistency(request.consistency.as_ref())?,
        if_revision_not: runtime::held(&request.if_revision_not),
    };
    engine.resolve_environment(&permit, &resolve).await
}

pub(super) async fn resolve_secrets(
    engine: &Engine,
    caller: &Caller,
    request: &ResolveSecretsRequest,
) -> Result<Resolution, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(caller, Action::ResolveSecrets, asked.target()).await?;
    let resolve = Resolve {
        project: &project,
        environment: &environment,
        stage: stage("stage", request.stage)?,
        consistency: runtime::consistency(request.consistency.as_ref())?,
        if_revision_not: runtime::held(&request.if_revision_not),
    };
    let names = runtime::names(&request.secrets)?;
    engine.resolve_secrets(&permit, &resolve, &names, request.allow_unset).await
}

async fn render_templates(
    engine: Arc<Engine>,
    caller: Arc<Caller>,
    request: RenderTemplatesRequest,
) -> Result<RenderTemplatesResponse, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(&caller, Action::RenderTemplates, asked.target()).await?;
    let view = Resolve {
        project: &project,
        environment: &environment,
        stage: stage("stage", request.stage)?,
        consistency: runtime::consistency(request.consistency.as_ref())?,
        if_revision_not: None,
    };
    let (ids, templates) = render::templates(request.templates)?;
    let render = Render { view, templates, variables: request.variables };
    let Renderings { revision, rendered } = engine.render_templates(permit, render).await?;
    let rendered = ids.into_iter().zip(rendered).map(|(id, of)| render::rendered(id, of)).collect();
    Ok(RenderTemplatesResponse { rendered, revision: revision.to_string() })
}
