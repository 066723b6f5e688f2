//! Whether views are shared with other processes.

use super::StartError;
use crate::Config;
use std::sync::Arc;
use waxseal_cache::SharedCache;

/// The shared cache, if one is configured.
pub(super) fn open(config: &Config) -> Result<Option<Arc<dyn SharedCache>>, StartError> {
    Ok(None)
}
