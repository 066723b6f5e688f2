//! Calls about who may do what.

use super::Client;
use super::client::Answer;
use std::time::{Duration, SystemTime};
use waxseal_proto::v1::{self, Role};

/// An API token that is good for an hour.
pub fn token_of(role: Role, scope: &str) -> v1::ApiToken {
    let expire_time = Some((SystemTime::now() + Duration::from_secs(3_600)).into());
    v1::ApiToken { role: role.into(), scope: scope.to_owned(), expire_time, ..Default::default() }
}

pub fn principal_name(id: &str) -> String {
    format!("principals/{id}")
}

impl Client {
    pub async fn create_principal(&self, id: &str) -> Answer<v1::Principal> {
        self.create_principal_known_by(id, &[]).await
    }

    pub async fn create_principal_known_by(
        &self,
        id: &str,
        spiffe_ids: &[&str],
    ) -> Answer<v1::Principal> {
        let known = |id: &&str| v1::Identity {
            identity: Some(v1::identity::Identity::SpiffeId((*id).to_owned())),
        };
        let identities = spiffe_ids.iter().map(known).collect();
        let request = v1::CreatePrincipalRequest {
            principal_id: id.to_owned(),
            principal: Some(v1::Principal { identities, ..Default::default() }),
            ..Default::default()
        };
        let answer = self.access.clone().create_principal(request).await?;
        Ok(answer.into_inner().principal.unwrap())
    }

    pub async fn get_principal(&self, id: &str) -> Answer<v1::Principal> {
        let request = v1::GetPrincipalRequest { name: principal_name(id) };
        Ok(self.access.clone().get_principal(request).await?.into_inner().principal.unwrap())
    }

    pub async fn update_principal(
        &self,
        id: &str,
        principal: v1::Principal,
        path: &str,
    ) -> Answer<v1::Principal> {
        let request = v1::UpdatePrincipalRequest {
            principal: Some(v1::Principal { name: principal_name(id), ..principal }),
            update_mask: Some(prost_types::FieldMask { paths: vec![path.to_owned()] }),
            ..Default::default()
        };
        Ok(self.access.clone().update_principal(request).await?.into_inner().principal.unwrap())
    }

    pub async fn disable(&self, id: &str, disabled: bool) -> Answer<v1::Principal> {
        self.update_principal(id, v1::Principal { disabled, ..Default::default() }, "disabled")
            .await
    }

    pub async fn delete_principal(&self, id: &str) -> Answer<()> {
        let request = v1::DeletePrincipalRequest { name: principal_name(id), ..Default::default() };
        self.access.clone().delete_principal(request).await.map(drop)
    }

    pub async fn bind(&self, id: &str, role: Role, scope: &str) -> Answer<v1::Binding> {
        let (role, scope) = (role.into(), scope.to_owned());
        let binding = v1::Binding { role, scope, ..Default::default() };
        self.bind_as(id, binding).await
    }

    pub async fn bind_as(&self, id: &str, binding: v1::Binding) -> Answer<v1::Binding> {
        let request = v1::CreateBindingRequest {
            parent: principal_name(id),
            binding: Some(binding),
            ..Default::default()
        };
        Ok(self.access.clone().create_binding(request).await?.into_inner().binding.unwrap())
    }

    pub async fn bindings(&self, id: &str) -> Answer<Vec<v1::Binding>> {
        let request = v1::ListBindingsRequest { parent: principal_name(id), ..Default::default() };
        Ok(self.access.clone().list_bindings(request).await?.into_inner().bindings)
    }

    pub async fn unbind(&self, name: &str) -> Answer<()> {
        let request = v1::DeleteBindingRequest { name: name.to_owned(), ..Default::default() };
        self.access.clone().delete_binding(request).await.map(drop)
    }

    /// A token and what it is.
    pub async fn issue(&self, id: &str, token: v1::ApiToken) -> Answer<(v1::ApiToken, String)> {
        let request = v1::CreateApiTokenRequest {
            parent: principal_name(id),
            api_token: Some(token),
            ..Default::default()
        };
        let answer = self.access.clone().create_api_token(request).await?.into_inner();
        Ok((answer.api_token.unwrap(), answer.token))
    }

    pub async fn revoke(&self, name: &str) -> Answer<v1::ApiToken> {
        let request = v1::RevokeApiTokenRequest { name: name.to_owned(), ..Default::default() };
        Ok(self.access.clone().revoke_api_token(request).await?.into_inner().api_token.unwrap())
    }

    pub async fn who_am_i(&self) -> Answer<v1::WhoAmIResponse> {
        Ok(self.access.clone().who_am_i(v1::WhoAmIRequest {}).await?.into_inner())
    }

    pub async fn may(&self, scope: &str, methods: &[&str]) -> Answer<Vec<String>> {
        let permissions = methods.iter().map(|&method| method.to_owned()).collect();
        let request = v1::TestPermissionsRequest { scope: scope.to_owned(), permissions };
        Ok(self.access.clone().test_permissions(request).await?.into_inner().permissions)
    }
}
