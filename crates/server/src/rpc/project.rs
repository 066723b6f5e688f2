//! `ProjectService`: the table of its methods. What they do is in `project/`.

mod metadata;
mod outline;

use super::{Answer, answer};
use std::sync::Arc;
use tonic::Request;
use waxseal_engine::Engine;
use waxseal_proto::v1::project_service_server::ProjectService;
use waxseal_proto::v1::{
    CreateProjectRequest, CreateProjectResponse, DeleteProjectRequest, DeleteProjectResponse,
    DuplicateProjectRequest, DuplicateProjectResponse, ExportProjectRequest, ExportProjectResponse,
    GetProjectRequest, GetProjectResponse, ImportProjectRequest, ImportProjectResponse,
    ListProjectsRequest, ListProjectsResponse, UndeleteProjectRequest, UndeleteProjectResponse,
    UpdateProjectRequest, UpdateProjectResponse,
};

pub(super) struct Projects(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl ProjectService for Projects {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Answer<CreateProjectResponse> {
        answer(request, |caller, request| metadata::create(&self.0, caller, request)).await
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Answer<GetProjectResponse> {
        answer(request, |caller, request| metadata::get(&self.0, caller, request)).await
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Answer<ListProjectsResponse> {
        answer(request, |caller, request| metadata::list(&self.0, caller, request)).await
    }

    async fn update_project(
        &self,
        request: Request<UpdateProjectRequest>,
    ) -> Answer<UpdateProjectResponse> {
        answer(request, |caller, request| metadata::update(&self.0, caller, request)).await
    }

    async fn delete_project(
        &self,
        request: Request<DeleteProjectRequest>,
    ) -> Answer<DeleteProjectResponse> {
        answer(request, |caller, request| metadata::delete(&self.0, caller, request)).await
    }

    async fn undelete_project(
        &self,
        request: Request<UndeleteProjectRequest>,
    ) -> Answer<UndeleteProjectResponse> {
        answer(request, |caller, request| metadata::undelete(&self.0, caller, request)).await
    }

    async fn duplicate_project(
        &self,
        request: Request<DuplicateProjectRequest>,
    ) -> Answer<DuplicateProjectResponse> {
        answer(request, |caller, request| outline::duplicate(&self.0, caller, request)).await
    }

    async fn export_project(
        &self,
        request: Request<ExportProjectRequest>,
    ) -> Answer<ExportProjectResponse> {
        answer(request, |caller, request| outline::export(&self.0, caller, request)).await
    }

    async fn import_project(
        &self,
        request: Request<ImportProjectRequest>,
    ) -> Answer<ImportProjectResponse> {
        answer(request, |caller, request| outline::import(&self.0, caller, request)).await
    }
}
