//! Principals, bindings and API tokens.

use super::mask::Fields;
use super::{invalid, time};
use waxseal_domain::caller::{Caller, Credential, Grant, Role, ScopeName};
use waxseal_domain::identity::{Identity, Issuer, SpiffeId, Subject};
use waxseal_domain::name;
use waxseal_domain::principal::{ApiToken, Binding, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_engine::{BindingState, Error, TokenState, etag};
use waxseal_proto::v1;
use waxseal_proto::v1::identity::Identity as Known;

/// The fields of a principal, for masks.
pub(crate) const FIELDS: Fields = Fields {
    mutable: &["display_name", "identities", "disabled"],
    fixed: &["name", "uid", "create_time", "update_time", "etag"],
};

/// Whether an update without a mask means this field.
pub(crate) fn populated(sent: &v1::Principal, field: &str) -> bool {
    match field {
        "display_name" => !sent.display_name.is_empty(),
        "identities" => !sent.identities.is_empty(),
        "disabled" => sent.disabled,
        _ => false,
    }
}

/// What a principal is to be known by.
pub(crate) fn identities(sent: &[v1::Identity]) -> Result<Vec<Identity>, Error> {
    let read = |(at, sent): (usize, &v1::Identity)| {
        let field = |rest: &str| format!("principal.identities[{at}]{rest}");
        match &sent.identity {
            Some(Known::SpiffeId(id)) => SpiffeId::parse(id)
                .map(Identity::Spiffe)
                .map_err(|rule| invalid(&field(".spiffe_id"), rule.rule())),
            Some(Known::Workload(v1::Workload { issuer, subject })) => {
                let issuer = Issuer::parse(issuer)
                    .map_err(|rule| invalid(&field(".workload.issuer"), rule.rule()))?;
                let subject = Subject::parse(subject)
                    .map_err(|rule| invalid(&field(".workload.subject"), rule.rule()))?;
                Ok(Identity::Workload { issuer, subject })
            }
            None => Err(invalid(&field(""), "be a SPIFFE id or a workload")),
        }
    };
    sent.iter().enumerate().map(read).collect()
}

/// A role that has to be said.
pub(crate) fn role(field: &str, sent: i32) -> Result<Role, Error> {
    match v1::Role::try_from(sent) {
        Ok(v1::Role::Admin) => Ok(Role::Admin),
        Ok(v1::Role::Builder) => Ok(Role::Builder),
        Ok(v1::Role::Runtime) => Ok(Role::Runtime),
        Ok(v1::Role::Viewer) => Ok(Role::Viewer),
        Ok(v1::Role::Auditor) => Ok(Role::Auditor),
        Ok(v1::Role::Keyholder) => Ok(Role::Keyholder),
        Ok(v1::Role::Unspecified) | Err(_) => Err(invalid(field, "be one of the roles")),
    }
}

pub(crate) fn scope(field: &str, sent: &str) -> Result<ScopeName, Error> {
    let rule = "be deployment, projects/{project}, or \
                projects/{project}/environments/{environment}/stages/{draft|live}";
    sent.parse().map_err(|_| invalid(field, rule))
}

const fn role_message(role: Role) -> v1::Role {
    match role {
        Role::Admin => v1::Role::Admin,
        Role::Builder => v1::Role::Builder,
        Role::Runtime => v1::Role::Runtime,
        Role::Viewer => v1::Role::Viewer,
        Role::Auditor => v1::Role::Auditor,
        Role::Keyholder => v1::Role::Keyholder,
    }
}

fn identity(identity: &Identity) -> v1::Identity {
    let known = match identity {
        Identity::Spiffe(id) => Known::SpiffeId(id.to_string()),
        Identity::Workload { issuer, subject } => Known::Workload(v1::Workload {
            issuer: issuer.to_string(),
            subject: subject.to_string(),
        }),
    };
    v1::Identity { identity: Some(known) }
}

pub(crate) fn principal(principal: &Principal) -> v1::Principal {
    v1::Principal {
        name: name::principal(&principal.id),
        uid: principal.uid.to_string(),
        display_name: principal.display_name.clone(),
        identities: principal.identities.iter().map(identity).collect(),
        disabled: principal.disabled,
        create_time: Some(time::message(principal.created)),
        update_time: Some(time::message(principal.updated)),
        etag: etag::principal(principal),
    }
}

pub(crate) fn binding(BindingState { principal, binding }: &BindingState) -> v1::Binding {
    let Binding { uid, role, reveal, scope, expires, created } = binding;
    v1::Binding {
        name: format!("principals/{principal}/bindings/{uid}"),
        role: role_message(*role).into(),
        reveal: *reveal,
        scope: scope.name().to_string(),
        expire_time: expires.map(time::message),
        create_time: Some(time::message(*created)),
    }
}

pub(crate) fn api_token(TokenState { principal, token, used }: &TokenState) -> v1::ApiToken {
    let ApiToken { id, principal: _, role, reveal, scope, expires, created, revoked } = token;
    v1::ApiToken {
        name: format!("principals/{principal}/tokens/{id}"),
        role: role_message(*role).into(),
        reveal: *reveal,
        scope: scope.name().to_string(),
        expire_time: Some(time::message(*expires)),
        create_time: Some(time::message(*created)),
        revoke_time: revoked.map(time::message),
        last_use_time: used.map(time::message),
    }
}

/// Who a caller is, with those rights that hold now.
pub(crate) fn who(caller: &Caller, now: Timestamp) -> v1::WhoAmIResponse {
    use v1::who_am_i_response::Credential as Came;
    let credential = match &caller.credential {
        Credential::Token(id) => Some(Came::ApiToken(format!("{}/tokens/{id}", caller.principal))),
        Credential::Identity(known) => Some(Came::Identity(identity(known))),
        Credential::Local => None,
    };
    let grant = |Grant { role, reveal, scope, expires }: &Grant| v1::Grant {
        role: role_message(*role).into(),
        reveal: *reveal,
        scope: scope.name().to_string(),
        expire_time: until(*expires),
    };
    v1::WhoAmIResponse {
        principal: caller.principal.clone(),
        uid: caller.uid.to_string(),
        credential,
        grants: caller.grants.iter().filter(|grant| grant.expires > now).map(grant).collect(),
        expire_time: until(caller.expires),
    }
}

/// The end of the range stands for no end.
fn until(expires: Timestamp) -> Option<prost_types::Timestamp> {
    (expires != Timestamp::from_micros(i64::MAX)).then(|| time::message(expires))
}
