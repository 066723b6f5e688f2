//! Who calls, and what they may do: one closed table.

mod role;
mod scope;

pub use role::Role;
pub use scope::{Scope, ScopeName, Target, covers};

use crate::identity::Identity;
use crate::time::Timestamp;
use crate::uid::PrincipalUid;
use std::fmt;

/// How a caller proved who they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An API token, by its public id.
    Token(String),
    /// A certificate or a workload token that carries this identity.
    Identity(Identity),
    /// None: it is this process itself.
    Local,
}

impl fmt::Display for Credential {
    /// `token:` and the public id, the identity, or `local`. Nothing in it is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Identity(identity) => identity.fmt(f),
            Self::Local => f.write_str("local"),
        }
    }
}

/// One right: a role in a scope, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the caller is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when.
    pub expires: Timestamp,
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The principal's name, `principals/{principal}`, as it stands in the audit trail; or
    /// `system:` and a word for what this process does by itself.
    pub principal: String,
    /// The principal's identity.
    pub uid: PrincipalUid,
    /// How they came.
    pub credential: Credential,
    /// The same as it stands in the audit trail.
    pub shown: String,
    /// What they may, at most [`BINDINGS`](crate::limits::BINDINGS) rights.
    pub grants: Vec<Grant>,
    /// Until when they are taken for whom they are.
    pub expires: Timestamp,
    /// The deployment's authorisation epoch in the state that the rights were read from.
    pub epoch: u64,
}

macro_rules! actions {
    ($($action:ident,)*) => {
        /// What can be asked for: one for every method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is named exactly as its method")]
        pub enum Action { $($action,)* }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// The name of the method.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$action => stringify!($action),)* }
            }
        }
    };
}

actions! {
    CreateProject, GetProject, ListProjects, UpdateProject, DeleteProject, UndeleteProject,
    DuplicateProject, ExportProject, ImportProject,
    CreateEnvironment, GetEnvironment, ListEnvironments, UpdateEnvironment, DeleteEnvironment,
    CloneEnvironment, ExplainEnvironment,
    CreateSecret, GetSecret, ListSecrets, UpdateSecret, DeleteSecret, UndeleteSecret,
    RenameSecret, ReleaseSecretAlias, PurgeSecret, ParseReferences,
    SetSecretValue, ClearSecretValue, RevealSecretValue, VerifySecretValue, ListSecretVersions,
    RollbackSecretValue, DestroySecretVersion, ListOverrides, BatchSetOverrides,
    ResolveEnvironment, ResolveSecrets, WatchEnvironment, RenderTemplates,
    GetKeyStatus, RewrapDataKeys,
    ListAuditEvents, VerifyAuditTrail, ExportAuditTrail,
    CreatePrincipal, GetPrincipal, ListPrincipals, UpdatePrincipal, DeletePrincipal,
    CreateBinding, ListBindings, DeleteBinding,
    CreateApiToken, GetApiToken, ListApiTokens, RevokeApiToken,
    WhoAmI, TestPermissions, Initialize,
}

impl Caller {
    /// Whether this caller may do this here, by ids alone; the engine also compares identities and
    /// times.
    #[must_use]
    pub fn may(&self, action: Action, target: Target<'_>) -> bool {
        self.grants.iter().any(|grant| grant.may(action, target))
    }

    /// What this process does by itself, under this name.
    #[must_use]
    pub fn system(name: &'static str) -> Self {
        const EVER: Timestamp = Timestamp::from_micros(i64::MAX);
        let (role, scope) = (Role::Admin, Scope::Deployment);
        Self {
            principal: format!("system:{name}"),
            uid: PrincipalUid::from_bytes([0; 16]),
            credential: Credential::Local,
            shown: Credential::Local.to_string(),
            grants: vec![Grant { role, reveal: false, scope, expires: EVER }],
            expires: EVER,
            epoch: 0,
        }
    }
}

impl Grant {
    /// Whether this right is one to do this here, by ids alone.
    #[must_use]
    pub fn may(&self, action: Action, target: Target<'_>) -> bool {
        may(self.role, self.reveal, action) && covers(&self.scope, target)
    }

    /// Whether this right is one to do this somewhere.
    #[must_use]
    pub const fn may_somewhere(&self, action: Action) -> bool {
        may(self.role, self.reveal, action)
    }

    /// Whether an environment's protection lets this right through.
    #[must_use]
    pub fn may_change_protected(&self) -> bool {
        self.role == Role::Admin
    }
}

/// The table of rights. Neither table has a default arm: a new action or role does not compile
/// until its row is written.
#[must_use]
pub const fn may(role: Role, reveal: bool, action: Action) -> bool {
    use Action as A;
    use Role as R;
    match action {
        A::CreateProject
        | A::UpdateProject
        | A::DeleteProject
        | A::UndeleteProject
        | A::ImportProject
        | A::PurgeSecret
        | A::DestroySecretVersion
        | A::CreateEnvironment
        | A::UpdateEnvironment
        | A::DeleteEnvironment => match role {
            R::Admin => true,
            R::Builder | R::Runtime | R::Viewer | R::Auditor | R::Keyholder => false,
        },
        A::DuplicateProject
        | A::ExportProject
        | A::CloneEnvironment
        | A::CreateSecret
        | A::RenameSecret
        | A::ReleaseSecretAlias
        | A::VerifySecretValue
        | A::RollbackSecretValue
        | A::UpdateSecret
        | A::DeleteSecret
        | A::UndeleteSecret
        | A::SetSecretValue
        | A::ClearSecretValue
        | A::BatchSetOverrides => match role {
            R::Admin | R::Builder => true,
            R::Runtime | R::Viewer | R::Auditor | R::Keyholder => false,
        },
        A::GetProject
        | A::ListProjects
        | A::GetEnvironment
        | A::ListEnvironments
        | A::ExplainEnvironment
        | A::GetSecret
        | A::ListSecrets
        | A::ListSecretVersions
        | A::ParseReferences
        | A::ListOverrides => match role {
            R::Admin | R::Builder | R::Viewer => true,
            R::Runtime | R::Auditor | R::Keyholder => false,
        },
        A::RevealSecretValue => match role {
            R::Builder => reveal,
            R::Admin | R::Runtime | R::Viewer | R::Auditor | R::Keyholder => false,
        },
        A::ResolveEnvironment | A::ResolveSecrets | A::WatchEnvironment | A::RenderTemplates => {
            match role {
                R::Runtime => true,
                R::Admin | R::Builder | R::Viewer | R::Auditor | R::Keyholder => false,
            }
        }
        A::CreatePrincipal
        | A::GetPrincipal
        | A::ListPrincipals
        | A::UpdatePrincipal
        | A::DeletePrincipal
        | A::CreateBinding
        | A::ListBindings
        | A::DeleteBinding
        | A::CreateApiToken
        | A::GetApiToken
        | A::ListApiTokens
        | A::RevokeApiToken => match role {
            R::Admin => true,
            R::Builder | R::Runtime | R::Viewer | R::Auditor | R::Keyholder => false,
        },
        // What everybody may ask about themselves.
        A::WhoAmI | A::TestPermissions => match role {
            R::Admin | R::Builder | R::Runtime | R::Viewer | R::Auditor | R::Keyholder => true,
        },
        // Nobody's right: it is for whoever has none yet and stands at the machine.
        A::Initialize => match role {
            R::Admin | R::Builder | R::Runtime | R::Viewer | R::Auditor | R::Keyholder => false,
        },
        A::GetKeyStatus | A::RewrapDataKeys => match role {
            R::Keyholder => true,
            R::Admin | R::Builder | R::Runtime | R::Viewer | R::Auditor => false,
        },
        A::ListAuditEvents | A::VerifyAuditTrail | A::ExportAuditTrail => match role {
            R::Auditor => true,
            R::Admin | R::Builder | R::Runtime | R::Viewer | R::Keyholder => false,
        },
    }
}

/// Whether one principal may not hold these two rights: with one it sets values, with the other it
/// resolves them, in a place that they have in common.
#[must_use]
pub fn conflict(one: (Role, &Scope), other: (Role, &Scope)) -> bool {
    const fn sets(role: Role) -> bool {
        may(role, true, Action::SetSecretValue)
    }
    const fn resolves(role: Role) -> bool {
        may(role, true, Action::ResolveEnvironment)
    }
    let apart = (sets(one.0) && resolves(other.0)) || (resolves(one.0) && sets(other.0));
    apart && one.1.overlaps(other.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_both_sets_and_resolves() {
        for role in Role::ALL {
            let sets = may(role, true, Action::SetSecretValue);
            let resolves = may(role, true, Action::ResolveEnvironment);
            assert!(!(sets && resolves), "{role:?}");
        }
    }

    #[test]
    fn only_a_builder_with_the_grant_reveals() {
        for role in Role::ALL {
            assert!(!may(role, false, Action::RevealSecretValue), "{role:?}");
            assert_eq!(
                may(role, true, Action::RevealSecretValue),
                role == Role::Builder,
                "{role:?}"
            );
        }
    }

    #[test]
    fn a_runtime_only_resolves() {
        let allowed: Vec<_> =
            Action::ALL.iter().filter(|a| may(Role::Runtime, true, **a)).collect();
        let uses = [
            Action::ResolveEnvironment,
            Action::ResolveSecrets,
            Action::WatchEnvironment,
            Action::RenderTemplates,
            Action::WhoAmI,
            Action::TestPermissions,
        ];
        assert_eq!(allowed, uses.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_keyholder_looks_after_keys_and_nobody_else_does() {
        for role in Role::ALL {
            let allowed: Vec<_> = Action::ALL.iter().filter(|a| may(role, true, **a)).collect();
            let keys = [Action::GetKeyStatus, Action::RewrapDataKeys];
            if role == Role::Keyholder {
                let own = [Action::WhoAmI, Action::TestPermissions];
                assert_eq!(allowed, keys.iter().chain(&own).collect::<Vec<_>>());
            } else {
                assert!(!allowed.iter().any(|action| keys.contains(action)), "{role:?}");
            }
        }
    }

    #[test]
    fn who_sets_and_who_resolves_are_two_where_they_meet() {
        let here = Scope::Deployment;
        for one in Role::ALL {
            for other in Role::ALL {
                let setters = [Role::Admin, Role::Builder];
                let apart = |set: Role, resolve| setters.contains(&set) && resolve == Role::Runtime;
                assert_eq!(
                    conflict((one, &here), (other, &here)),
                    apart(one, other) || apart(other, one),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
