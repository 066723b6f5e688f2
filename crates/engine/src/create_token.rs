//! API tokens: `wxs_<role>_<id>_<secret>_<checksum>`. The store keeps the id and a hash of the
//! secret, which needs no slow hash since it is 256 random bits.

use crate::audit::Trail as _;
use crate::{Engine, Error};
use std::str::FromStr;
use waxseal_domain::caller::{Caller, Role, Scope};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, parse_environment, parse_project};
use waxseal_domain::time::Timestamp;
use waxseal_envelope::{fill_random, sha256};
use waxseal_storage::{AuditRow, TokenRow};
use zeroize::Zeroizing;

/// What a new token opens.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What its bearer is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: ScopeName,
    /// Until when.
    pub expires: Timestamp,
}

/// A scope by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeName {
    /// `deployment`
    Deployment,
    /// `projects/{project}`
    Project(ProjectId),
    /// `projects/{project}/environments/{environment}/stages/{draft|live}`
    Environment(ProjectId, EnvironmentId, Stage),
}

impl FromStr for ScopeName {
    type Err = &'static str;

    fn from_str(scope: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "a scope is deployment, projects/{project}, or \
             projects/{project}/environments/{environment}/stages/{draft|live}";
        if scope == "deployment" {
            return Ok(Self::Deployment);
        }
        let Some((environment, stage)) = scope.split_once("/stages/") else {
            return parse_project(scope).map(Self::Project).map_err(|_| RULE);
        };
        let (project, environment) = parse_environment(environment).map_err(|_| RULE)?;
        let stage = Stage::ALL.into_iter().find(|other| other.as_str() == stage).ok_or(RULE)?;
        Ok(Self::Environment(project, environment, stage))
    }
}

/// Characters of a token's id.
pub(crate) const ID: usize = 12;
/// Characters of a token's secret: 43 of base 62 hold 256 bits.
pub(crate) const SECRET: usize = 43;
/// Characters of a token's checksum.
pub(crate) const CHECKSUM: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Engine {
    /// Makes a token. It is shown this once.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`]; [`Error::InvalidField`] for an
    /// expiry that is over, and for a reveal grant to anyone but a builder.
    pub async fn create_token(&self, new: NewToken) -> Result<Zeroizing<String>, Error> {
        let NewToken { role, reveal, scope, expires } = new;
        let now = self.clock.now();
        let invalid = |field: &str, rule: &str| {
            Err(Error::InvalidField { field: field.to_owned(), rule: rule.to_owned() })
        };
        if expires <= now {
            return invalid("expires", "must lie in the future");
        }
        if reveal && role != Role::Builder {
            return invalid("reveal", "is a grant for builders only");
        }
        let id = random_base62(ID)?;
        let secret = random_base62(SECRET)?;
        let principal = format!("token:{}", id.as_str());
        let scope = self.find_scope(&scope).await?;
        let caller = Caller { principal, role, reveal, scope, expires };
        let caller =
            serde_json::to_string(&caller).map_err(|error| Error::Internal(error.into()))?;
        let hash = sha256(secret.as_bytes());
        let mac = self.keys.token_mac(&id, &hash, &caller);
        let row = TokenRow { id: id.to_string(), hash, caller, created: now, mac };
        let mut tx = self.store.begin("create_token").await?;
        tx.insert_token(&row).await?;
        tx.append_audit(&local(now)).await?;
        tx.commit().await?;
        Ok(assemble(role, &id, &secret))
    }

    /// Whether any token was ever made.
    ///
    /// # Errors
    /// Of the store.
    pub async fn has_tokens(&self) -> Result<bool, Error> {
        Ok(self.store.snapshot().await?.count_tokens().await? > 0)
    }

    async fn find_scope(&self, name: &ScopeName) -> Result<Scope, Error> {
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

/// Made by someone who can read the key file: no caller of the service.
fn local(now: Timestamp) -> AuditRow {
    AuditRow::new(now, "local".to_owned(), "CreateToken")
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

    #[test]
    fn a_scope_is_read_exactly() {
        assert_eq!("deployment".parse(), Ok(ScopeName::Deployment));
        assert!(matches!("projects/demo".parse(), Ok(ScopeName::Project(_))));
        let environment = "projects/demo/environments/main/stages/live".parse();
        assert!(matches!(environment, Ok(ScopeName::Environment(_, _, Stage::Live))));
        for bad in ["", "demo", "projects/", "projects/demo/environments/main", "Deployment"] {
            assert!(bad.parse::<ScopeName>().is_err(), "{bad}");
        }
    }
}
