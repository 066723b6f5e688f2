//! `RuntimeService`. Written by hand where the others are generated: the views it answers with are
//! encoded already, and a codec copies them.

use super::codec::ViewCodec;
use super::streams::{Streams, Views};
use super::{Answer as RpcAnswer, REQUEST_BYTES, answer};
use crate::wire::slot::{Asked, stage};
use crate::wire::view::Answer;
use crate::wire::{name, render, runtime};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{
    Engine, Error, RenderTemplates as Render, Renderings, Resolve, WatchEnvironment,
};
use waxseal_proto::v1::{
    RenderTemplatesRequest, RenderTemplatesResponse, ResolveEnvironmentRequest,
    ResolveSecretsRequest, WatchEnvironmentRequest,
};

pub(super) const NAME: &str = "waxseal.v1.RuntimeService";

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The service as the router has it.
#[derive(Clone)]
pub(super) struct RuntimeServer {
    engine: Arc<Engine>,
    streams: Streams,
}

impl RuntimeServer {
    pub(super) const fn new(engine: Arc<Engine>, streams: Streams) -> Self {
        Self { engine, streams }
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
        let Self { engine, streams } = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/waxseal.v1.RuntimeService/ResolveEnvironment" => {
                    let mut grpc =
                        Grpc::new(ViewCodec::default()).max_decoding_message_size(REQUEST_BYTES);
                    grpc.unary(ResolveEnvironment(engine), request).await
                }
                "/waxseal.v1.RuntimeService/ResolveSecrets" => {
                    let mut grpc =
                        Grpc::new(ViewCodec::default()).max_decoding_message_size(REQUEST_BYTES);
                    grpc.unary(ResolveSecrets(engine), request).await
                }
                "/waxseal.v1.RuntimeService/WatchEnvironment" => {
                    let mut grpc =
                        Grpc::new(ViewCodec::default()).max_decoding_message_size(REQUEST_BYTES);
                    grpc.server_streaming(Watching { engine, streams }, request).await
                }
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

struct ResolveEnvironment(Arc<Engine>);

impl UnaryService<ResolveEnvironmentRequest> for ResolveEnvironment {
    type Response = Answer;
    type Future = Boxed<RpcAnswer<Answer>>;

    fn call(&mut self, request: Request<ResolveEnvironmentRequest>) -> Self::Future {
        let engine = self.0.clone();
        Box::pin(answer(request, |caller, request| resolve_environment(engine, caller, request)))
    }
}

struct ResolveSecrets(Arc<Engine>);

impl UnaryService<ResolveSecretsRequest> for ResolveSecrets {
    type Response = Answer;
    type Future = Boxed<RpcAnswer<Answer>>;

    fn call(&mut self, request: Request<ResolveSecretsRequest>) -> Self::Future {
        let engine = self.0.clone();
        Box::pin(answer(request, |caller, request| resolve_secrets(engine, caller, request)))
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

struct Watching {
    engine: Arc<Engine>,
    streams: Streams,
}

impl ServerStreamingService<WatchEnvironmentRequest> for Watching {
    type Response = Answer;
    type ResponseStream = Views;
    type Future = Boxed<RpcAnswer<Views>>;

    fn call(&mut self, request: Request<WatchEnvironmentRequest>) -> Self::Future {
        let (engine, streams) = (self.engine.clone(), self.streams.clone());
        Box::pin(answer(request, |caller, request| watch(engine, streams, caller, request)))
    }
}

async fn watch(
    engine: Arc<Engine>,
    streams: Streams,
    caller: Arc<Caller>,
    request: WatchEnvironmentRequest,
) -> Result<Views, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(&caller, Action::WatchEnvironment, asked.target()).await?;
    let stage = stage("stage", request.stage)?;
    let if_revision_not = runtime::held(request.if_revision_not);
    let watched = WatchEnvironment {
        project: project.clone(),
        environment: environment.clone(),
        stage,
        if_revision_not,
    };
    let mut watch = engine.watch_environment(&permit, watched)?;
    // What is wrong from the start is said as by any other method, before a stream begins.
    let first = watch.next().await?;
    Ok(streams.begin(watch, first))
}

async fn resolve_environment(
    engine: Arc<Engine>,
    caller: Arc<Caller>,
    request: ResolveEnvironmentRequest,
) -> Result<Answer, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(&caller, Action::ResolveEnvironment, asked.target()).await?;
    let resolve = Resolve {
        project: &project,
        environment: &environment,
        stage: stage("stage", request.stage)?,
        consistency: runtime::consistency(request.consistency)?,
        if_revision_not: runtime::held(request.if_revision_not),
    };
    engine.resolve_environment(permit, resolve).await.map(Answer::new)
}

async fn resolve_secrets(
    engine: Arc<Engine>,
    caller: Arc<Caller>,
    request: ResolveSecretsRequest,
) -> Result<Answer, Error> {
    let (project, environment) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(&caller, Action::ResolveSecrets, asked.target()).await?;
    let resolve = Resolve {
        project: &project,
        environment: &environment,
        stage: stage("stage", request.stage)?,
        consistency: runtime::consistency(request.consistency)?,
        if_revision_not: runtime::held(request.if_revision_not),
    };
    let names = runtime::names(&request.secrets)?;
    let resolution = engine.resolve_secrets(permit, resolve, &names, request.allow_unset).await?;
    Ok(Answer::new(resolution))
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
        consistency: runtime::consistency(request.consistency)?,
        if_revision_not: None,
    };
    let (ids, templates) = render::templates(request.templates)?;
    let render = Render { view, templates, variables: request.variables };
    let Renderings { revision, rendered } = engine.render_templates(permit, render).await?;
    let rendered = ids.into_iter().zip(rendered).map(|(id, of)| render::rendered(id, of)).collect();
    Ok(RenderTemplatesResponse { rendered, revision: revision.to_string() })
}
