//! From a token to a caller.

use crate::create_token::{CHECKSUM, ID, SECRET, checksum};
use crate::keys::Keys;
use crate::{Engine, Error};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use waxseal_domain::caller::{Caller, Role};
use waxseal_envelope::sha256;
use waxseal_storage::TokenRow;

/// How long a verified token is taken for verified. Rights are never older than this.
pub(crate) const TRUST: Duration = Duration::from_secs(1);

/// How long it may take to look a token up. Everything waits for that, and a database that is silent
/// is not going to answer what comes after it either.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Verified tokens kept at most; beyond that they are verified again.
const TOKENS: usize = 10_000;

/// Tokens that were verified lately.
#[derive(Default)]
pub(crate) struct VerifiedTokens {
    /// By the hash of the whole token: who has shown it.
    shown: Callers<[u8; 32]>,
    /// By principal: whom a token makes its bearer, where nobody has shown it. Apart, so that
    /// nothing that a caller shows can be found here.
    standing: Callers<String>,
}

struct Callers<K>(Mutex<HashMap<K, (Instant, Arc<Caller>)>>);

impl<K> Default for Callers<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Callers<K> {
    fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, age: Duration) -> Option<Arc<Caller>>
    where
        K: Borrow<Q>,
    {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, caller) = callers.get(key)?;
        (since.elapsed() < age).then(|| caller.clone())
    }

    /// `since` is from before the token was looked up: it may have been revoked while the answer
    /// was under way.
    fn put(&self, key: K, since: Instant, caller: Arc<Caller>) {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= TOKENS {
            callers.clear();
        }
        callers.insert(key, (since, caller));
    }
}

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
        let caller = match self.verified_tokens.shown.get(&key, TRUST) {
            Some(caller) => caller,
            None => {
                let parts = parse(token).ok_or(Error::CredentialsInvalid)?;
                let since = Instant::now();
                // Boxed: rare, and otherwise carried along by every call.
                let caller = Arc::new(Box::pin(self.verify(&parts)).await?);
                self.verified_tokens.shown.put(key, since, caller.clone());
                caller
            }
        };
        if caller.expires <= self.clock.now() {
            return Err(Error::CredentialsInvalid);
        }
        Ok(caller)
    }

    /// Whether a caller is still whom its token made it, as of at most `age` ago.
    pub(crate) async fn ensure_still(&self, caller: &Caller, age: Duration) -> Result<(), Error> {
        if caller.expires <= self.clock.now() {
            return Err(Error::CredentialsInvalid);
        }
        // Whoever has no token is this process itself.
        let Some(id) = caller.principal.strip_prefix("token:") else { return Ok(()) };
        let standing = match self.verified_tokens.standing.get(&*caller.principal, age) {
            Some(standing) => standing,
            None => {
                let since = Instant::now();
                let row = self.look_up(id).await?;
                let standing = Arc::new(self.read_token(&row.ok_or(Error::CredentialsInvalid)?)?);
                self.verified_tokens.standing.put(
                    caller.principal.clone(),
                    since,
                    standing.clone(),
                );
                standing
            }
        };
        if *standing == *caller { Ok(()) } else { Err(Error::CredentialsInvalid) }
    }

    async fn look_up(&self, id: &str) -> Result<Option<TokenRow>, Error> {
        let row = async { self.store.snapshot().await?.token(id).await };
        match timeout(LOOK_UP, row).await {
            Ok(row) => Ok(row?),
            Err(_) => {
                let what = "it did not answer in time".to_owned();
                Err(waxseal_storage::Error::Unavailable { what }.into())
            }
        }
    }

    async fn verify(&self, parts: &Parts<'_>) -> Result<Caller, Error> {
        let row = self.look_up(parts.id).await?;
        let hash = sha256(parts.secret.as_bytes());
        // An unknown id costs the same comparison as a wrong secret.
        let stands = row.as_ref().map_or([0; 32], |row| row.hash);
        let same = bool::from(hash.ct_eq(&stands));
        let row = row.filter(|_| same).ok_or(Error::CredentialsInvalid)?;
        let caller = self.read_token(&row)?;
        if caller.role == parts.role { Ok(caller) } else { Err(Error::CredentialsInvalid) }
    }
}

impl Engine {
    /// Whom a token makes its bearer, if nobody wrote the row by hand.
    fn read_token(&self, row: &TokenRow) -> Result<Caller, Error> {
        const LOST: Error = Error::DataLoss { what: "a token" };
        let TokenRow { id, hash, caller, created: _, mac } = row;
        if !self.keys.verify_token_mac(id, hash, caller, mac) {
            return Err(LOST);
        }
        serde_json::from_str(caller).map_err(|_| LOST)
    }
}

impl Keys {
    pub(crate) fn token_mac(&self, id: &str, hash: &[u8; 32], caller: &str) -> [u8; 32] {
        self.token_row.mac(&[id.as_bytes(), hash, caller.as_bytes()])
    }

    fn verify_token_mac(&self, id: &str, hash: &[u8; 32], caller: &str, mac: &[u8; 32]) -> bool {
        self.token_row.verify(&[id.as_bytes(), hash, caller.as_bytes()], mac)
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
