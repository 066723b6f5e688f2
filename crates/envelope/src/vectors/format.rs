//! How `vectors/v1.json` is written: abstract inputs, and outputs in hexadecimal.

use crate::manifest::{CatalogueEntry, EnvironmentEntry, Group, SlotEntry};
use crate::{Context, Key, Purpose, ValuePlace, ViewPlace};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use waxseal_domain::environment::{Fallback, Stage};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vectors {
    pub(super) records: Vec<RecordVector>,
    pub(super) derived_keys: Vec<DerivedKeyVector>,
    pub(super) macs: Vec<MacVector>,
    pub(super) catalogues: Vec<CatalogueVector>,
    pub(super) overrides: Vec<OverridesVector>,
    pub(super) roots: Vec<RootVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordVector {
    pub(super) name: String,
    pub(super) key: Hex<32>,
    pub(super) salt: Hex<32>,
    pub(super) context: ContextVector,
    pub(super) plaintext: Bytes,
    pub(super) context_bytes: Option<Bytes>,
    pub(super) record: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "purpose", rename_all = "snake_case")]
pub(super) enum ContextVector {
    Value {
        deployment: Deployment,
        project: ProjectUid,
        secret: SecretUid,
        slot: SlotVector,
        value: ValueUid,
        visibility: VisibilityVector,
        payload: PayloadVector,
    },
    View {
        deployment: Deployment,
        project: ProjectUid,
        incarnation: Incarnation,
        environment: EnvironmentUid,
        stage: StageVector,
        revision: u64,
        schema: u32,
    },
    WrappedKey {
        key_id: Text,
        entries: BTreeMap<String, Text>,
    },
    PageToken {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum DefaultVector {
    Default,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum SlotVector {
    Default(DefaultVector),
    Override { environment: EnvironmentUid, stage: StageVector },
}

/// A text, which may be written as one that is repeated.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Repeated { text: String, times: usize },
}

impl Text {
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeated { text, times } => text.repeat(*times),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StageVector {
    Draft,
    Live,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VisibilityVector {
    Masked,
    Restricted,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PayloadVector {
    Text,
    Bytes,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FallbackVector {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DerivedKeyVector {
    pub(super) name: String,
    pub(super) key: Hex<32>,
    pub(super) label: String,
    pub(super) derived: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MacVector {
    pub(super) name: String,
    pub(super) key: Hex<32>,
    pub(super) parts: Vec<Bytes>,
    pub(super) mac: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotEntryVector {
    pub(super) version: u64,
    pub(super) highest: u64,
    pub(super) history: Hex<32>,
    pub(super) value: ValueUid,
    pub(super) sealed: Option<Hex<32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogueVector {
    pub(super) name: String,
    pub(super) project: ProjectUid,
    pub(super) entries: Vec<CatalogueEntryVector>,
    pub(super) digest: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogueEntryVector {
    pub(super) secret: SecretUid,
    pub(super) name: SecretName,
    pub(super) aliases: Vec<SecretName>,
    pub(super) visibility: VisibilityVector,
    pub(super) deleted: bool,
    pub(super) default: Option<SlotEntryVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverridesVector {
    pub(super) name: String,
    pub(super) project: ProjectUid,
    pub(super) environment: EnvironmentUid,
    pub(super) stage: StageVector,
    pub(super) entries: Vec<OverrideEntryVector>,
    pub(super) digest: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideEntryVector {
    pub(super) secret: SecretUid,
    pub(super) slot: SlotEntryVector,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootVector {
    pub(super) name: String,
    pub(super) key: Hex<32>,
    pub(super) deployment: Deployment,
    pub(super) project: ProjectUid,
    pub(super) id: ProjectId,
    pub(super) revision: u64,
    pub(super) deleted: bool,
    pub(super) catalogue: Hex<32>,
    pub(super) environments: Vec<EnvironmentEntryVector>,
    pub(super) mac: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentEntryVector {
    pub(super) environment: EnvironmentUid,
    pub(super) id: EnvironmentId,
    pub(super) fallback: FallbackVector,
    pub(super) protected: bool,
    pub(super) draft: GroupVector,
    pub(super) live: GroupVector,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupVector {
    pub(super) revision: u64,
    pub(super) digest: Hex<32>,
}

/// Bytes in hexadecimal.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert!(text.is_ascii() && text.len() % 2 == 0, "{text}");
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        Ok(Self((0..text.len()).step_by(2).map(byte).collect()))
    }
}

/// A fixed number of bytes in hexadecimal.
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(|Bytes(bytes)| Self(bytes.try_into().unwrap()))
    }
}

impl Hex<32> {
    pub(super) fn key(&self) -> Key {
        Key::from_bytes(Zeroizing::new(self.0))
    }
}

impl StageVector {
    pub(super) const fn stage(self) -> Stage {
        match self {
            Self::Draft => Stage::Draft,
            Self::Live => Stage::Live,
        }
    }
}

impl VisibilityVector {
    pub(super) const fn visibility(self) -> Visibility {
        match self {
            Self::Masked => Visibility::Masked,
            Self::Restricted => Visibility::Restricted,
        }
    }
}

impl SlotEntryVector {
    pub(super) fn entry(&self) -> SlotEntry {
        let Self { version, highest, history, value, sealed } = self;
        let sealed = sealed.as_ref().map(|digest| digest.0);
        SlotEntry {
            version: *version,
            highest: *highest,
            history: history.0,
            value: *value,
            sealed,
        }
    }
}

impl GroupVector {
    pub(super) fn group(&self) -> Group {
        Group { revision: self.revision, digest: self.digest.0 }
    }
}

impl EnvironmentEntryVector {
    pub(super) fn entry(&self) -> EnvironmentEntry<'_> {
        let Self { environment, id, fallback, protected, draft, live } = self;
        EnvironmentEntry {
            uid: *environment,
            id,
            fallback: match fallback {
                FallbackVector::Allow => Fallback::Allow,
                FallbackVector::Deny => Fallback::Deny,
            },
            protected: *protected,
            draft: draft.group(),
            live: live.group(),
        }
    }
}

impl CatalogueEntryVector {
    pub(super) fn entry(&self) -> CatalogueEntry<'_> {
        let Self { secret, name, aliases, visibility, deleted, default } = self;
        CatalogueEntry {
            uid: *secret,
            name,
            aliases,
            visibility: visibility.visibility(),
            deleted: *deleted,
            default: default.as_ref().map(SlotEntryVector::entry),
        }
    }
}

impl ContextVector {
    pub(super) fn context(&self) -> (Purpose, Context) {
        match self {
            Self::Value { deployment, project, secret, slot, value, visibility, payload } => {
                let place = ValuePlace {
                    project: *project,
                    secret: *secret,
                    place: match slot {
                        SlotVector::Default(DefaultVector::Default) => Place::Default,
                        SlotVector::Override { environment, stage } => {
                            Place::Override(*environment, stage.stage())
                        }
                    },
                    value: *value,
                    visibility: visibility.visibility(),
                    kind: match payload {
                        PayloadVector::Text => PayloadKind::Text,
                        PayloadVector::Bytes => PayloadKind::Bytes,
                    },
                };
                (Purpose::Value, Context::value(*deployment, &place))
            }
            Self::View {
                deployment,
                project,
                incarnation,
                environment,
                stage,
                revision,
                schema,
            } => {
                let place = ViewPlace {
                    incarnation: *incarnation,
                    project: *project,
                    environment: *environment,
                    stage: stage.stage(),
                    revision: *revision,
                    schema: *schema,
                };
                (Purpose::View, Context::view(*deployment, &place))
            }
            Self::WrappedKey { key_id, entries } => {
                let entries = entries.iter().map(|(k, v)| (k.clone(), v.plain())).collect();
                (Purpose::WrappedKey, Context::wrapped_key(&entries, &key_id.plain()))
            }
            Self::PageToken {} => (Purpose::PageToken, Context::page_token()),
        }
    }
}
