//! Who calls, and what they may do: one closed table.

use crate::environment::Stage;
use crate::name::{EnvironmentId, ProjectId};
use crate::time::Timestamp;
use crate::uid::{EnvironmentUid, ProjectUid};
use serde::{Deserialize, Serialize};

/// A role; `may` below is the table of what each can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Manages projects, environments and secrets; never reveals, never resolves.
    Admin,
    /// Manages secrets; reveals masked values with the reveal grant only.
    Builder,
    /// Resolves, and nothing else.
    Runtime,
    /// Reads metadata.
    Viewer,
    /// Reads the audit trail.
    Auditor,
    /// Looks after data keys.
    Keyholder,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Admin, Self::Builder, Self::Runtime, Self::Viewer, Self::Auditor, Self::Keyholder];

    /// The role's name, as the command line takes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Builder => "builder",
            Self::Runtime => "runtime",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Keyholder => "keyholder",
        }
    }

    /// Three letters, as they stand in an API token.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Admin => "adm",
            Self::Builder => "bld",
            Self::Runtime => "run",
            Self::Viewer => "vwr",
            Self::Auditor => "aud",
            Self::Keyholder => "key",
        }
    }
}

/// Where a role holds. Identities stand beside ids, so that a right does not pass to something
/// made anew under an old id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Everywhere.
    Deployment,
    /// One project and all in it.
    Project {
        /// Its id.
        id: ProjectId,
        /// Its identity.
        uid: ProjectUid,
    },
    /// One environment in one stage.
    Environment {
        /// The project's id.
        project: ProjectId,
        /// The project's identity.
        project_uid: ProjectUid,
        /// The environment's id.
        environment: EnvironmentId,
        /// The environment's identity.
        environment_uid: EnvironmentUid,
        /// The stage.
        stage: Stage,
    },
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// An immutable id, as it stands in the audit trail; `token:` and the id of an API token.
    pub principal: String,
    /// What they are.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when.
    pub expires: Timestamp,
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
}

/// What an action is aimed at. Only as much as the action names: an environment without a stage
/// means both of its stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The deployment as a whole.
    Deployment,
    /// A project, or something in it that no narrower target describes.
    Project(&'a ProjectId),
    /// One environment in one stage.
    Environment(&'a ProjectId, &'a EnvironmentId, Stage),
}

impl Caller {
    /// Whether this caller may do this here, by ids alone; the engine also compares identities.
    #[must_use]
    pub fn may(&self, action: Action, target: Target<'_>) -> bool {
        may(self.role, self.reveal, action) && covers(&self.scope, target)
    }

    /// Whether an environment's protection lets this caller through.
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

/// Whether a target lies wholly within a scope.
#[must_use]
pub fn covers(scope: &Scope, target: Target<'_>) -> bool {
    match (scope, target) {
        (Scope::Deployment, _) => true,
        (
            Scope::Project { id, .. },
            Target::Project(project) | Target::Environment(project, ..),
        ) => id == project,
        (
            Scope::Environment { project, environment, stage, .. },
            Target::Environment(to_project, to_environment, to_stage),
        ) => project == to_project && environment == to_environment && *stage == to_stage,
        (Scope::Project { .. } | Scope::Environment { .. }, Target::Deployment)
        | (Scope::Environment { .. }, Target::Project(_)) => false,
    }
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
        ];
        assert_eq!(allowed, uses.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_keyholder_looks_after_keys_and_nobody_else_does() {
        for role in Role::ALL {
            let allowed: Vec<_> = Action::ALL.iter().filter(|a| may(role, true, **a)).collect();
            let keys = [Action::GetKeyStatus, Action::RewrapDataKeys];
            if role == Role::Keyholder {
                assert_eq!(allowed, keys.iter().collect::<Vec<_>>());
            } else {
                assert!(!allowed.iter().any(|action| keys.contains(action)), "{role:?}");
            }
        }
    }

    #[test]
    fn a_scope_covers_what_lies_within_it_and_nothing_else() {
        let (demo, other) = (ProjectId::parse("demo").unwrap(), ProjectId::parse("other").unwrap());
        let (main, staging) = (EnvironmentId::main(), EnvironmentId::parse("staging").unwrap());
        let uid = ProjectUid::from_bytes([1; 16]);
        let project = Scope::Project { id: demo.clone(), uid };
        let environment = Scope::Environment {
            project: demo.clone(),
            project_uid: uid,
            environment: main.clone(),
            environment_uid: EnvironmentUid::from_bytes([2; 16]),
            stage: Stage::Live,
        };
        assert!(covers(&Scope::Deployment, Target::Deployment));
        assert!(covers(&project, Target::Project(&demo)));
        assert!(covers(&project, Target::Environment(&demo, &staging, Stage::Draft)));
        assert!(!covers(&project, Target::Deployment));
        assert!(!covers(&project, Target::Project(&other)));
        assert!(covers(&environment, Target::Environment(&demo, &main, Stage::Live)));
        for outside in [
            Target::Deployment,
            Target::Project(&demo),
            Target::Environment(&demo, &main, Stage::Draft),
            Target::Environment(&demo, &staging, Stage::Live),
            Target::Environment(&other, &main, Stage::Live),
        ] {
            assert!(!covers(&environment, outside), "{outside:?}");
        }
    }
}
