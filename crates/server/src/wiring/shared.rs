//! Whether views are shared with other processes.

use super::StartError;
use crate::Config;
use crate::config::Services;
use crate::metrics::Metrics;
use std::sync::Arc;
use waxseal_cache::{Redis, RedisSettings, SharedCache};

/// The shared cache, if one is configured, and views are resolved here.
pub(super) fn open(
    config: &Config,
    metrics: &Metrics,
) -> Result<Option<Arc<dyn SharedCache>>, StartError> {
    let urls = config.engines.redis()?;
    if urls.is_empty() || !matches!(config.services, Services::All | Services::Runtime) {
        return Ok(None);
    }
    let urls = urls.iter().map(|url| url.expose().to_owned()).collect();
    let settings =
        RedisSettings { cluster: config.engines.redis_cluster, ..RedisSettings::new(urls) };
    let redis = Arc::new(Redis::new(&settings)?);
    let counted = redis.clone();
    metrics.shared_cache(move || counted.counts());
    // While the store and the key provider are opened, so that the first resolve has it.
    redis.connect();
    Ok(Some(redis))
}
