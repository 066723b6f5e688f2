//! Where a role holds, and what an action is aimed at.

use crate::environment::Stage;
use crate::name::{EnvironmentId, ProjectId, parse_environment, parse_project};
use crate::uid::{EnvironmentUid, ProjectUid};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// A scope by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeName {
    /// `deployment`
    Deployment,
    /// `projects/{project}`
    Project(ProjectId),
    /// `projects/{project}/environments/{environment}/stages/{draft|live}`
    Environment(ProjectId, EnvironmentId, Stage),
}

impl ScopeName {
    /// What this names, as something to aim at.
    #[must_use]
    pub const fn target(&self) -> Target<'_> {
        match self {
            Self::Deployment => Target::Deployment,
            Self::Project(project) => Target::Project(project),
            Self::Environment(project, environment, stage) => {
                Target::Environment(project, environment, *stage)
            }
        }
    }
}

impl FromStr for ScopeName {
    type Err = &'static str;

    fn from_str(scope: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "a scope is deployment, projects/{project}, or \
             projects/{project}/environments/{environment}/stages/{draft|live}";
        if scope == "deployment" {
            return Ok(Self::Deployment);
        }
        let Some((environment, stage)) = scope.split_once("/stages/") else {
            return parse_project(scope).map(Self::Project).map_err(|_| RULE);
        };
        let (project, environment) = parse_environment(environment).map_err(|_| RULE)?;
        let stage = Stage::ALL.into_iter().find(|other| other.as_str() == stage).ok_or(RULE)?;
        Ok(Self::Environment(project, environment, stage))
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment => f.write_str("deployment"),
            Self::Project(project) => write!(f, "projects/{project}"),
            Self::Environment(project, environment, stage) => {
                let stage = stage.as_str();
                write!(f, "projects/{project}/environments/{environment}/stages/{stage}")
            }
        }
    }
}

impl Scope {
    /// What this names, as something to aim at.
    #[must_use]
    pub const fn target(&self) -> Target<'_> {
        match self {
            Self::Deployment => Target::Deployment,
            Self::Project { id, uid: _ } => Target::Project(id),
            Self::Environment { project, environment, stage, .. } => {
                Target::Environment(project, environment, *stage)
            }
        }
    }

    /// The names in it.
    #[must_use]
    pub fn name(&self) -> ScopeName {
        match self {
            Self::Deployment => ScopeName::Deployment,
            Self::Project { id, uid: _ } => ScopeName::Project(id.clone()),
            Self::Environment { project, environment, stage, .. } => {
                ScopeName::Environment(project.clone(), environment.clone(), *stage)
            }
        }
    }

    /// The identity of the project that it is of or in; none for the whole deployment.
    #[must_use]
    pub const fn project(&self) -> Option<ProjectUid> {
        match self {
            Self::Deployment => None,
            Self::Project { uid, .. } => Some(*uid),
            Self::Environment { project_uid, .. } => Some(*project_uid),
        }
    }

    /// Whether another scope lies wholly within this one, by identities.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Deployment => true,
            Self::Project { uid, .. } => other.project() == Some(*uid),
            Self::Environment { .. } => self == other,
        }
    }

    /// Whether two scopes have anything in common, by identities.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }
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

    #[test]
    fn scopes_overlap_where_one_lies_within_the_other() {
        let (demo, other) = (ProjectUid::from_bytes([1; 16]), ProjectUid::from_bytes([2; 16]));
        let project = |uid| Scope::Project { id: ProjectId::parse("demo").unwrap(), uid };
        let environment = |uid, of, stage| Scope::Environment {
            project: ProjectId::parse("demo").unwrap(),
            project_uid: uid,
            environment: EnvironmentId::main(),
            environment_uid: EnvironmentUid::from_bytes([of; 16]),
            stage,
        };
        let live = environment(demo, 3, Stage::Live);
        for within in [project(demo), live.clone()] {
            assert!(Scope::Deployment.contains(&within) && !within.contains(&Scope::Deployment));
            assert!(Scope::Deployment.overlaps(&within) && within.overlaps(&Scope::Deployment));
        }
        assert!(project(demo).contains(&live) && live.overlaps(&project(demo)));
        assert!(live.overlaps(&live));
        for apart in [
            project(other),
            environment(other, 3, Stage::Live),
            environment(demo, 4, Stage::Live),
            environment(demo, 3, Stage::Draft),
        ] {
            assert!(!live.overlaps(&apart) && !apart.overlaps(&live), "{apart:?}");
        }
        // What was made anew under an old id is another.
        assert!(!project(demo).overlaps(&project(other)));
    }

    #[test]
    fn a_scope_is_read_exactly_and_written_as_it_was_read() {
        for good in ["deployment", "projects/demo", "projects/demo/environments/main/stages/live"] {
            assert_eq!(good.parse::<ScopeName>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "demo",
            "projects/",
            "projects/demo/environments/main",
            "projects/demo/environments/main/stages/Live",
            "Deployment",
        ] {
            assert!(bad.parse::<ScopeName>().is_err(), "{bad}");
        }
    }
}
