//! The rows of principals and tokens, and what vouches for them.

use crate::{Engine, Error};
use serde::Serialize;
use waxseal_domain::identity::Identity;
use waxseal_domain::principal::{ApiToken, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_storage::{PrincipalRow, TokenRow};

pub(super) fn json(content: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(content).map_err(|error| Error::Internal(error.into()))
}

impl Engine {
    /// A principal as it is stored.
    pub(crate) fn principal_row(&self, principal: &Principal) -> Result<PrincipalRow, Error> {
        let (uid, id, content) = (principal.uid, principal.id.clone(), json(principal)?);
        let identities = principal.identities.iter().map(Identity::key).collect();
        let mac = self.keys.token_row.mac(&[b"principal", content.as_bytes()]);
        Ok(PrincipalRow { uid, id, identities, content, mac })
    }

    /// A principal, if nobody wrote the row by hand.
    pub(crate) fn read_principal(&self, row: &PrincipalRow) -> Result<Principal, Error> {
        const LOST: Error = Error::DataLoss { what: "a principal" };
        let PrincipalRow { uid, id, identities: _, content, mac } = row;
        if !self.keys.token_row.verify(&[b"principal", content.as_bytes()], mac) {
            return Err(LOST);
        }
        let principal: Principal = serde_json::from_str(content).map_err(|_| LOST)?;
        if (principal.uid, &principal.id) == (*uid, id) { Ok(principal) } else { Err(LOST) }
    }

    /// A token as it is stored.
    pub(crate) fn token_row(
        &self,
        token: &ApiToken,
        hash: [u8; 32],
        used: Option<Timestamp>,
    ) -> Result<TokenRow, Error> {
        let (id, principal, content) = (token.id.clone(), token.principal, json(token)?);
        let mac = self.keys.token_row.mac(&[b"token", &hash, content.as_bytes()]);
        Ok(TokenRow { id, principal, hash, content, used, mac })
    }

    /// A token, if nobody wrote the row by hand.
    pub(crate) fn read_token(&self, row: &TokenRow) -> Result<ApiToken, Error> {
        const LOST: Error = Error::DataLoss { what: "a token" };
        let TokenRow { id, principal, hash, content, used: _, mac } = row;
        if !self.keys.token_row.verify(&[b"token", hash, content.as_bytes()], mac) {
            return Err(LOST);
        }
        let token: ApiToken = serde_json::from_str(content).map_err(|_| LOST)?;
        if (&token.id, token.principal) == (id, *principal) { Ok(token) } else { Err(LOST) }
    }
}
