//! Who may do what: principals, their identities and bindings, and API tokens.

use crate::{PrincipalRow, Result, TokenRow};
use async_trait::async_trait;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::PrincipalUid;

/// Principals. The `identities` of a row that was read are empty: they are in the content.
#[async_trait]
pub trait PrincipalRows {
    /// The principal of this id. In a transaction this also orders all writers of the principal: it
    /// returns once no other can commit before this one ends.
    async fn principal(&mut self, id: &PrincipalId) -> Result<Option<PrincipalRow>>;

    /// The principal of this identity.
    async fn principal_of(&mut self, uid: PrincipalUid) -> Result<Option<PrincipalRow>>;

    /// The principal that is known by this.
    async fn principal_known_by(&mut self, identity: &str) -> Result<Option<PrincipalRow>>;

    /// Up to `limit` principals whose ids follow `after`, in the order of their ids.
    async fn principals(
        &mut self,
        after: Option<&PrincipalId>,
        limit: usize,
    ) -> Result<Vec<PrincipalRow>>;

    /// How many principals there are.
    async fn count_principals(&mut self) -> Result<u64>;

    /// The authorisation epoch in this state.
    async fn epoch(&mut self) -> Result<u64>;
}

/// Writes [`PrincipalRows`].
#[async_trait]
pub trait PrincipalEdits {
    /// Raises the authorisation epoch and says what it is now. This also orders all who raise it:
    /// it returns once no other can commit before this one ends.
    async fn raise_epoch(&mut self) -> Result<u64>;

    /// Adds a principal with what it is known by.
    async fn insert_principal(&mut self, row: &PrincipalRow) -> Result<()>;

    /// Writes a principal's content, and what it is known by.
    async fn update_principal(&mut self, row: &PrincipalRow) -> Result<()>;

    /// Removes a principal with what it is known by, and its tokens.
    async fn remove_principal(&mut self, uid: PrincipalUid) -> Result<()>;
}

/// API tokens.
#[async_trait]
pub trait TokenRows {
    /// The token of this id.
    async fn token(&mut self, id: &str) -> Result<Option<TokenRow>>;

    /// All tokens of a principal, in the order of their ids, byte by byte.
    async fn tokens_of(&mut self, principal: PrincipalUid) -> Result<Vec<TokenRow>>;

    /// How many tokens there are.
    async fn count_tokens(&mut self) -> Result<u64>;
}

/// Writes [`TokenRows`].
#[async_trait]
pub trait TokenEdits {
    /// Adds a token.
    async fn insert_token(&mut self, row: &TokenRow) -> Result<()>;

    /// Writes a token's content.
    async fn update_token(&mut self, row: &TokenRow) -> Result<()>;

    /// Notes that a token was used at this time, unless a later one stands there.
    async fn note_use(&mut self, id: &str, at: Timestamp) -> Result<()>;
}
