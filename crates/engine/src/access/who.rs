//! What callers are told about themselves.

use crate::permit::Rights;
use crate::{Engine, Error, Permit};
use waxseal_domain::caller::{Action, ScopeName};
use waxseal_domain::time::Timestamp;

impl Engine {
    /// Lets a caller see who they are, and says what time it is: which of their rights hold now.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] where the permit is for something else.
    pub fn who_am_i(&self, permit: Permit<'_>) -> Result<Timestamp, Error> {
        permit.check(Action::WhoAmI)?;
        Ok(self.clock.now())
    }

    /// Which of these actions the caller may take here. It is told from what they were given, and
    /// not from what is there.
    ///
    /// # Errors
    /// Of the store.
    pub async fn test_permissions(
        &self,
        permit: Permit<'_>,
        scope: &ScopeName,
        actions: &[Action],
    ) -> Result<Vec<bool>, Error> {
        permit.check(Action::TestPermissions)?;
        let (caller, now) = (permit.caller, self.clock.now());
        let rights = Rights { caller, chosen: self.same(Rights::all(caller)).await? };
        let may = |action: &Action| {
            let mut live = rights.grants().filter(|grant| grant.expires > now);
            live.any(|grant| grant.may(*action, scope.target()))
        };
        Ok(actions.iter().map(may).collect())
    }
}
