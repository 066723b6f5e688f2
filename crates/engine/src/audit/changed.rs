//! What the record says of a change of access: to what, and what was given or taken with it.

use std::time::{Duration, SystemTime};
use waxseal_domain::caller::{Role, Scope};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::principal::{ApiToken, Binding};
use waxseal_domain::time::Timestamp;
use waxseal_storage::AuditRow;

/// The last second of the year 9999: years of more digits have no form in RFC 3339.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// What was changed.
pub(crate) struct Changed {
    /// Its name.
    pub(crate) resource: String,
    /// What was given or taken with it.
    pub(crate) grant: Option<String>,
}

impl Changed {
    pub(crate) fn principal(id: &PrincipalId) -> Self {
        Self { resource: format!("principals/{id}"), grant: None }
    }

    pub(crate) fn binding(id: &PrincipalId, binding: &Binding) -> Self {
        let Binding { uid, role, reveal, scope, expires, created: _ } = binding;
        let grant = granted(*role, *reveal, scope, *expires);
        Self { resource: format!("principals/{id}/bindings/{uid}"), grant: Some(grant) }
    }

    /// By the token's id, which opens nothing.
    pub(crate) fn token(principal: &PrincipalId, token: &ApiToken) -> Self {
        let ApiToken { id, role, reveal, scope, expires, .. } = token;
        let grant = granted(*role, *reveal, scope, Some(*expires));
        Self { resource: format!("principals/{principal}/tokens/{id}"), grant: Some(grant) }
    }

    /// Says it in a record.
    pub(crate) fn in_row(self, row: AuditRow) -> AuditRow {
        AuditRow { resource: Some(self.resource), grant: self.grant, ..row }
    }
}

/// A grant in words: the role, where, and until when if there is an end.
pub(crate) fn granted(
    role: Role,
    reveal: bool,
    scope: &Scope,
    expires: Option<Timestamp>,
) -> String {
    let reveal = if reveal { "+reveal" } else { "" };
    let mut grant = format!("{}{reveal} {}", role.as_str(), scope.name());
    if let Some(expires) = expires {
        let micros = u64::try_from(expires.micros()).unwrap_or_default();
        let since = Duration::from_micros(micros).min(LAST);
        let end = SystemTime::UNIX_EPOCH + since;
        let end = match since.subsec_micros() {
            0 => humantime::format_rfc3339_seconds(end),
            _ => humantime::format_rfc3339_micros(end),
        };
        grant.push_str(" until ");
        grant.push_str(&end.to_string());
    }
    grant
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_domain::name::ProjectId;
    use waxseal_domain::uid::ProjectUid;

    #[test]
    fn a_grant_says_role_place_and_end() {
        let project = Scope::Project {
            id: ProjectId::parse("demo").unwrap(),
            uid: ProjectUid::from_bytes([1; 16]),
        };
        let until = |micros| Some(Timestamp::from_micros(micros));
        for (role, reveal, scope, expires, words) in [
            (Role::Admin, false, &Scope::Deployment, None, "admin deployment"),
            (
                Role::Builder,
                true,
                &project,
                until(1_798_761_600_000_000),
                "builder+reveal projects/demo until 2027-01-01T00:00:00Z",
            ),
            (
                Role::Runtime,
                false,
                &project,
                until(1_500_000),
                "runtime projects/demo until 1970-01-01T00:00:01.500000Z",
            ),
            (
                Role::Auditor,
                false,
                &project,
                until(i64::MAX),
                "auditor projects/demo until 9999-12-31T23:59:59Z",
            ),
        ] {
            assert_eq!(granted(role, reveal, scope, expires), words);
        }
    }
}
