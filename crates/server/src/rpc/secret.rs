//! `SecretService`: the table of its methods. What they do is in `secret/`, by what they touch.

mod metadata;
mod overrides;
mod value;

use super::{Answer, answer};
use std::sync::Arc;
use tonic::Request;
use waxseal_engine::Engine;
use waxseal_proto::v1::secret_service_server::SecretService;
use waxseal_proto::v1::{
    BatchSetOverridesRequest, BatchSetOverridesResponse, ClearSecretValueRequest,
    ClearSecretValueResponse, CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest,
    DeleteSecretResponse, GetSecretRequest, GetSecretResponse, ListOverridesRequest,
    ListOverridesResponse, ListSecretsRequest, ListSecretsResponse, RevealSecretValueRequest,
    RevealSecretValueResponse, SetSecretValueRequest, SetSecretValueResponse,
    UndeleteSecretRequest, UndeleteSecretResponse, UpdateSecretRequest, UpdateSecretResponse,
};

pub(super) struct Secrets(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl SecretService for Secrets {
    async fn create_secret(
        &self,
        request: Request<CreateSecretRequest>,
    ) -> Answer<CreateSecretResponse> {
        answer(request, |caller, request| metadata::create(&self.0, caller, request)).await
    }

    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Answer<GetSecretResponse> {
        answer(request, |caller, request| metadata::get(&self.0, caller, request)).await
    }

    async fn list_secrets(
        &self,
        request: Request<ListSecretsRequest>,
    ) -> Answer<ListSecretsResponse> {
        answer(request, |caller, request| metadata::list(&self.0, caller, request)).await
    }

    async fn update_secret(
        &self,
        request: Request<UpdateSecretRequest>,
    ) -> Answer<UpdateSecretResponse> {
        answer(request, |caller, request| metadata::update(&self.0, caller, request)).await
    }

    async fn delete_secret(
        &self,
        request: Request<DeleteSecretRequest>,
    ) -> Answer<DeleteSecretResponse> {
        answer(request, |caller, request| metadata::delete(&self.0, caller, request)).await
    }

    async fn undelete_secret(
        &self,
        request: Request<UndeleteSecretRequest>,
    ) -> Answer<UndeleteSecretResponse> {
        answer(request, |caller, request| metadata::undelete(&self.0, caller, request)).await
    }

    async fn set_secret_value(
        &self,
        request: Request<SetSecretValueRequest>,
    ) -> Answer<SetSecretValueResponse> {
        answer(request, |caller, request| value::set(&self.0, caller, request)).await
    }

    async fn clear_secret_value(
        &self,
        request: Request<ClearSecretValueRequest>,
    ) -> Answer<ClearSecretValueResponse> {
        answer(request, |caller, request| value::clear(&self.0, caller, request)).await
    }

    async fn reveal_secret_value(
        &self,
        request: Request<RevealSecretValueRequest>,
    ) -> Answer<RevealSecretValueResponse> {
        answer(request, |caller, request| value::reveal(&self.0, caller, request)).await
    }

    async fn list_overrides(
        &self,
        request: Request<ListOverridesRequest>,
    ) -> Answer<ListOverridesResponse> {
        answer(request, |caller, request| overrides::list(&self.0, caller, request)).await
    }

    async fn batch_set_overrides(
        &self,
        request: Request<BatchSetOverridesRequest>,
    ) -> Answer<BatchSetOverridesResponse> {
        answer(request, |caller, request| overrides::batch_set(&self.0, caller, request)).await
    }
}
