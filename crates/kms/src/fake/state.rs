//! What the server knows: keys, aliases, callers, and how it is to fail.

use super::policy::Policy;
use super::{ACCOUNT, REGION};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use waxseal_envelope::Key;

/// How many requests are kept.
const KEPT: usize = 1_000;

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It was disabled.
    Disabled,
    /// It is going to be deleted.
    PendingDeletion,
    /// It was deleted.
    Gone,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, with this HTTP status and code.
    Refuse(u16, &'static str),
    /// It is never answered.
    Hang,
    /// It is answered with something that is not JSON, and status 200.
    Garbage,
    /// It is done, and answered in the name of another key.
    OtherKey,
    /// `ReEncrypt` is done, and answered as if another key had wrapped what it was given.
    OtherSource,
    /// It is done, but the answer lacks the key in clear and the wrapped one.
    Empty,
}

impl Fault {
    /// Refused because there are too many requests.
    pub const THROTTLE: Self = Self::Refuse(400, "ThrottlingException");
    /// Failed within the service.
    pub const INTERNAL: Self = Self::Refuse(500, "KMSInternalException");
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `Decrypt`.
    pub operation: String,
    /// The access key's id that it was signed with.
    pub access_key: String,
    /// The JSON object, without the key in clear that `Encrypt` sends.
    pub body: Value,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) keys: BTreeMap<String, StoredKey>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) roles: BTreeMap<String, String>,
    pub(super) fault: Option<(Fault, Option<u32>)>,
    pub(super) latency: Duration,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) requests: VecDeque<Request>,
}

pub(super) struct StoredKey {
    pub(super) state: KeyState,
    pub(super) policy: Option<Policy>,
    pub(super) material: Key,
}

impl State {
    pub(super) fn create_key(&mut self) -> String {
        // As long as the ids of KMS, so that what is stored is as long as there.
        let id = format!("{:08x}-0000-4000-8000-000000000000", self.keys.len() + 1);
        let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}");
        let material = Key::generate().expect("random bytes");
        self.keys
            .insert(arn.clone(), StoredKey { state: KeyState::Enabled, policy: None, material });
        arn
    }

    pub(super) fn key_mut(&mut self, arn: &str) -> &mut StoredKey {
        self.keys.get_mut(arn).expect("a key that was created")
    }

    /// The ARN of the key that is named by ARN, id or alias.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let arn = self
            .keys
            .keys()
            .find(|arn| *arn == name || arn.rsplit('/').next() == Some(name))
            .or_else(|| self.aliases.get(name))?;
        (self.keys.get(arn)?.state != KeyState::Gone).then(|| arn.clone())
    }

    /// Counts a request, and says how it is to fail.
    pub(super) fn begin(&mut self, request: Request) -> Option<Fault> {
        *self.counts.entry(request.operation.clone()).or_default() += 1;
        if self.requests.len() == KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
        let (fault, times) = self.fault.as_mut()?;
        match times {
            None => return Some(*fault),
            Some(0) => {}
            Some(times) => {
                *times -= 1;
                return Some(*fault);
            }
        }
        self.fault = None;
        None
    }
}
