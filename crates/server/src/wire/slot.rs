//! Stages and slots.

use super::{invalid, name};
use std::borrow::Cow;
use waxseal_domain::caller::Target;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::slot::Slot;
use waxseal_engine::Error;
use waxseal_proto::v1;

pub(crate) fn stage(field: &str, stage: i32) -> Result<Stage, Error> {
    known_stage(stage).ok_or_else(|| invalid(field, "be STAGE_DRAFT or STAGE_LIVE"))
}

fn known_stage(stage: i32) -> Option<Stage> {
    match v1::Stage::try_from(stage) {
        Ok(v1::Stage::Draft) => Some(Stage::Draft),
        Ok(v1::Stage::Live) => Some(Stage::Live),
        Ok(v1::Stage::Unspecified) | Err(_) => None,
    }
}

pub(crate) const fn stage_message(stage: Stage) -> v1::Stage {
    match stage {
        Stage::Draft => v1::Stage::Draft,
        Stage::Live => v1::Stage::Live,
    }
}

pub(crate) fn slot(slot: Option<&v1::Slot>) -> Result<Slot, Error> {
    match slot.and_then(|slot| slot.slot.as_ref()) {
        Some(v1::slot::Slot::Default(v1::DefaultSlot {})) => Ok(Slot::Default),
        Some(v1::slot::Slot::Override(v1::OverrideSlot { environment, stage: of })) => {
            Ok(Slot::Override(
                name::environment_id("slot.override.environment", environment)?,
                stage("slot.override.stage", *of)?,
            ))
        }
        None => Err(invalid("slot", "be given: default or override")),
    }
}

/// What rights are asked for, as far as it can be told before rights are known: anything that is
/// not well formed is of the project as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    project: &'a ProjectId,
    place: Option<(Cow<'a, EnvironmentId>, Stage)>,
}

impl<'a> Asked<'a> {
    /// For a request that names an environment and a stage.
    pub(crate) fn stage(
        project: &'a ProjectId,
        environment: &'a EnvironmentId,
        stage: i32,
    ) -> Self {
        let place = known_stage(stage).map(|stage| (Cow::Borrowed(environment), stage));
        Self { project, place }
    }

    /// For a request that names a slot.
    pub(crate) fn slot(project: &'a ProjectId, sent: Option<&v1::Slot>) -> Self {
        let place = match slot(sent) {
            Ok(Slot::Override(environment, stage)) => Some((Cow::Owned(environment), stage)),
            Ok(Slot::Default) | Err(_) => None,
        };
        Self { project, place }
    }

    pub(crate) fn target(&self) -> Target<'_> {
        match &self.place {
            Some((environment, stage)) => Target::Environment(self.project, environment, *stage),
            None => Target::Project(self.project),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(environment: &str, stage: i32) -> v1::Slot {
        let of = v1::OverrideSlot { environment: environment.to_owned(), stage };
        v1::Slot { slot: Some(v1::slot::Slot::Override(of)) }
    }

    #[test]
    fn a_slot_has_to_be_said() {
        assert!(slot(None).is_err());
        assert!(slot(Some(&v1::Slot { slot: None })).is_err());
        for stage in [0, 3, 99, -1] {
            assert!(slot(Some(&sent("main", stage))).is_err(), "{stage}");
        }
        assert!(slot(Some(&sent("Main", 1))).is_err());
        assert_eq!(
            slot(Some(&sent("main", 2))).unwrap(),
            Slot::Override(EnvironmentId::main(), Stage::Live)
        );
    }

    #[test]
    fn what_is_not_well_formed_asks_for_the_project() {
        let project = ProjectId::parse("p").unwrap();
        let asked = |slot: Option<&v1::Slot>| Asked::slot(&project, slot);
        for slot in
            [None, Some(&sent("main", 0)), Some(&sent("", 1)), Some(&v1::Slot { slot: None })]
        {
            assert_eq!(asked(slot).target(), Target::Project(&project), "{slot:?}");
        }
        let main = EnvironmentId::main();
        let expected = Target::Environment(&project, &main, Stage::Draft);
        assert_eq!(asked(Some(&sent("main", 1))).target(), expected);
        assert_eq!(Asked::stage(&project, &main, 1).target(), expected);
        assert_eq!(Asked::stage(&project, &main, 0).target(), Target::Project(&project));
    }
}
