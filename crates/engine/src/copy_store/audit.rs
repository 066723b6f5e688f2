//! The audit trail: records, heads, checkpoints and the key go along as they are, so that what was
//! signed stays so.

use super::compare::same;
use super::group::Pages as _;
use super::{Copied, CopyError};
use waxseal_storage::{KeptAudit, Snapshot, Transaction};

pub(super) async fn copy(
    rows: &mut dyn Snapshot,
    tx: &mut dyn Transaction,
    copied: &mut Copied,
    told: &mut (impl FnMut(&Copied) + Send),
) -> Result<(), CopyError> {
    if let Some(key) = rows.audit_key().await? {
        tx.insert_audit_key(&key).await?;
    }
    let mut after = String::new();
    while let Some(page) = rows.chain_page(&after).await? {
        for chain in page {
            if let Some(head) = rows.audit_chain(&chain).await? {
                tx.begin_chain(&head).await?;
            }
            let mut sequence = 0;
            while let Some(records) = rows.record_page(&chain, sequence).await? {
                tx.insert_audit(&records).await?;
                copied.audit += records.len() as u64;
                sequence = records.last().map_or(sequence, |last| last.sequence);
                told(copied);
            }
            after = chain;
        }
    }
    let mut after = 0;
    while let Some(page) = rows.checkpoint_page(after).await? {
        for row in &page {
            tx.insert_checkpoint(row).await?;
            after = row.number;
        }
    }
    Ok(())
}

pub(super) async fn compare(
    one: &mut dyn Snapshot,
    other: &mut dyn Snapshot,
    compared: &mut Copied,
) -> Result<(), CopyError> {
    const TRAIL: &str = "audit trail";
    same(TRAIL, &one.audit_key().await?, &other.audit_key().await?)?;
    let mut after = String::new();
    loop {
        let page = one.chain_page(&after).await?;
        same(TRAIL, &page, &other.chain_page(&after).await?)?;
        let Some(page) = page else { break };
        for chain in page {
            same(TRAIL, &one.audit_chain(&chain).await?, &other.audit_chain(&chain).await?)?;
            let mut sequence = 0;
            loop {
                let records = unnumbered(one.record_page(&chain, sequence).await?);
                let there = unnumbered(other.record_page(&chain, sequence).await?);
                same(TRAIL, &records, &there)?;
                let Some(last) = records.last() else { break };
                sequence = last.sequence;
                compared.audit += records.len() as u64;
            }
            after = chain;
        }
    }
    let mut after = 0;
    loop {
        let page = one.checkpoint_page(after).await?;
        same(TRAIL, &page, &other.checkpoint_page(after).await?)?;
        let Some(last) = page.as_ref().and_then(|page| page.last()) else { return Ok(()) };
        after = last.number;
    }
}

/// Each store numbers what it lists by itself; places in chains are the same.
fn unnumbered(page: Option<Vec<KeptAudit>>) -> Vec<KeptAudit> {
    let page = page.unwrap_or_default().into_iter();
    page.map(|kept| KeptAudit { seq: 0, ..kept }).collect()
}
