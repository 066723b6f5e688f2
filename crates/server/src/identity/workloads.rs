//! Workloads that come with a signed token: those of Kubernetes, and of any OpenID provider.

use super::Vouched;
use super::issuers::{self, IssuersError};
use super::jwt::{TOKEN_BYTES, Token, Why};
use super::trusted::Trusted;
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use waxseal_domain::identity::{Identity, Subject};
use waxseal_domain::time::Timestamp;

/// Verified tokens that are remembered at most; beyond that they are verified again.
const TOKENS: usize = 10_000;

/// The issuers that are believed, and the tokens that were verified.
pub(crate) struct Workloads {
    issuers: HashMap<String, Arc<Trusted>>,
    /// By the hash of the whole token, so that no part of it can be exchanged.
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

#[derive(Clone)]
struct Verified {
    vouched: Arc<Vouched>,
    by: Arc<Trusted>,
    /// Of the issuer's keys. Others have withdrawn the key, or may have.
    generation: u64,
}

impl Workloads {
    /// Reads the list of issuers, and begins to fetch their keys. A server does not wait for them.
    ///
    /// # Errors
    /// What is wrong with the list.
    pub(crate) fn open(list: &Path) -> Result<Self, IssuersError> {
        let trust = |settings| {
            let trusted = Trusted::new(settings)?;
            Ok((trusted.issuer().to_owned(), trusted))
        };
        let issuers = issuers::read(list)?.into_iter().map(trust).collect::<Result<_, _>>()?;
        Ok(Self { issuers, verified: Mutex::default() })
    }

    /// Whom a token is about, if an issuer vouches for it, and until when.
    ///
    /// # Errors
    /// For the log, and for nobody else.
    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Vouched>, Why> {
        if token.len() > TOKEN_BYTES {
            return Err("it is too long");
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        if let Some(vouched) = self.remembered(&hash, now) {
            return Ok(vouched);
        }
        // Boxed: rare, and otherwise carried along by every call.
        let verified = Box::pin(self.verify_anew(token, now)).await?;
        let vouched = verified.vouched.clone();
        self.remember(hash, verified, now);
        Ok(vouched)
    }

    async fn verify_anew(&self, token: &str, now: Timestamp) -> Result<Verified, Why> {
        let token = Token::parse(token)?;
        // What costs nothing comes first; a key may have to be fetched.
        let by = self.issuers.get(&token.claims.iss).ok_or("its issuer is none of ours")?;
        by.takes(&token)?;
        let until = token.claims.until(now)?;
        let subject = Subject::parse(&token.claims.sub).map_err(|_| "its subject is not one")?;
        let generation = by.ensure_signed(&token).await?;
        let identity = Identity::Workload { issuer: by.name(), subject };
        let vouched = Arc::new(Vouched::new(identity, until));
        Ok(Verified { vouched, by: by.clone(), generation })
    }

    fn remembered(&self, hash: &[u8; 32], now: Timestamp) -> Option<Arc<Vouched>> {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let Verified { vouched, by, generation } = verified.get(hash)?;
        (vouched.holds(now) && by.generation() == Some(*generation)).then(|| vouched.clone())
    }

    fn remember(&self, hash: [u8; 32], token: Verified, now: Timestamp) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= TOKENS {
            verified.retain(|_, token| token.vouched.holds(now));
        }
        if verified.len() >= TOKENS {
            verified.clear();
        }
        verified.insert(hash, token);
    }
}

impl fmt::Debug for Workloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workloads")
    }
}

#[cfg(test)]
mod tests;
