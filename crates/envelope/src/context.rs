//! Which place a plaintext belongs to.
//!
//! A context is a row of fields, `tag || u16 length || content`, by ascending tag. A field whose
//! content reaches 65,535 bytes goes on in another field of the same tag, empty if need be; so
//! content of any length has one encoding.
//!
//! | tag | content | bytes |
//! | --- | --- | --- |
//! | 1 | format of the context: `0x01` | 1 |
//! | 2 | purpose, as in the record's header | 1 |
//! | 3 | deployment | 16 |
//! | 4 | project | 16 |
//! | 5 | secret | 16 |
//! | 6 | slot: `0x00` for the default, `0x01 \|\| environment \|\| stage` for an override | 1 or 18 |
//! | 7 | value version | 16 |
//! | 8 | visibility: 1 masked, 2 restricted | 1 |
//! | 9 | payload: 1 text, 2 bytes | 1 |
//! | 10 | incarnation | 16 |
//! | 11 | environment | 16 |
//! | 12 | stage: 1 draft, 2 live | 1 |
//! | 13 | revision of the view | 8 |
//! | 14 | schema of the view's encoding | 4 |
//! | 15 | id of the wrapping key, UTF-8 | any |
//! | 16 | the key's encryption context: `u64 count`, then for each entry by ascending name (by bytes) `u64 length \|\| name \|\| u64 length \|\| content` | any |
//!
//! Every context has fields 1 and 2. A value has 3 to 9 besides, a view 3, 4 and 10 to 14, a
//! wrapped key 15 and 16, and a page token none.
//!
//! Names and version numbers are left out, so that renaming a secret and rolling back a slot
//! need no plaintext; the [`manifest`](crate::manifest) binds them.

use crate::Purpose;
use std::collections::BTreeMap;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;

const FORMAT: u8 = 1;

/// All that a value is bound to besides its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValuePlace {
    /// The project.
    pub project: ProjectUid,
    /// The secret.
    pub secret: SecretUid,
    /// The slot of the secret.
    pub place: Place,
    /// The value version in that slot.
    pub value: ValueUid,
    /// Who may read the value. Part of the place, so that a restricted value does not open as a
    /// masked one.
    pub visibility: Visibility,
    /// Whether the value is text or bytes.
    pub kind: PayloadKind,
}

/// All that a sealed view is bound to besides its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewPlace {
    /// The life of the store that the view was read from.
    pub incarnation: Incarnation,
    /// The project.
    pub project: ProjectUid,
    /// The environment.
    pub environment: EnvironmentUid,
    /// The stage.
    pub stage: Stage,
    /// The revision of the view.
    pub revision: u64,
    /// The number of the encoding that the view is written in.
    pub schema: u32,
}

/// The canonical bytes of a place. Other places have other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// Where a value is.
    #[must_use]
    pub fn value(deployment: Deployment, place: &ValuePlace) -> Self {
        let ValuePlace { project, secret, place, value, visibility, kind } = place;
        Self::new(Purpose::Value)
            .field(3, deployment.bytes())
            .field(4, project.bytes())
            .field(5, secret.bytes())
            .field(6, &slot(place))
            .field(7, value.bytes())
            .field(8, &[visibility.number()])
            .field(9, &[kind.number()])
    }

    /// What a view shows.
    #[must_use]
    pub fn view(deployment: Deployment, place: &ViewPlace) -> Self {
        let ViewPlace { incarnation, project, environment, stage, revision, schema } = place;
        Self::new(Purpose::View)
            .field(3, deployment.bytes())
            .field(4, project.bytes())
            .field(10, incarnation.bytes())
            .field(11, environment.bytes())
            .field(12, &[stage.number()])
            .field(13, &revision.to_be_bytes())
            .field(14, &schema.to_be_bytes())
    }

    /// What a key is for, as its encryption context says, and which key wraps it.
    #[must_use]
    pub fn wrapped_key(map: &BTreeMap<String, String>, key_id: &str) -> Self {
        Self::new(Purpose::WrappedKey).field(15, key_id.as_bytes()).field(16, &entries(map))
    }

    /// A page token: what it belongs to is told by its key and its content.
    #[must_use]
    pub fn page_token() -> Self {
        Self::new(Purpose::PageToken)
    }

    /// The bytes that a record is bound to.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn new(purpose: Purpose) -> Self {
        Self(Vec::with_capacity(160)).field(1, &[FORMAT]).field(2, &[purpose.number()])
    }

    fn field(mut self, tag: u8, mut content: &[u8]) -> Self {
        const FULL: usize = u16::MAX as usize;
        while let Some((head, rest)) = content.split_at_checked(FULL) {
            self.0.extend_from_slice(&[tag, 0xff, 0xff]);
            self.0.extend_from_slice(head);
            content = rest;
        }
        let [.., high, low] = content.len().to_be_bytes();
        self.0.extend_from_slice(&[tag, high, low]);
        self.0.extend_from_slice(content);
        self
    }
}

fn slot(place: &Place) -> Vec<u8> {
    match place {
        Place::Default => vec![0],
        Place::Override(environment, stage) => {
            [&[1], environment.bytes().as_slice(), &[stage.number()]].concat()
        }
    }
}

fn entries(map: &BTreeMap<String, String>) -> Vec<u8> {
    let mut bytes = (map.len() as u64).to_be_bytes().to_vec();
    for text in map.iter().flat_map(|(name, content)| [name, content]) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a context back into its fields, as its documentation says.
    fn fields(context: &Context) -> Vec<(u8, Vec<u8>)> {
        let (mut fields, mut rest) = (Vec::<(u8, Vec<u8>)>::new(), context.as_bytes());
        let mut goes_on = false;
        while let [tag, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (content, after) = after.split_at(length);
            match fields.last_mut() {
                Some((last, whole)) if goes_on && last == tag => whole.extend_from_slice(content),
                _ => fields.push((*tag, content.to_vec())),
            }
            goes_on = length == 0xffff;
            rest = after;
        }
        assert!(rest.is_empty());
        fields
    }

    fn wrapped(key_id: &str, entries: &[(&str, &str)]) -> Context {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Context::wrapped_key(&entries, key_id)
    }

    #[test]
    fn content_of_any_length_reads_back() {
        for length in [0, 1, 255, 256, 65_534, 65_535, 65_536, 131_069, 131_070, 131_071] {
            let key_id = "k".repeat(length);
            let fields = fields(&wrapped(&key_id, &[]));
            let tags: Vec<u8> = fields.iter().map(|(tag, _)| *tag).collect();
            assert_eq!(tags, [1, 2, 15, 16], "{length}");
            assert_eq!(fields[2].1, key_id.as_bytes(), "{length}");
        }
    }

    #[test]
    fn an_encryption_context_depends_on_where_names_and_contents_end() {
        let different = [
            wrapped("k", &[]),
            wrapped("k", &[("", "")]),
            wrapped("k", &[("a", "bc")]),
            wrapped("k", &[("ab", "c")]),
            wrapped("k", &[("abc", "")]),
            wrapped("k", &[("", "abc")]),
            wrapped("k", &[("a", ""), ("b", "c")]),
            wrapped("k", &[("a", "b"), ("c", "")]),
            wrapped("ka", &[("a", "bc")]),
            wrapped("", &[("a", "bc")]),
        ];
        for (index, one) in different.iter().enumerate() {
            for other in &different[index + 1..] {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn every_context_says_its_format_and_purpose_first() {
        assert_eq!(Context::page_token().as_bytes(), [1, 0, 1, 1, 2, 0, 1, 4]);
        assert!(wrapped("", &[]).as_bytes().starts_with(&[1, 0, 1, 1, 2, 0, 1, 3]));
    }
}
