//! Methods on a project itself.

use crate::wire::request::{Body, etag, page};
use crate::wire::{name, project, text};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{ChangeProject, CreateProject, Engine, Error, Listed, UpdateProject, Written};
use waxseal_proto::v1::{
    CreateProjectRequest, CreateProjectResponse, DeleteProjectRequest, DeleteProjectResponse,
    GetProjectRequest, GetProjectResponse, ListProjectsRequest, ListProjectsResponse,
    UndeleteProjectRequest, UndeleteProjectResponse, UpdateProjectRequest, UpdateProjectResponse,
};

pub(super) async fn create(
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

pub(super) async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetProjectRequest,
) -> Result<GetProjectResponse, Error> {
    let id = name::project("name", &request.name)?;
    let permit = engine.permit(&caller, Action::GetProject, Target::Project(&id)).await?;
    let found = engine.get_project(permit, &id).await?;
    Ok(GetProjectResponse { project: Some(project::message(&found)) })
}

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListProjectsRequest,
) -> Result<ListProjectsResponse, Error> {
    // Everyone lists what lies within their own scopes.
    let permit = engine.permit_somewhere(&caller, Action::ListProjects).await?;
    let page = page(request.page_size, request.page_token);
    let listed = engine.list_projects(permit, request.show_deleted, page).await?;
    let Listed { items, next, total: _ } = listed;
    let projects = items.iter().map(project::message).collect();
    Ok(ListProjectsResponse { projects, next_page_token: next })
}

pub(super) async fn update(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UpdateProjectRequest,
) -> Result<UpdateProjectResponse, Error> {
    const ACTION: Action = Action::UpdateProject;
    let body = Body::of(&request, &request.request_id);
    let sent = request.project.unwrap_or_default();
    let id = name::project("project.name", &sent.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&id)).await?;
    let named = project::FIELDS
        .named(request.update_mask.as_ref(), |field| project::populated(&sent, field))?;
    let display_name = named
        .then("display_name", || text::display_name("project.display_name", sent.display_name))
        .transpose()?;
    let change = UpdateProject {
        id,
        display_name,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.update_project(permit, change).await?;
    Ok(UpdateProjectResponse { project: Some(project::message(&answer)), revision })
}

pub(super) async fn delete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DeleteProjectRequest,
) -> Result<DeleteProjectResponse, Error> {
    const ACTION: Action = Action::DeleteProject;
    let id = name::project("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&id)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeProject { id, etag: etag(request.etag), request: body.key(engine, ACTION)? };
    let Written { answer, revision } = engine.delete_project(permit, change).await?;
    Ok(DeleteProjectResponse { project: Some(project::message(&answer)), revision })
}

pub(super) async fn undelete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UndeleteProjectRequest,
) -> Result<UndeleteProjectResponse, Error> {
    const ACTION: Action = Action::UndeleteProject;
    let id = name::project("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&id)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeProject { id, etag: etag(request.etag), request: body.key(engine, ACTION)? };
    let Written { answer, revision } = engine.undelete_project(permit, change).await?;
    Ok(UndeleteProjectResponse { project: Some(project::message(&answer)), revision })
}
