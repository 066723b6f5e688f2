//! API tokens: `wxs_<role>_<id>_<secret>_<checksum>`. The store keeps the id and a hash of the
//! secret, which needs no slow hash since it is 256 random bits.

use crate::access::bind;
use crate::audit::{Actor, Changed, Trail as _};
use crate::change::ATTEMPTS;
use crate::keys::new_uid;
use crate::{Engine, Error};
use waxseal_domain::caller::{Role, Scope, ScopeName};
use waxseal_domain::limits::API_TOKEN_LIFE;
use waxseal_domain::name::{API_TOKEN_ID, PrincipalId};
use waxseal_domain::principal::{ApiToken, Binding, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{BindingUid, PrincipalUid};
use waxseal_envelope::{fill_random, sha256};
use waxseal_storage::Transaction;
use zeroize::Zeroizing;

/// What a new token opens.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose it is; made where there is no such principal.
    pub principal: PrincipalId,
    /// What its bearer is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: ScopeName,
    /// Until when.
    pub expires: Timestamp,
}

/// Characters of a token's id.
pub(crate) const ID: usize = API_TOKEN_ID;
/// Characters of a token's secret: 43 of base 62 hold 256 bits.
pub(crate) const SECRET: usize = 43;
/// Characters of a token's checksum.
pub(crate) const CHECKSUM: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Engine {
    /// Makes a token for whoever can read the keys: no caller of the service. A principal that is
    /// not there is made, and so is a binding that the token takes its right from. The token is
    /// shown this once.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`]; [`Error::InvalidField`] for an
    /// expiry that is over or too far away, and for a reveal grant to anyone but a builder;
    /// [`Error::SeparationOfDuties`], [`Error::BindingLimit`].
    pub async fn create_token(&self, new: NewToken) -> Result<Zeroizing<String>, Error> {
        let NewToken { principal, role, reveal, scope, expires } = new;
        let now = self.clock.now();
        check_life(now, expires)?;
        check_reveal(role, reveal)?;
        let scope = self.find_scope(&scope).await?;
        for _ in 0..ATTEMPTS {
            let wish = Wish { role, reveal, scope: scope.clone(), expires };
            match self.issue(&principal, wish).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn issue(&self, id: &PrincipalId, wish: Wish) -> Result<Zeroizing<String>, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin("create_token").await?;
        // Each under the method that does the same for a caller.
        let did = |action, changed: Changed| changed.in_row(Actor::local().did(now, action));
        let mut rows = Vec::new();
        let mut principal = match tx.principal(id).await? {
            Some(row) => self.read_principal(&row)?,
            None => {
                let made = Principal {
                    uid: PrincipalUid::new(new_uid(now)?),
                    id: id.clone(),
                    display_name: String::new(),
                    identities: Vec::new(),
                    disabled: false,
                    bindings: Vec::new(),
                    edition: 1,
                    created: now,
                    updated: now,
                };
                tx.insert_principal(&self.principal_row(&made)?).await?;
                rows.push(did("CreatePrincipal", Changed::principal(id)));
                made
            }
        };
        let Wish { role, reveal, scope, .. } = &wish;
        let covers =
            |binding: &Binding| binding.is_live(now) && binding.covers(*role, *reveal, scope);
        if !principal.bindings.iter().any(covers) {
            let (role, reveal, scope) = (*role, *reveal, scope.clone());
            let uid = BindingUid::new(new_uid(now)?);
            let binding = Binding { uid, role, reveal, scope, expires: None, created: now };
            rows.push(did("CreateBinding", Changed::binding(id, &binding)));
            bind(&mut principal, binding, now)?;
            // A token alone changes nothing that anybody has read.
            tx.raise_epoch().await?;
            tx.update_principal(&self.principal_row(&principal)?).await?;
        }
        let (made, token) = self.add_token(&mut *tx, &principal, wish, now).await?;
        rows.push(did("CreateApiToken", Changed::token(id, &made)));
        tx.append_all(rows).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Whether anybody was ever given a right.
    ///
    /// # Errors
    /// Of the store.
    pub async fn is_initialized(&self) -> Result<bool, Error> {
        Ok(self.store.snapshot().await?.epoch().await? > 0)
    }

    /// Adds a token of a principal, and gives it. It is shown this once.
    pub(crate) async fn add_token(
        &self,
        tx: &mut dyn Transaction,
        principal: &Principal,
        Wish { role, reveal, scope, expires }: Wish,
        now: Timestamp,
    ) -> Result<(ApiToken, Zeroizing<String>), Error> {
        let id = random_base62(ID)?;
        let secret = random_base62(SECRET)?;
        let token = ApiToken {
            id: id.to_string(),
            principal: principal.uid,
            role,
            reveal,
            scope,
            expires,
            created: now,
            revoked: None,
        };
        tx.insert_token(&self.token_row(&token, sha256(secret.as_bytes()), None)?).await?;
        Ok((token, assemble(role, &id, &secret)))
    }

    /// What a scope names now.
    pub(crate) async fn find_scope(&self, name: &ScopeName) -> Result<Scope, Error> {
        match name {
            ScopeName::Deployment => Ok(Scope::Deployment),
            ScopeName::Project(project) => {
                self.scope(project, None).await?.ok_or(Error::ProjectNotFound)
            }
            ScopeName::Environment(project, environment, stage) => {
                self.store.head(project).await?.ok_or(Error::ProjectNotFound)?;
                let scope = self.scope(project, Some((environment, *stage))).await?;
                scope.ok_or(Error::EnvironmentNotFound)
            }
        }
    }
}

/// What a token is to open.
pub(crate) struct Wish {
    pub(crate) role: Role,
    pub(crate) reveal: bool,
    pub(crate) scope: Scope,
    pub(crate) expires: Timestamp,
}

/// A life that a token can have: it ends in the future, within a year and a day.
pub(crate) fn check_life(now: Timestamp, expires: Timestamp) -> Result<(), Error> {
    if expires <= now || expires > now.after(API_TOKEN_LIFE) {
        let rule = "must lie in the future, and at most 366 days away".to_owned();
        return Err(Error::InvalidField { field: "expire_time".to_owned(), rule });
    }
    Ok(())
}

/// Only a builder reveals.
pub(crate) fn check_reveal(role: Role, reveal: bool) -> Result<(), Error> {
    if reveal && role != Role::Builder {
        let rule = "is a grant for builders only".to_owned();
        return Err(Error::InvalidField { field: "reveal".to_owned(), rule });
    }
    Ok(())
}

fn assemble(role: Role, id: &str, secret: &str) -> Zeroizing<String> {
    let mut token = Zeroizing::new(String::with_capacity(80));
    for part in ["wxs_", role.tag(), "_", id, "_", secret] {
        token.push_str(part);
    }
    let checksum = checksum(&token);
    token.push('_');
    token.push_str(&checksum);
    token
}

/// CRC-32 of everything before the last underscore, in base 62: a mistyped token costs no look
/// into the store.
pub(crate) fn checksum(token: &str) -> String {
    let mut rest = crc32fast::hash(token.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// Uniform characters: bytes that would favour some are thrown away.
fn random_base62(length: usize) -> Result<Zeroizing<String>, Error> {
    const FAIR: u8 = 62 * 4;
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut random = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        fill_random(&mut *random)?;
        let fair = random.iter().filter(|byte| **byte < FAIR).take(length - text.len());
        text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_parts_and_its_checksum() {
        let id = random_base62(ID).unwrap();
        let secret = random_base62(SECRET).unwrap();
        let token = assemble(Role::Builder, &id, &secret);
        let parts: Vec<_> = token.split('_').collect();
        assert_eq!(parts[..2], ["wxs", "bld"]);
        assert_eq!([parts[2].len(), parts[3].len(), parts[4].len()], [ID, SECRET, CHECKSUM]);
        let (body, sum) = token.rsplit_once('_').unwrap();
        assert_eq!(checksum(body), sum);
    }
}
