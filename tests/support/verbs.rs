//! More calls: the versions of a slot, the names of a secret, and the life of a project.

use super::client::{Answer, Client, text};
use tonic::Response;
use waxseal_proto::v1;

fn secret_name(project: &str, secret: &str) -> String {
    format!("projects/{project}/secrets/{secret}")
}

/// The versions of a slot.
impl Client {
    /// The first page.
    pub async fn versions(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
    ) -> Answer<v1::ListSecretVersionsResponse> {
        let name = secret_name(project, secret);
        let request = v1::ListSecretVersionsRequest { name, slot, ..Default::default() };
        self.secrets.clone().list_secret_versions(request).await.map(Response::into_inner)
    }

    pub async fn roll_back(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        version: i64,
    ) -> Answer<v1::RollbackSecretValueResponse> {
        let name = secret_name(project, secret);
        let request = v1::RollbackSecretValueRequest { name, slot, version, ..Default::default() };
        self.secrets.clone().rollback_secret_value(request).await.map(Response::into_inner)
    }

    pub async fn destroy(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        version: i64,
    ) -> Answer<v1::DestroySecretVersionResponse> {
        let name = secret_name(project, secret);
        let request = v1::DestroySecretVersionRequest { name, slot, version, ..Default::default() };
        self.secrets.clone().destroy_secret_version(request).await.map(Response::into_inner)
    }

    /// Whether a text is the current value of a slot.
    pub async fn verify(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        candidate: &str,
    ) -> Answer<bool> {
        self.verify_payload(project, secret, slot, text(candidate)).await
    }

    pub async fn verify_payload(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        payload: Option<v1::SecretPayload>,
    ) -> Answer<bool> {
        let name = secret_name(project, secret);
        let request = v1::VerifySecretValueRequest { name, slot, payload };
        Ok(self.secrets.clone().verify_secret_value(request).await?.into_inner().matches)
    }
}

/// The names of a secret, and its end.
impl Client {
    pub async fn rename(&self, project: &str, secret: &str, new: &str) -> Answer<v1::Secret> {
        let request = v1::RenameSecretRequest {
            name: secret_name(project, secret),
            new_secret_id: new.to_owned(),
            ..Default::default()
        };
        let answer = self.secrets.clone().rename_secret(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    pub async fn release_alias(
        &self,
        project: &str,
        secret: &str,
        alias: &str,
    ) -> Answer<v1::Secret> {
        let request = v1::ReleaseSecretAliasRequest {
            name: secret_name(project, secret),
            alias: alias.to_owned(),
            ..Default::default()
        };
        let answer = self.secrets.clone().release_secret_alias(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    pub async fn purge(&self, project: &str, secret: &str) -> Answer<v1::PurgeSecretResponse> {
        let name = secret_name(project, secret);
        let request = v1::PurgeSecretRequest { name, ..Default::default() };
        self.secrets.clone().purge_secret(request).await.map(Response::into_inner)
    }

    /// The ids of a project's secrets, deleted ones among them if wished.
    pub async fn secret_ids(&self, project: &str, deleted: bool) -> Answer<Vec<String>> {
        let request = v1::ListSecretsRequest {
            parent: format!("projects/{project}"),
            page_size: 1_000,
            show_deleted: deleted,
            ..Default::default()
        };
        let listed = self.secrets.clone().list_secrets(request).await?.into_inner().secrets;
        let id = |secret: v1::Secret| secret.name.rsplit('/').next().unwrap().to_owned();
        Ok(listed.into_iter().map(id).collect())
    }
}

/// The life of a project.
impl Client {
    pub async fn get_project(&self, project: &str) -> Answer<v1::Project> {
        let request = v1::GetProjectRequest { name: format!("projects/{project}") };
        let answer = self.projects.clone().get_project(request).await?;
        Ok(answer.into_inner().project.unwrap())
    }

    pub async fn project_names(&self, show_deleted: bool) -> Answer<Vec<String>> {
        let request = v1::ListProjectsRequest { show_deleted, ..Default::default() };
        let listed = self.projects.clone().list_projects(request).await?.into_inner();
        Ok(listed.projects.into_iter().map(|project| project.name).collect())
    }

    pub async fn rename_project(&self, project: &str, display_name: &str) -> Answer<v1::Project> {
        let request = v1::UpdateProjectRequest {
            project: Some(v1::Project {
                name: format!("projects/{project}"),
                display_name: display_name.to_owned(),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
            ..Default::default()
        };
        let answer = self.projects.clone().update_project(request).await?;
        Ok(answer.into_inner().project.unwrap())
    }

    pub async fn delete_project(&self, project: &str) -> Answer<v1::Project> {
        let name = format!("projects/{project}");
        let request = v1::DeleteProjectRequest { name, ..Default::default() };
        let answer = self.projects.clone().delete_project(request).await?;
        Ok(answer.into_inner().project.unwrap())
    }

    pub async fn undelete_project(&self, project: &str) -> Answer<v1::Project> {
        let name = format!("projects/{project}");
        let request = v1::UndeleteProjectRequest { name, ..Default::default() };
        let answer = self.projects.clone().undelete_project(request).await?;
        Ok(answer.into_inner().project.unwrap())
    }
}

/// Bytes as a value.
pub fn data(value: &[u8]) -> Option<v1::SecretPayload> {
    let payload = Some(v1::secret_payload::Payload::Data(value.to_vec()));
    Some(v1::SecretPayload { payload, crc32c: None })
}
