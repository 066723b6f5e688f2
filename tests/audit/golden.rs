//! A record of every method that leaves one, as it is exported.

use super::calls::CALLS;
use super::world::{World, setup};
use crate::support::{default_slot, override_slot};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;
use waxseal_domain::caller::Action;
use waxseal_proto::v1::{self, Stage, Visibility};

#[tokio::test(flavor = "multi_thread")]
async fn nothing() {
    let _ = (CALLS, default_slot(), override_slot("x", Stage::Live), setup(), Duration::ZERO);
    let _: (Option<World>, HashMap<u8, Value>, Option<Visibility>) = (None, HashMap::new(), None);
    let mut text = String::new();
    write!(text, "{:?} {:?}", Action::ALL, v1::Secret::default()).unwrap();
}
