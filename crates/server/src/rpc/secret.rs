//! `SecretService`: the table of its methods. What they do is in `secret/`, by what they touch.

mod metadata;
mod names;
mod overrides;
mod references;
mod value;
mod versions;

use super::{Answer, answer};
use std::sync::Arc;
use tonic::Request;
use waxseal_engine::Engine;
use waxseal_proto::v1::secret_service_server::SecretService;
use waxseal_proto::v1::{
    BatchSetOverridesRequest, BatchSetOverridesResponse, ClearSecretValueRequest,
    ClearSecretValueResponse, CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest,
    DeleteSecretResponse, DestroySecretVersionRequest, DestroySecretVersionResponse,
    GetSecretRequest, GetSecretResponse, ListOverridesRequest, ListOverridesResponse,
    ListSecretVersionsRequest, ListSecretVersionsResponse, ListSecretsRequest, ListSecretsResponse,
    ParseReferencesRequest, ParseReferencesResponse, PurgeSecretRequest, PurgeSecretResponse,
    ReleaseSecretAliasRequest, ReleaseSecretAliasResponse, RenameSecretRequest,
    RenameSecretResponse, RevealSecretValueRequest, RevealSecretValueResponse,
    RollbackSecretValueRequest, RollbackSecretValueResponse, SetSecretValueRequest,
    SetSecretValueResponse, UndeleteSecretRequest, UndeleteSecretResponse, UpdateSecretRequest,
    UpdateSecretResponse, VerifySecretValueRequest, VerifySecretValueResponse,
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

    async fn rename_secret(
        &self,
        request: Request<RenameSecretRequest>,
    ) -> Answer<RenameSecretResponse> {
        answer(request, |caller, request| names::rename(&self.0, caller, request)).await
    }

    async fn release_secret_alias(
        &self,
        request: Request<ReleaseSecretAliasRequest>,
    ) -> Answer<ReleaseSecretAliasResponse> {
        answer(request, |caller, request| names::release_alias(&self.0, caller, request)).await
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

    async fn purge_secret(
        &self,
        request: Request<PurgeSecretRequest>,
    ) -> Answer<PurgeSecretResponse> {
        answer(request, |caller, request| metadata::purge(&self.0, caller, request)).await
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

    async fn verify_secret_value(
        &self,
        request: Request<VerifySecretValueRequest>,
    ) -> Answer<VerifySecretValueResponse> {
        answer(request, |caller, request| value::verify(&self.0, caller, request)).await
    }

    async fn list_secret_versions(
        &self,
        request: Request<ListSecretVersionsRequest>,
    ) -> Answer<ListSecretVersionsResponse> {
        answer(request, |caller, request| versions::list(&self.0, caller, request)).await
    }

    async fn rollback_secret_value(
        &self,
        request: Request<RollbackSecretValueRequest>,
    ) -> Answer<RollbackSecretValueResponse> {
        answer(request, |caller, request| versions::rollback(&self.0, caller, request)).await
    }

    async fn destroy_secret_version(
        &self,
        request: Request<DestroySecretVersionRequest>,
    ) -> Answer<DestroySecretVersionResponse> {
        answer(request, |caller, request| versions::destroy(&self.0, caller, request)).await
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

    async fn parse_references(
        &self,
        request: Request<ParseReferencesRequest>,
    ) -> Answer<ParseReferencesResponse> {
        answer(request, |caller, request| references::parse(&self.0, caller, request)).await
    }
}
