//! Views in the memory of this process.

use crate::{EncodedView, ViewCache, ViewKey};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

/// A bounded cache that keeps one revision of each view, the newest: a superseded value is not
/// left lying in memory until something happens to push it out.
pub struct Local {
    views: Cache<Place, Kept, ByBytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    incarnation: Incarnation,
    project: ProjectUid,
    environment: EnvironmentUid,
    stage: Stage,
}

#[derive(Clone)]
struct Kept {
    revision: u64,
    view: Arc<EncodedView>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Place, Kept> for ByBytes {
    fn weight(&self, _: &Place, kept: &Kept) -> u64 {
        const ENTRY: usize = 128;
        const FIXED: usize = 256;
        let view = &kept.view;
        let names = (view.secrets.len() + view.unset.len() + view.aliases.len()) * ENTRY;
        (view.bytes.len() + names + FIXED) as u64
    }
}

impl Local {
    /// A cache of at most `capacity` bytes of encoded views and their indexes.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        const TYPICAL_VIEW: u64 = 16 * 1024;
        let views = usize::try_from(capacity / TYPICAL_VIEW).unwrap_or(usize::MAX).max(16);
        Self { views: Cache::with_weighter(views, capacity, ByBytes) }
    }
}

fn place(key: &ViewKey) -> Place {
    let ViewKey { incarnation, project, environment, stage, revision: _ } = *key;
    Place { incarnation, project, environment, stage }
}

impl ViewCache for Local {
    fn get(&self, key: &ViewKey) -> Option<Arc<EncodedView>> {
        self.views
            .get(&place(key))
            .filter(|kept| kept.revision == key.revision)
            .map(|kept| kept.view)
    }

    fn put(&self, key: ViewKey, view: Arc<EncodedView>) {
        let place = place(&key);
        if self.views.peek(&place).is_none_or(|kept| kept.revision <= key.revision) {
            self.views.insert(place, Kept { revision: key.revision, view });
        }
    }

    fn clear(&self) {
        self.views.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn key(environment: u8, revision: u64) -> ViewKey {
        ViewKey {
            incarnation: Incarnation::from_bytes([1; 16]),
            project: ProjectUid::from_bytes([2; 16]),
            environment: EnvironmentUid::from_bytes([environment; 16]),
            stage: Stage::Live,
            revision,
        }
    }

    fn view(length: usize) -> Arc<EncodedView> {
        let bytes = Bytes::from(vec![7; length]);
        Arc::new(EncodedView { bytes, secrets: Vec::new(), unset: Vec::new(), aliases: Vec::new() })
    }

    #[test]
    fn a_view_is_found_under_its_revision_only() {
        let cache = Local::new(1 << 20);
        cache.put(key(1, 5), view(10));
        assert!(cache.get(&key(1, 5)).is_some());
        for other in [key(1, 4), key(1, 6), key(2, 5)] {
            assert!(cache.get(&other).is_none(), "{other:?}");
        }
        let other_life = ViewKey { incarnation: Incarnation::from_bytes([9; 16]), ..key(1, 5) };
        assert!(cache.get(&other_life).is_none());
    }

    #[test]
    fn a_newer_view_drops_the_older_and_an_older_one_does_not_come_back() {
        let cache = Local::new(1 << 20);
        let first = view(10);
        cache.put(key(1, 5), first.clone());
        cache.put(key(1, 6), view(10));
        assert_eq!(Arc::strong_count(&first), 1, "the superseded view is let go");
        cache.put(key(1, 5), first);
        assert!(cache.get(&key(1, 6)).is_some());
    }

    #[test]
    fn the_cache_stays_within_its_capacity() {
        let cache = Local::new(1 << 20);
        for environment in 0..=255 {
            cache.put(key(environment, 1), view(64 * 1024));
        }
        let kept = (0..=255).filter(|e| cache.get(&key(*e, 1)).is_some()).count();
        assert!((1..=16).contains(&kept), "{kept} views of 64 KiB in 1 MiB");
    }
}
