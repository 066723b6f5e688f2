//! What callers are told about themselves.

use crate::wire::access;
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_domain::limits::PERMISSIONS;
use waxseal_engine::{Engine, Error};
use waxseal_proto::v1::{
    TestPermissionsRequest, TestPermissionsResponse, WhoAmIRequest, WhoAmIResponse,
};

pub(super) async fn am_i(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    _: WhoAmIRequest,
) -> Result<WhoAmIResponse, Error> {
    let permit = engine.permit_somewhere(&caller, Action::WhoAmI).await?;
    let now = engine.who_am_i(permit)?;
    Ok(access::who(&caller, now))
}

pub(super) async fn test_permissions(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: TestPermissionsRequest,
) -> Result<TestPermissionsResponse, Error> {
    let permit = engine.permit_somewhere(&caller, Action::TestPermissions).await?;
    let scope = access::scope("scope", &request.scope)?;
    let TestPermissionsRequest { mut permissions, .. } = request;
    if !(1..=PERMISSIONS).contains(&permissions.len()) {
        let rule = format!("must be 1 to {PERMISSIONS}");
        return Err(Error::InvalidField { field: "permissions".to_owned(), rule });
    }
    let mut actions = Vec::with_capacity(permissions.len());
    for (at, permission) in permissions.iter().enumerate() {
        let found = Action::ALL.iter().find(|action| action.as_str() == permission);
        let unknown = || Error::InvalidField {
            field: format!("permissions[{at}]"),
            rule: "must be the name of a method, without its service".to_owned(),
        };
        actions.push(*found.ok_or_else(unknown)?);
    }
    let allowed = engine.test_permissions(permit, &scope, &actions).await?;
    let mut allowed = allowed.into_iter();
    permissions.retain(|_| allowed.next().unwrap_or(false));
    Ok(TestPermissionsResponse { permissions })
}
