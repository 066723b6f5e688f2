//! `ProjectService`.

use super::{Answer, answer};
use crate::wire::request::{Body, page};
use crate::wire::{name, project, text};
use std::sync::Arc;
use tonic::Request;
use waxseal_domain::caller::{Action, Caller, Scope, Target};
use waxseal_engine::{CreateProject, Engine, Error, Listed, Written};
use waxseal_proto::v1::project_service_server::ProjectService;
use waxseal_proto::v1::{
    CreateProjectRequest, CreateProjectResponse, GetProjectRequest, GetProjectResponse,
    ListProjectsRequest, ListProjectsResponse,
};

pub(super) struct Projects(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl ProjectService for Projects {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Answer<CreateProjectResponse> {
        answer(request, |caller, request| create(&self.0, caller, request)).await
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Answer<GetProjectResponse> {
        answer(request, |caller, request| get(&self.0, caller, request)).await
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Answer<ListProjectsResponse> {
        answer(request, |caller, request| list(&self.0, caller, request)).await
    }
}

async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CreateProjectRequest,
) -> Result<CreateProjectResponse, Error> {
    const ACTION: Action = Action::CreateProject;
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let body = Body::of(&request, &request.request_id);
    let id = name::project_id("project_id", &request.project_id)?;
    let sent = request.project.unwrap_or_default();
    let display_name = text::display_name("project.display_name", sent.display_name)?;
    let request = body.key(engine, ACTION)?;
    let new = CreateProject { id, display_name, request };
    let Written { answer, revision } = engine.create_project(permit, new).await?;
    Ok(CreateProjectResponse { project: Some(project::message(&answer)), revision })
}

async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetProjectRequest,
) -> Result<GetProjectResponse, Error> {
    let id = name::project("name", &request.name)?;
    let permit = engine.permit(&caller, Action::GetProject, Target::Project(&id)).await?;
    let found = engine.get_project(permit, &id).await?;
    Ok(GetProjectResponse { project: Some(project::message(&found)) })
}

async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListProjectsRequest,
) -> Result<ListProjectsResponse, Error> {
    // Everyone lists what lies within their own scope.
    let target = match &caller.scope {
        Scope::Deployment => Target::Deployment,
        Scope::Project { id, uid: _ } => Target::Project(id),
        Scope::Environment { project, environment, stage, .. } => {
            Target::Environment(project, environment, *stage)
        }
    };
    let permit = engine.permit(&caller, Action::ListProjects, target).await?;
    let page = page(request.page_size, request.page_token);
    let Listed { items, next, total: _ } = engine.list_projects(permit, page).await?;
    let projects = items.iter().map(project::message).collect();
    Ok(ListProjectsResponse { projects, next_page_token: next })
}
