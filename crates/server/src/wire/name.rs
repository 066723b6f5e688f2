//! Names and ids.

use waxseal_domain::name::{self, EnvironmentId, InvalidName, PrincipalId, ProjectId, SecretName};
use waxseal_domain::uid::BindingUid;
use waxseal_engine::Error;

fn refused(field: &str) -> impl FnOnce(InvalidName) -> Error {
    |invalid| Error::InvalidName { field: field.to_owned(), rule: invalid.rule() }
}

pub(crate) fn project(field: &str, name: &str) -> Result<ProjectId, Error> {
    name::parse_project(name).map_err(refused(field))
}

pub(crate) fn environment(field: &str, name: &str) -> Result<(ProjectId, EnvironmentId), Error> {
    name::parse_environment(name).map_err(refused(field))
}

pub(crate) fn secret(field: &str, name: &str) -> Result<(ProjectId, SecretName), Error> {
    name::parse_secret(name).map_err(refused(field))
}

pub(crate) fn principal(field: &str, name: &str) -> Result<PrincipalId, Error> {
    name::parse_principal(name).map_err(refused(field))
}

pub(crate) fn binding(field: &str, name: &str) -> Result<(PrincipalId, BindingUid), Error> {
    name::parse_binding(name).map_err(refused(field))
}

pub(crate) fn api_token(field: &str, name: &str) -> Result<(PrincipalId, String), Error> {
    name::parse_api_token(name).map_err(refused(field))
}

pub(crate) fn principal_id(field: &str, id: &str) -> Result<PrincipalId, Error> {
    PrincipalId::parse(id).map_err(refused(field))
}

pub(crate) fn project_id(field: &str, id: &str) -> Result<ProjectId, Error> {
    ProjectId::parse(id).map_err(refused(field))
}

pub(crate) fn environment_id(field: &str, id: &str) -> Result<EnvironmentId, Error> {
    EnvironmentId::parse(id).map_err(refused(field))
}

pub(crate) fn secret_id(field: &str, id: &str) -> Result<SecretName, Error> {
    SecretName::parse(id).map_err(refused(field))
}
