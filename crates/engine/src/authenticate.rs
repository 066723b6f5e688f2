//! From credentials to a caller, and whether they still are what they were.
//!
//! What was read of a caller is kept with the authorisation epoch of the state that it was read
//! from. Every change of who may do what raises the epoch, so a caller that was read at the present
//! one needs no second look: the store says what the present one is, as of a moment ago, without
//! asking the database.

mod callers;
mod evenly;

pub(crate) use callers::KnownCallers;

use crate::create_token::{CHECKSUM, ID, SECRET, checksum};
use crate::permit::Rights;
use crate::{Engine, Error};
use callers::Shown;
use evenly::evenly;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use waxseal_domain::caller::{Caller, Credential, Grant, Role};
use waxseal_domain::identity::Identity;
use waxseal_domain::name::principal;
use waxseal_domain::principal::{ApiToken, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_envelope::sha256;
use waxseal_storage::Snapshot;

/// How old what is known of rights may be.
pub(crate) const TRUST: Duration = Duration::from_secs(1);

/// How long it may take to look a caller up. Everything waits for that, and a database that is silent
/// is not going to answer what comes after it either.
const LOOK_UP: Duration = Duration::from_secs(1);

/// How exactly it is kept when a token was last used.
const USE: Duration = Duration::from_secs(60);

impl Engine {
    /// Reads an API token.
    ///
    /// # Errors
    /// [`Error::CredentialsInvalid`], the same for every cause.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Caller>, Error> {
        // The whole token, so that no part of it can be exchanged; its hash can neither be
        // turned back nor guessed, so finding it tells nothing by its timing. What is found has
        // been taken apart before.
        let key = sha256(token.as_bytes());
        let known = match self.callers.shown(&key) {
            Some(known) if known.caller.epoch >= self.recent_epoch(TRUST).await? => known,
            _ => {
                let parts = parse(token).ok_or(Error::CredentialsInvalid)?;
                // Boxed: rare, and otherwise carried along by every call.
                let known = Arc::new(Box::pin(evenly(self.verify(&parts))).await?);
                self.callers.keep_shown(key, known.clone());
                known
            }
        };
        let now = self.clock.now();
        if known.caller.expires <= now {
            return Err(Error::CredentialsInvalid);
        }
        if known.is_due(now, USE) {
            self.note_use(&known.caller, now);
        }
        Ok(known.caller.clone())
    }

    /// Whether a token was found to be good lately, so that looking at it again guesses nothing and
    /// costs no question.
    #[must_use]
    pub fn knows(&self, token: &str) -> bool {
        self.callers.shown(&sha256(token.as_bytes())).is_some()
    }

    /// Finds the principal that is known by an identity, which somebody else has proved.
    ///
    /// # Errors
    /// [`Error::CredentialsInvalid`], the same for one that is unknown and one that is disabled.
    pub async fn authenticate_identity(&self, identity: &Identity) -> Result<Arc<Caller>, Error> {
        if let Some(known) = self.callers.known_by(identity)
            && known.epoch >= self.recent_epoch(TRUST).await?
        {
            return Ok(known);
        }
        Box::pin(self.read_anew(&Credential::Identity(identity.clone()))).await
    }

    /// The caller as of at most `age` ago, until no later than they were taken for.
    ///
    /// # Errors
    /// [`Error::CredentialsInvalid`] where there is no such caller any more. Whether they still have
    /// a right is [`Engine::permit`]'s to say.
    pub(crate) async fn still(
        &self,
        caller: &Arc<Caller>,
        age: Duration,
    ) -> Result<Arc<Caller>, Error> {
        if caller.expires <= self.clock.now() {
            return Err(Error::CredentialsInvalid);
        }
        let epoch = self.recent_epoch(age).await?;
        if caller.epoch >= epoch || caller.credential == Credential::Local {
            return Ok(caller.clone());
        }
        let fresh = self.at_epoch(&caller.credential, epoch).await?;
        if fresh.uid != caller.uid {
            return Err(Error::CredentialsInvalid);
        }
        // An identity stands for as long as somebody vouches for it, which only those know whom it
        // was shown to.
        Ok(match fresh.expires > caller.expires {
            true => Arc::new(Caller { expires: caller.expires, ..(*fresh).clone() }),
            false => fresh,
        })
    }

    /// Makes sure of rights in a state that shows this authorisation epoch.
    pub(crate) async fn ensure_rights_at(
        &self,
        epoch: u64,
        rights: Rights<'_>,
    ) -> Result<(), Error> {
        if rights.caller.credential == Credential::Local {
            return Ok(());
        }
        let fresh = self.at_epoch(&rights.caller.credential, epoch).await?;
        rights.ensure_in(&fresh, self.clock.now())
    }

    /// Makes sure of rights in the state that a transaction sees.
    pub(crate) async fn ensure_rights(
        &self,
        rows: &mut dyn Snapshot,
        rights: Rights<'_>,
    ) -> Result<(), Error> {
        let caller = rights.caller;
        if caller.expires <= self.clock.now() {
            return Err(Error::CredentialsInvalid);
        }
        if caller.credential == Credential::Local || rows.epoch().await? == caller.epoch {
            return Ok(());
        }
        let fresh = self.read_caller(rows, &caller.credential).await?;
        rights.ensure_in(&fresh, self.clock.now())
    }

    /// The caller in a state that shows this authorisation epoch, or a later one.
    async fn at_epoch(&self, credential: &Credential, epoch: u64) -> Result<Arc<Caller>, Error> {
        match self.callers.standing(credential) {
            Some(known) if known.epoch >= epoch => Ok(known),
            _ => Box::pin(self.read_anew(credential)).await,
        }
    }

    async fn read_anew(&self, credential: &Credential) -> Result<Arc<Caller>, Error> {
        let caller =
            async { self.read_caller(&mut *self.store.snapshot().await?, credential).await };
        let caller = Arc::new(in_time(caller).await?);
        self.callers.keep_standing(credential.clone(), caller.clone());
        Ok(caller)
    }

    async fn recent_epoch(&self, age: Duration) -> Result<u64, Error> {
        match self.store.known_epoch(age) {
            Some(epoch) => Ok(epoch),
            None => in_time(async { Ok(self.store.recent_epoch(age).await?) }).await,
        }
    }

    async fn verify(&self, parts: &Parts<'_>) -> Result<Shown, Error> {
        in_time(async {
            let mut rows = self.store.snapshot().await?;
            let row = rows.token(parts.id).await?;
            let hash = sha256(parts.secret.as_bytes());
            let row = row.filter(|row| bool::from(hash.ct_eq(&row.hash)));
            let row = row.ok_or(Error::CredentialsInvalid)?;
            let token = self.read_token(&row)?;
            if token.role != parts.role {
                return Err(Error::CredentialsInvalid);
            }
            let caller = self.bearer(&mut *rows, &token).await?;
            Ok(Shown::new(Arc::new(caller), row.used))
        })
        .await
    }

    /// Who a credential makes its bearer in this state.
    async fn read_caller(
        &self,
        rows: &mut dyn Snapshot,
        credential: &Credential,
    ) -> Result<Caller, Error> {
        match credential {
            Credential::Token(id) => {
                let row = rows.token(id).await?.ok_or(Error::CredentialsInvalid)?;
                let token = self.read_token(&row)?;
                self.bearer(rows, &token).await
            }
            Credential::Identity(identity) => {
                let row = rows.principal_known_by(&identity.key()).await?;
                let principal = self.read_principal(&row.ok_or(Error::CredentialsInvalid)?)?;
                // The row that it was found by is not vouched for; the principal is.
                if principal.disabled || !principal.identities.contains(identity) {
                    return Err(Error::CredentialsInvalid);
                }
                let now = self.clock.now();
                let live = principal.bindings.iter().filter(|binding| binding.is_live(now));
                let grants = live.map(|binding| Grant {
                    role: binding.role,
                    reveal: binding.reveal,
                    scope: binding.scope.clone(),
                    expires: binding.expires.unwrap_or(EVER),
                });
                let grants = grants.collect();
                caller(&principal, credential.clone(), grants, EVER, rows.epoch().await?)
            }
            Credential::Local => Err(Error::CredentialsInvalid),
        }
    }

    /// Whom a token makes its bearer. Its right is what it says and, at the same time, what a
    /// binding gives.
    async fn bearer(&self, rows: &mut dyn Snapshot, token: &ApiToken) -> Result<Caller, Error> {
        let row = rows.principal_of(token.principal).await?.ok_or(Error::CredentialsInvalid)?;
        let principal = self.read_principal(&row)?;
        if token.revoked.is_some() || principal.disabled {
            return Err(Error::CredentialsInvalid);
        }
        let ApiToken { id, role, reveal, scope, expires, .. } = token.clone();
        let now = self.clock.now();
        let covering = principal
            .bindings
            .iter()
            .filter(|binding| binding.is_live(now) && binding.covers(role, reveal, &scope));
        let until = covering.map(|binding| binding.expires.unwrap_or(EVER)).max();
        let grants = until.map(|until| Grant { role, reveal, scope, expires: expires.min(until) });
        let grants = grants.into_iter().collect();
        caller(&principal, Credential::Token(id), grants, expires, rows.epoch().await?)
    }

    /// Notes, to the minute, that a token was used. Nothing waits for it, or depends on it.
    fn note_use(&self, caller: &Caller, now: Timestamp) {
        let Credential::Token(id) = &caller.credential else { return };
        let (id, store) = (id.clone(), self.store.clone());
        let minute = i64::try_from(USE.as_micros()).unwrap_or(i64::MAX);
        let at = Timestamp::from_micros(now.micros() - now.micros().rem_euclid(minute));
        tokio::spawn(async move {
            let noted = async {
                let mut tx = store.begin("note_use").await?;
                tx.note_use(&id, at).await?;
                tx.commit().await
            };
            if let Err(error) = noted.await {
                tracing::debug!(%error, "the use of a token was not noted");
            }
        });
    }
}

const EVER: Timestamp = Timestamp::from_micros(i64::MAX);

#[allow(clippy::unnecessary_wraps, reason = "it ends chains that fail")]
fn caller(
    found: &Principal,
    credential: Credential,
    grants: Vec<Grant>,
    expires: Timestamp,
    epoch: u64,
) -> Result<Caller, Error> {
    let (uid, principal) = (found.uid, principal(&found.id));
    let shown = credential.to_string();
    Ok(Caller { principal, uid, credential, shown, grants, expires, epoch })
}

async fn in_time<T>(look_up: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match timeout(LOOK_UP, look_up).await {
        Ok(found) => found,
        Err(_) => {
            let what = "it did not answer in time".to_owned();
            Err(waxseal_storage::Error::Unavailable { what }.into())
        }
    }
}

struct Parts<'a> {
    role: Role,
    id: &'a str,
    secret: &'a str,
}

/// Takes a token apart, if its form and its checksum are right.
fn parse(token: &str) -> Option<Parts<'_>> {
    let (body, sum) = token.rsplit_once('_')?;
    let (rest, secret) = body.rsplit_once('_')?;
    let (tag, id) = rest.strip_prefix("wxs_")?.split_once('_')?;
    let role = Role::ALL.into_iter().find(|role| role.tag() == tag)?;
    let base62 = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let formed = base62(id, ID) && base62(secret, SECRET) && base62(sum, CHECKSUM);
    (formed && checksum(body) == sum).then_some(Parts { role, id, secret })
}
