//! Row groups, page by page.

use async_trait::async_trait;
use uuid::Uuid;
use waxseal_domain::name::{PrincipalId, ProjectId};
use waxseal_storage::{
    CheckpointRow, KeptAudit, PrincipalRow, ProjectRow, RequestRow, Result, Snapshot, TokenRow,
};

const PAGE: usize = 500;

/// Pages of what is listed; none after the last.
#[async_trait]
pub(super) trait Pages {
    async fn project_page(&mut self, after: Option<&ProjectId>) -> Result<Option<Vec<ProjectRow>>>;

    async fn request_page(
        &mut self,
        after: Option<&(String, Uuid)>,
    ) -> Result<Option<Vec<RequestRow>>>;

    async fn principal_page(
        &mut self,
        after: Option<&PrincipalId>,
    ) -> Result<Option<Vec<PrincipalRow>>>;

    async fn token_page(&mut self, after: Option<&str>) -> Result<Option<Vec<TokenRow>>>;

    async fn chain_page(&mut self, after: &str) -> Result<Option<Vec<String>>>;

    async fn record_page(&mut self, chain: &str, after: u64) -> Result<Option<Vec<KeptAudit>>>;

    async fn checkpoint_page(&mut self, after: u64) -> Result<Option<Vec<CheckpointRow>>>;
}

#[async_trait]
impl<S: Snapshot + ?Sized> Pages for S {
    async fn project_page(&mut self, after: Option<&ProjectId>) -> Result<Option<Vec<ProjectRow>>> {
        Ok(some(self.projects(after, true, PAGE).await?))
    }

    async fn request_page(
        &mut self,
        after: Option<&(String, Uuid)>,
    ) -> Result<Option<Vec<RequestRow>>> {
        let after = after.map(|(principal, id)| (principal.as_str(), *id));
        Ok(some(self.all_requests(after, PAGE).await?))
    }

    async fn principal_page(
        &mut self,
        after: Option<&PrincipalId>,
    ) -> Result<Option<Vec<PrincipalRow>>> {
        Ok(some(self.principals(after, PAGE).await?))
    }

    async fn token_page(&mut self, after: Option<&str>) -> Result<Option<Vec<TokenRow>>> {
        Ok(some(self.all_tokens(after, PAGE).await?))
    }

    async fn chain_page(&mut self, after: &str) -> Result<Option<Vec<String>>> {
        Ok(some(self.audit_chains(after, PAGE).await?))
    }

    async fn record_page(&mut self, chain: &str, after: u64) -> Result<Option<Vec<KeptAudit>>> {
        Ok(some(self.audit_records(chain, after, u64::MAX, PAGE).await?))
    }

    async fn checkpoint_page(&mut self, after: u64) -> Result<Option<Vec<CheckpointRow>>> {
        Ok(some(self.checkpoints(after, PAGE).await?))
    }
}

fn some<T>(page: Vec<T>) -> Option<Vec<T>> {
    (!page.is_empty()).then_some(page)
}
