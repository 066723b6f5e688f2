//! What calls can go without, so that what it costs can be measured.

use crate::Engine;
use std::sync::Arc;
use waxseal_domain::caller::Caller;

/// Checks that calls go without. It is there for the benchmark and for nothing else: no setting
/// leads here, a server that is started is always given the default, which is to leave out
/// nothing, and it does not change while an engine is open.
#[derive(Clone, Debug, Default)]
pub struct Without {
    /// Whom every call is taken to come from, whatever it shows; `None` to ask who it is.
    pub authentication: Option<Arc<Caller>>,
    /// Whether every caller may do everything.
    pub authorisation: bool,
    /// Whether views leave without being put on record.
    pub audit: bool,
}

impl Engine {
    /// What calls go without here.
    #[must_use]
    pub const fn without(&self) -> &Without {
        &self.without
    }
}
