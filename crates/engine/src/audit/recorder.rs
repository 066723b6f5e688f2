//! Disclosures go on record in groups: one task collects all who wait, and one transaction appends
//! what they are to this process's own chain.
//!
//! Whatever goes wrong, all who waited are refused and the process begins a new chain: a record
//! without a disclosure does no harm, a disclosure without a record would.

use super::chain;
use super::windows::{What, Windows};
use crate::Error;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, timeout};
use uuid::Uuid;
use waxseal_storage::{AuditRow, Store};

/// How long a caller waits for its record.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a transaction may take; less, so that who comes next is not refused for it.
const COMMIT: Duration = Duration::from_millis(1_500);
/// Records of one transaction.
const GROUP: usize = 1_000;
/// Denials that may wait; further ones are counted and dropped.
const DENIALS: usize = 1_024;
/// How often windows are looked through, at most and at least.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Counts that wait for a store that is away; beyond that they are dropped with a word in the log.
const COUNTS: usize = 100_000;

enum Ask {
    /// Must be on record before somebody goes on.
    Record { what: What, row: AuditRow, told: oneshot::Sender<bool> },
    /// Nobody waits for it.
    Note { what: What, row: AuditRow },
    /// All windows are to be closed.
    Settle { told: oneshot::Sender<bool> },
    /// Nothing comes any more: the store is to be let go of.
    End { told: oneshot::Sender<()> },
}

/// What came of disclosures and denials since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditCounts {
    /// Transactions that put some on record.
    pub commits: u64,
    /// Records in those.
    pub rows: u64,
    /// Records that could not be written; their disclosures were refused.
    pub failures: u64,
    /// Denials that are not on record because too many waited.
    pub denials_dropped: u64,
}

#[derive(Default)]
struct Tally {
    commits: AtomicU64,
    rows: AtomicU64,
    failures: AtomicU64,
    dropped: AtomicU64,
}

/// The way to the task.
pub(crate) struct Recorder {
    asks: mpsc::UnboundedSender<Ask>,
    windows: Arc<Windows>,
    denials: Arc<AtomicUsize>,
    tally: Arc<Tally>,
}

impl Recorder {
    /// Starts the task; it ends when this is dropped.
    pub(crate) fn start(store: Arc<dyn Store>, window: Duration) -> Self {
        let (asks, queue) = mpsc::unbounded_channel();
        let windows = Arc::new(Windows::new(window));
        let denials = Arc::new(AtomicUsize::new(0));
        let tally = Arc::new(Tally::default());
        let task = Task {
            store,
            windows: windows.clone(),
            denials: denials.clone(),
            tally: tally.clone(),
            head: None,
            counts: Vec::new(),
        };
        tokio::spawn(task.run(queue));
        Self { asks, windows, denials, tally }
    }

    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Returns once it is on record.
    pub(crate) async fn record(&self, what: What, row: AuditRow) -> Result<(), Error> {
        self.ask(|told| Ask::Record { what, row, told }).await
    }

    pub(crate) async fn settle(&self) -> Result<(), Error> {
        self.ask(|told| Ask::Settle { told }).await
    }

    async fn ask(&self, ask: impl FnOnce(oneshot::Sender<bool>) -> Ask) -> Result<(), Error> {
        let (told, heard) = oneshot::channel();
        self.asks.send(ask(told)).map_err(|_| Error::AuditUnavailable)?;
        match timeout(PATIENCE, heard).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(Error::AuditUnavailable),
        }
    }

    /// Puts a denial on record when there is time.
    pub(crate) fn note(&self, what: What, row: AuditRow) {
        if self.denials.fetch_add(1, Ordering::Relaxed) >= DENIALS {
            self.denials.fetch_sub(1, Ordering::Relaxed);
            if self.tally.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!("denials come faster than they can be recorded; some are dropped");
            }
            return;
        }
        // An error means that the process is ending.
        let _ = self.asks.send(Ask::Note { what, row });
    }

    /// Returns once the task is over and holds nothing of the store.
    pub(crate) async fn end(&self) {
        let (told, heard) = oneshot::channel();
        if self.asks.send(Ask::End { told }).is_ok() {
            // An error means that it is over already.
            let _ = heard.await;
        }
    }

    pub(crate) fn counts(&self) -> AuditCounts {
        let Tally { commits, rows, failures, dropped } = &*self.tally;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        AuditCounts {
            commits: read(commits),
            rows: read(rows),
            failures: read(failures),
            denials_dropped: read(dropped),
        }
    }
}

struct Task {
    store: Arc<dyn Store>,
    windows: Arc<Windows>,
    denials: Arc<AtomicUsize>,
    tally: Arc<Tally>,
    /// The chain and where it is; none before the first record and after a failure.
    head: Option<(String, (u64, [u8; 32]))>,
    /// Counts of windows that are over.
    counts: Vec<AuditRow>,
}

/// What came in together.
#[derive(Default)]
struct Group {
    /// By what counts as the same: the record, and how often it came again.
    new: HashMap<(What, Option<String>), (AuditRow, u64)>,
    /// In the order they came.
    each: Vec<AuditRow>,
    waiting: Vec<oneshot::Sender<bool>>,
    /// Who waits for the task to be over.
    end: Option<oneshot::Sender<()>>,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Ask>) {
        let look = (self.windows.length() / 4).clamp(LOOKS.0, LOOKS.1);
        let mut looks = tokio::time::interval(look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asks = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                count = queue.recv_many(&mut asks, GROUP) => {
                    if count == 0 {
                        return;
                    }
                }
                _ = looks.tick() => {}
            }
            self.gather(false);
            let mut group = self.group(asks.drain(..));
            let end = group.end.take();
            self.write(group).await;
            if let Some(told) = end {
                drop(self);
                let _ = told.send(());
                return;
            }
        }
    }

    fn gather(&mut self, all: bool) {
        self.counts.extend(self.windows.take(all));
        if self.counts.len() > COUNTS {
            tracing::error!(dropped = self.counts.len(), "counts of disclosures are dropped");
            self.counts.clear();
        }
    }

    fn group(&mut self, asks: impl Iterator<Item = Ask>) -> Group {
        let mut group = Group::default();
        for ask in asks {
            match ask {
                Ask::Record { what, row, told } => {
                    self.add(&mut group, what, row);
                    group.waiting.push(told);
                }
                Ask::Note { what, row } => {
                    self.denials.fetch_sub(1, Ordering::Relaxed);
                    self.add(&mut group, what, row);
                }
                Ask::Settle { told } => {
                    self.gather(true);
                    group.waiting.push(told);
                }
                Ask::End { told } => group.end = Some(told),
            }
        }
        group
    }

    fn add(&self, group: &mut Group, what: What, row: AuditRow) {
        if self.windows.length().is_zero() {
            group.each.push(row);
            return;
        }
        // Recorded since it was asked for.
        if self.windows.seen(&what, row.credential.as_deref().unwrap_or_default()) {
            return;
        }
        match group.new.entry((what, row.credential.clone())) {
            Entry::Occupied(mut same) => same.get_mut().1 += 1,
            Entry::Vacant(first) => {
                group.each.push(row.clone());
                first.insert((row, 0));
            }
        }
    }

    async fn write(&mut self, group: Group) {
        let Group { new, each, waiting, end: _ } = group;
        let counts = std::mem::take(&mut self.counts);
        // Counts that cannot be written are tried again.
        let once = each.len() as u64;
        let rows: Vec<_> = counts.iter().cloned().chain(each).collect();
        let written = rows.is_empty() || self.written(rows).await;
        if written {
            for ((what, _), (row, again)) in new {
                self.windows.open(what, row, again);
            }
        } else {
            self.counts = counts;
            self.tally.failures.fetch_add(once, Ordering::Relaxed);
        }
        for told in waiting {
            // An error means that nobody waits any more.
            let _ = told.send(written);
        }
    }

    async fn written(&mut self, rows: Vec<AuditRow>) -> bool {
        let (head, count) = (self.head.take(), rows.len() as u64);
        match timeout(COMMIT, append(&*self.store, head, rows)).await {
            Ok(Ok(head)) => {
                self.head = Some(head);
                self.tally.commits.fetch_add(1, Ordering::Relaxed);
                self.tally.rows.fetch_add(count, Ordering::Relaxed);
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the audit trail cannot be written");
                false
            }
            Err(_) => {
                tracing::warn!("the audit trail cannot be written: the store does not answer");
                false
            }
        }
    }
}

/// Appends, and says where the chain is then; to a new one where there is none.
async fn append(
    store: &dyn Store,
    head: Option<(String, (u64, [u8; 32]))>,
    rows: Vec<AuditRow>,
) -> Result<(String, (u64, [u8; 32])), Error> {
    let mut tx = store.begin("disclose").await?;
    let (chain, from) = match head {
        Some(head) => head,
        None => {
            let row = chain::begin(&mut *tx, chain::of_process(Uuid::new_v4())).await?;
            tx.begin_chain(&row).await?;
            (row.chain, (row.sequence, row.hash))
        }
    };
    let (kept, to) = chain::follow(&chain, from, rows);
    tx.insert_audit(&kept).await?;
    if !tx.move_chain(&chain, from, to).await? {
        return Err(Error::DataLoss { what: "a chain of the audit trail" });
    }
    tx.commit().await?;
    Ok((chain, to))
}
