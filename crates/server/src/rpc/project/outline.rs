//! Methods that take a project's outline out, in, and across.

use crate::wire::request::Body;
use crate::wire::{name, project};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{DuplicateProject, Engine, Error, ImportProject, Imported, Written};
use waxseal_proto::v1::{
    DuplicateProjectRequest, DuplicateProjectResponse, ExportProjectRequest, ExportProjectResponse,
    ImportProjectRequest, ImportProjectResponse,
};

pub(super) async fn duplicate(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DuplicateProjectRequest,
) -> Result<DuplicateProjectResponse, Error> {
    const ACTION: Action = Action::DuplicateProject;
    let source = name::project("name", &request.name)?;
    // Of a project anywhere, to one that could be anywhere.
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let body = Body::of(&request, &request.request_id);
    let change = DuplicateProject {
        source,
        id: name::project_id("project_id", &request.project_id)?,
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.duplicate_project(permit, change).await?;
    let Imported { project: made, secrets_needing_value } = answer;
    Ok(DuplicateProjectResponse {
        project: Some(project::message(&made)),
        secrets_needing_value: secrets_needing_value.into_iter().map(String::from).collect(),
        revision,
    })
}

pub(super) async fn export(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ExportProjectRequest,
) -> Result<ExportProjectResponse, Error> {
    let id = name::project("name", &request.name)?;
    let permit = engine.permit(&caller, Action::ExportProject, Target::Project(&id)).await?;
    let document = engine.export_project(permit, &id).await?;
    Ok(ExportProjectResponse { document })
}

pub(super) async fn import(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ImportProjectRequest,
) -> Result<ImportProjectResponse, Error> {
    const ACTION: Action = Action::ImportProject;
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ImportProject {
        id: name::project_id("project_id", &request.project_id)?,
        document: request.document,
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.import_project(permit, change).await?;
    let Imported { project: made, secrets_needing_value } = answer;
    Ok(ImportProjectResponse {
        project: Some(project::message(&made)),
        secrets_needing_value: secrets_needing_value.into_iter().map(String::from).collect(),
        revision,
    })
}
