//! `AccessService`: the table of its methods. What they do is in `access/`.

mod bindings;
mod initialize;
mod principals;
mod tokens;
mod who;

pub(crate) use initialize::PATH as INITIALIZE;

use super::{Answer, answer};
use crate::status;
use std::sync::Arc;
use tonic::{Request, Response};
use waxseal_engine::Engine;
use waxseal_proto::v1::access_service_server::AccessService;
use waxseal_proto::v1::{
    CreateApiTokenRequest, CreateApiTokenResponse, CreateBindingRequest, CreateBindingResponse,
    CreatePrincipalRequest, CreatePrincipalResponse, DeleteBindingRequest, DeleteBindingResponse,
    DeletePrincipalRequest, DeletePrincipalResponse, GetApiTokenRequest, GetApiTokenResponse,
    GetPrincipalRequest, GetPrincipalResponse, InitializeRequest, InitializeResponse,
    ListApiTokensRequest, ListApiTokensResponse, ListBindingsRequest, ListBindingsResponse,
    ListPrincipalsRequest, ListPrincipalsResponse, RevokeApiTokenRequest, RevokeApiTokenResponse,
    TestPermissionsRequest, TestPermissionsResponse, UpdatePrincipalRequest,
    UpdatePrincipalResponse, WhoAmIRequest, WhoAmIResponse,
};

pub(super) struct Accesses(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl AccessService for Accesses {
    async fn create_principal(
        &self,
        request: Request<CreatePrincipalRequest>,
    ) -> Answer<CreatePrincipalResponse> {
        answer(request, |caller, request| principals::create(&self.0, caller, request)).await
    }

    async fn get_principal(
        &self,
        request: Request<GetPrincipalRequest>,
    ) -> Answer<GetPrincipalResponse> {
        answer(request, |caller, request| principals::get(&self.0, caller, request)).await
    }

    async fn list_principals(
        &self,
        request: Request<ListPrincipalsRequest>,
    ) -> Answer<ListPrincipalsResponse> {
        answer(request, |caller, request| principals::list(&self.0, caller, request)).await
    }

    async fn update_principal(
        &self,
        request: Request<UpdatePrincipalRequest>,
    ) -> Answer<UpdatePrincipalResponse> {
        answer(request, |caller, request| principals::update(&self.0, caller, request)).await
    }

    async fn delete_principal(
        &self,
        request: Request<DeletePrincipalRequest>,
    ) -> Answer<DeletePrincipalResponse> {
        answer(request, |caller, request| principals::delete(&self.0, caller, request)).await
    }

    async fn create_binding(
        &self,
        request: Request<CreateBindingRequest>,
    ) -> Answer<CreateBindingResponse> {
        answer(request, |caller, request| bindings::create(&self.0, caller, request)).await
    }

    async fn list_bindings(
        &self,
        request: Request<ListBindingsRequest>,
    ) -> Answer<ListBindingsResponse> {
        answer(request, |caller, request| bindings::list(&self.0, caller, request)).await
    }

    async fn delete_binding(
        &self,
        request: Request<DeleteBindingRequest>,
    ) -> Answer<DeleteBindingResponse> {
        answer(request, |caller, request| bindings::delete(&self.0, caller, request)).await
    }

    async fn create_api_token(
        &self,
        request: Request<CreateApiTokenRequest>,
    ) -> Answer<CreateApiTokenResponse> {
        answer(request, |caller, request| tokens::create(&self.0, caller, request)).await
    }

    async fn get_api_token(
        &self,
        request: Request<GetApiTokenRequest>,
    ) -> Answer<GetApiTokenResponse> {
        answer(request, |caller, request| tokens::get(&self.0, caller, request)).await
    }

    async fn list_api_tokens(
        &self,
        request: Request<ListApiTokensRequest>,
    ) -> Answer<ListApiTokensResponse> {
        answer(request, |caller, request| tokens::list(&self.0, caller, request)).await
    }

    async fn revoke_api_token(
        &self,
        request: Request<RevokeApiTokenRequest>,
    ) -> Answer<RevokeApiTokenResponse> {
        answer(request, |caller, request| tokens::revoke(&self.0, caller, request)).await
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        answer(request, |caller, request| who::am_i(&self.0, caller, request)).await
    }

    async fn test_permissions(
        &self,
        request: Request<TestPermissionsRequest>,
    ) -> Answer<TestPermissionsResponse> {
        answer(request, |caller, request| who::test_permissions(&self.0, caller, request)).await
    }

    async fn initialize(&self, request: Request<InitializeRequest>) -> Answer<InitializeResponse> {
        let answer = initialize::initialize(&self.0, request).await;
        answer.map(Response::new).map_err(status::of)
    }
}
