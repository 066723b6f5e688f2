//! What calls can go without, so that what it costs can be measured.

use crate::Engine;
use std::sync::Arc;
use waxseal_domain::caller::Caller;

/// Checks that calls go without. It is there for the benchmark and for nothing else: what is asked
/// for here is not even looked at unless the feature `measure` is compiled in, which only the
/// benchmark's package does; and no setting leads here.
#[derive(Clone, Debug, Default)]
pub struct Without {
    /// Whom every call is taken to come from, whatever it shows; `None` to ask who it is.
    pub authentication: Option<Arc<Caller>>,
    /// Whether every caller may do everything.
    pub authorisation: bool,
    /// Whether views leave without being put on record.
    pub audit: bool,
}

/// Nothing is left out.
static NOTHING: Without = Without { authentication: None, authorisation: false, audit: false };

impl Engine {
    /// What calls go without here.
    #[must_use]
    pub fn without(&self) -> &Without {
        if cfg!(feature = "measure") { &self.without } else { &NOTHING }
    }
}
