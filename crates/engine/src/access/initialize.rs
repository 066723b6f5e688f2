//! The first admin of a deployment: made once, by whoever stands at the machine.

use crate::audit::{Actor, Changed, Trail as _};
use crate::change::ATTEMPTS;
use crate::create_token::{Wish, check_life};
use crate::keys::new_uid;
use crate::{Engine, Error};
use std::time::Duration;
use waxseal_domain::caller::{Role, Scope};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::principal::{Binding, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{BindingUid, PrincipalUid};
use zeroize::Zeroizing;

/// Who is to be the first admin.
#[derive(Clone, Debug)]
pub struct Initialize {
    /// The principal to make.
    pub principal: PrincipalId,
    /// For how long its token is good.
    pub life: Duration,
}

/// The first admin.
pub struct Initialized {
    /// The principal.
    pub principal: Principal,
    /// Its token, shown this once.
    pub token: Zeroizing<String>,
    /// Until when that is good.
    pub expires: Timestamp,
}

impl Engine {
    /// Makes the first principal, an admin of the whole deployment, and a token for it. There is no
    /// caller: whoever may call this is for the server to see to. Of two at once, one is told that
    /// it was done.
    ///
    /// # Errors
    /// [`Error::AlreadyInitialized`] where anybody was ever given a right, [`Error::InvalidField`].
    pub async fn initialize(&self, first: Initialize) -> Result<Initialized, Error> {
        let now = self.clock.now();
        check_life(now, now.after(first.life))?;
        for _ in 0..ATTEMPTS {
            match self.admit(&first).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn admit(&self, first: &Initialize) -> Result<Initialized, Error> {
        let Initialize { principal: id, life } = first.clone();
        let now = self.clock.now();
        let expires = now.after(life);
        let mut tx = self.store.begin("initialize").await?;
        if tx.raise_epoch().await? != 1 {
            return Err(Error::AlreadyInitialized);
        }
        let (role, reveal, scope) = (Role::Admin, false, Scope::Deployment);
        let uid = BindingUid::new(new_uid(now)?);
        let binding =
            Binding { uid, role, reveal, scope: scope.clone(), expires: None, created: now };
        let principal = Principal {
            uid: PrincipalUid::new(new_uid(now)?),
            id,
            display_name: String::new(),
            identities: Vec::new(),
            disabled: false,
            bindings: vec![binding],
            edition: 1,
            created: now,
            updated: now,
        };
        tx.insert_principal(&self.principal_row(&principal)?).await?;
        let wish = Wish { role, reveal, scope, expires };
        let (made, token) = self.add_token(&mut *tx, &principal, wish, now).await?;
        let changed = principal.bindings.iter().map(|given| Changed::binding(&principal.id, given));
        let changed = changed.chain([Changed::token(&principal.id, &made)]);
        let rows = changed.map(|one| one.in_row(Actor::local().did(now, "Initialize")));
        tx.append_all(rows.collect()).await?;
        tx.commit().await?;
        Ok(Initialized { principal, token, expires })
    }
}
