//! What a person can do about a refusal, with the commands that do it.

use super::Refused;
use tonic::Code;
use waxseal_proto::v1::ErrorReason as R;

/// The advice; none where the server's own words say it all.
pub(super) fn on(refused: &Refused) -> Option<&'static str> {
    if refused.obstacle().is_some() {
        return None;
    }
    let name = format!("ERROR_REASON_{}", refused.reason());
    match R::from_str_name(&name) {
        Some(reason) => by_reason(reason),
        None => by_code(refused.code()),
    }
}

fn by_code(code: Code) -> Option<&'static str> {
    match code {
        Code::Unavailable => Some("is it running, and is --address (WAXSEAL_ADDRESS) right?"),
        Code::Unimplemented => Some("the server may be older than this command"),
        _ => None,
    }
}

fn by_reason(reason: R) -> Option<&'static str> {
    Some(match reason {
        R::CredentialsMissing => {
            "set --token-file, WAXSEAL_TOKEN_FILE or WAXSEAL_TOKEN, or --cert and --key"
        }
        R::CredentialsInvalid => {
            "an admin's `waxseal token issue` makes another token, and so does `waxseal token \
             create` on the machine that has the keys"
        }
        R::PermissionDenied => "use a token whose role and scope allow it",
        R::SecretRestricted => {
            "`waxseal secret verify` compares a candidate with it, and agents resolve it as before"
        }
        R::ProjectNotFound => "`waxseal project list` says which there are",
        R::EnvironmentNotFound => "`waxseal env list` says which there are",
        R::SecretNotFound => "`waxseal secret list` says which there are",
        R::VersionNotFound | R::VersionDestroyed => {
            "`waxseal secret versions` says which there are"
        }
        R::PrincipalNotFound => "`waxseal principal list` says which there are",
        R::BindingNotFound => "`waxseal binding list` says which there are",
        R::BindingMissing => "`waxseal binding create` gives the principal the role",
        R::ApiTokenNotFound => "`waxseal token list` says which there are",
        R::SeparationOfDuties => "`waxseal principal create` makes another principal",
        R::AliasNotFound => "`waxseal secret get` says which there are",
        R::SecretExists => "`waxseal secret set` changes its value",
        R::NameHeldByDeleted => "`waxseal secret undelete` brings it back",
        R::IdHeldByDeleted | R::ProjectDeleted => "`waxseal project undelete` brings it back",
        R::NameHeldByAlias | R::AliasLimit => "`waxseal secret release-alias` gives a name up",
        R::SecretDeleted => "`waxseal secret undelete` brings it back",
        R::SecretNotDeleted => "`waxseal secret delete` comes first",
        R::SecretUnset => "`waxseal explain` says why, `waxseal secret set` gives it a value",
        R::SecretNotText => "set it without --binary",
        R::EtagMismatch => "read it again, and give its present etag, or none",
        R::EnvironmentHasOverrides => "--force deletes them with it",
        R::VersionIsCurrent => "`waxseal secret rollback` or `set` makes another one current",
        R::SecretLimit => "`waxseal secret purge` removes deleted ones for good",
        R::StorageUnavailable | R::StorageFull | R::KeyUnavailable | R::ShuttingDown => {
            "try again later, or tell an operator"
        }
        R::DataLoss => "tell an operator",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic::Status;
    use tonic_types::{ErrorDetails, StatusExt as _};

    #[test]
    fn advice_is_by_reason_and_else_by_code() {
        let refused = |reason: &str| {
            let details = ErrorDetails::with_error_info(reason, "waxseal.dev", HashMap::new());
            Refused::from(Status::with_error_details(Code::NotFound, "", details))
        };
        assert!(on(&refused("SECRET_NOT_FOUND")).unwrap().contains("secret list"));
        assert_eq!(on(&refused("INVALID_NAME")), None);
        assert_eq!(on(&refused("OF_A_LATER_VERSION")), None);
        assert!(on(&Refused::from(Status::unavailable(""))).unwrap().contains("--address"));
    }
}
