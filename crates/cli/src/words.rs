//! What enums, times and names of the wire are called here.

use prost_types::Timestamp;
use std::time::{Duration, SystemTime};
use waxseal_domain::caller::Role;
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;
use waxseal_proto::v1::{self, Fallback, Origin, ReferenceState, Stage, UnsetReason, Visibility};

pub(crate) const fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Unspecified => "unknown",
        Visibility::Masked => "masked",
        Visibility::Restricted => "restricted",
    }
}

pub(crate) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Unspecified => "unknown",
        Stage::Draft => "draft",
        Stage::Live => "live",
    }
}

pub(crate) const fn fallback(fallback: Fallback) -> &'static str {
    match fallback {
        Fallback::Unspecified => "unknown",
        Fallback::Allow => "allow",
        Fallback::Deny => "deny",
    }
}

pub(crate) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Unspecified => "unset",
        Origin::Default => "default",
        Origin::Override => "override",
    }
}

pub(crate) const fn unset(reason: UnsetReason) -> &'static str {
    match reason {
        UnsetReason::Unspecified => "",
        UnsetReason::NoValue => "no value",
        UnsetReason::FallbackDenied => "the default is not allowed here",
    }
}

pub(crate) const fn state(state: ReferenceState) -> &'static str {
    match state {
        ReferenceState::Unspecified => "",
        ReferenceState::Resolved => "resolved",
        ReferenceState::Unset => "unset",
        ReferenceState::Unknown => "unknown",
        ReferenceState::Renamed => "renamed",
        ReferenceState::Deleted => "deleted",
    }
}

/// A role, and whether it comes with the reveal grant.
pub(crate) const fn role(role: v1::Role, reveal: bool) -> &'static str {
    match role {
        v1::Role::Unspecified => "unknown",
        v1::Role::Admin => "admin",
        v1::Role::Builder if reveal => "builder, reveals",
        v1::Role::Builder => "builder",
        v1::Role::Runtime => "runtime",
        v1::Role::Viewer => "viewer",
        v1::Role::Auditor => "auditor",
        v1::Role::Keyholder => "keyholder",
    }
}

/// A role, as the wire has it.
pub(crate) const fn role_sent(role: Role) -> v1::Role {
    match role {
        Role::Admin => v1::Role::Admin,
        Role::Builder => v1::Role::Builder,
        Role::Runtime => v1::Role::Runtime,
        Role::Viewer => v1::Role::Viewer,
        Role::Auditor => v1::Role::Auditor,
        Role::Keyholder => v1::Role::Keyholder,
    }
}

pub(crate) const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// What it will be by the clock in so long.
pub(crate) fn time_from_now(life: Duration) -> SystemTime {
    let micros = u64::try_from(SystemClock.now().after(life).micros()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// A time to the second; nothing where there is none.
pub(crate) fn time(time: Option<Timestamp>) -> String {
    time.map(|time| Timestamp { nanos: 0, ..time }.to_string()).unwrap_or_default()
}

/// A version's number; nothing where there is none.
pub(crate) fn version(version: i64) -> String {
    if version == 0 { String::new() } else { version.to_string() }
}

/// The id at the end of a full name.
pub(crate) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Names for a message, as many as anybody reads.
pub(crate) fn list(names: &[String]) -> String {
    const NAMED: usize = 10;
    match names.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{} and {more} more", names[..NAMED].join(", ")),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<_> = (0..12).map(|name| name.to_string()).collect();
        assert_eq!(list(&names[..2]), "0, 1");
        assert_eq!(list(&names[..10]), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
        assert_eq!(list(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    }
}
