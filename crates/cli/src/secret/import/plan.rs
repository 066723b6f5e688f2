//! What an import of secrets would do, before anybody agrees to it.

use crate::env_file::Entry;
use crate::failure::Failure;
use crate::words;
use std::collections::HashMap;
use waxseal_proto::v1::{self, Visibility};

/// What to do with each entry, in the order of the file.
pub(super) struct Plan {
    pub(super) tasks: Vec<Task>,
}

pub(super) struct Task {
    pub(super) entry: Entry,
    pub(super) step: Step,
    /// That of a secret that is there already.
    pub(super) visibility: Option<Visibility>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Create,
    Placeholder,
    Set,
    SkipExisting,
    SkipEmpty,
}

impl Step {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Placeholder => "create without a value",
            Self::Set => "set the default anew",
            Self::SkipExisting => "leave alone: it has a value",
            Self::SkipEmpty => "leave alone: no value here",
        }
    }

    /// The same for scripts.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Placeholder => "createPlaceholder",
            Self::Set => "set",
            Self::SkipExisting => "skipExisting",
            Self::SkipEmpty => "skipEmpty",
        }
    }

    pub(super) const fn is_new(self) -> bool {
        matches!(self, Self::Create | Self::Placeholder)
    }

    pub(super) const fn is_work(self) -> bool {
        matches!(self, Self::Create | Self::Placeholder | Self::Set)
    }
}

impl Plan {
    /// What to do where these secrets are there. Fails where the server would.
    pub(super) fn of(
        entries: Vec<Entry>,
        known: &[v1::Secret],
        skip_existing: bool,
    ) -> Result<Self, Failure> {
        let mut names = HashMap::new();
        for secret in known {
            let id = words::id(&secret.name);
            names.insert(id.to_ascii_lowercase(), (id, secret));
            for alias in &secret.aliases {
                names.entry(alias.to_ascii_lowercase()).or_insert((alias, secret));
            }
        }
        let task = |entry: Entry| {
            let found = names.get(&entry.name.to_ascii_lowercase());
            let Some((_, secret)) = found else {
                let step = if entry.value.is_empty() { Step::Placeholder } else { Step::Create };
                return Ok(Task { entry, step, visibility: None });
            };
            let id = words::id(&secret.name);
            if secret.delete_time.is_some() {
                return Err(obstacle(
                    &entry,
                    "is deleted; `waxseal secret undelete` brings it back",
                ));
            }
            if id != entry.name {
                return Err(obstacle(&entry, &format!("is another name of {id}: use that one")));
            }
            let step = match (entry.value.is_empty(), secret.has_value && skip_existing) {
                (true, _) => Step::SkipEmpty,
                (false, true) => Step::SkipExisting,
                (false, false) => Step::Set,
            };
            Ok(Task { entry, step, visibility: Some(secret.visibility()) })
        };
        Ok(Self { tasks: entries.into_iter().map(task).collect::<Result<_, _>>()? })
    }

    pub(super) fn count(&self, of: fn(Step) -> bool) -> usize {
        self.tasks.iter().filter(|task| of(task.step)).count()
    }
}

fn obstacle(entry: &Entry, obstacle: &str) -> Failure {
    let (line, name) = (entry.line, entry.name.clone());
    Failure::Obstacle { line, name, obstacle: obstacle.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env_file;

    fn secret(id: &str, has_value: bool) -> v1::Secret {
        v1::Secret { name: format!("projects/demo/secrets/{id}"), has_value, ..Default::default() }
    }

    fn steps(text: &str, known: &[v1::Secret], skip: bool) -> Result<Vec<Step>, Failure> {
        let entries = env_file::parse(text.as_bytes()).unwrap();
        let plan = Plan::of(entries, known, skip)?;
        Ok(plan.tasks.iter().map(|task| task.step).collect())
    }

    #[test]
    fn what_is_there_is_set_and_what_is_not_is_made() {
        let known = [secret("A", true), secret("B", false)];
        let text = "A=1\nB=2\nC=3\nD=\n";
        let all = [Step::Set, Step::Set, Step::Create, Step::Placeholder];
        assert_eq!(steps(text, &known, false).unwrap(), all);
        let new = [Step::SkipExisting, Step::Set, Step::Create, Step::Placeholder];
        assert_eq!(steps(text, &known, true).unwrap(), new);
        assert_eq!(steps("A=\n", &known, false).unwrap(), [Step::SkipEmpty]);
    }

    #[test]
    fn names_that_are_taken_are_told_before_anything_is_done() {
        let deleted = v1::Secret {
            delete_time: Some(prost_types::Timestamp::default()),
            ..secret("A", true)
        };
        let renamed = v1::Secret { aliases: vec!["OLD".to_owned()], ..secret("NEW", true) };
        let known = [deleted, renamed];
        for (text, told) in [
            ("X=1\nA=canary", "line 2: A is deleted"),
            ("OLD=canary", "line 1: OLD is another name of NEW"),
            ("new=canary", "line 1: new is another name of NEW"),
        ] {
            let refused = steps(text, &known, false).unwrap_err().to_string();
            assert!(refused.starts_with(told) && !refused.contains("canary"), "{refused}");
        }
    }
}
