use super::*;
use proptest::prelude::*;

fn name(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn entry(at: &str, entry: Range<usize>, value: Range<usize>) -> Entry {
    let name = name(at);
    Entry { name, kind: PayloadKind::Text, origin: Origin::Default, version: 1, entry, value }
}

fn view() -> EncodedView {
    EncodedView {
        bytes: Bytes::from_static(b"<one=1><two=22><none><denied>"),
        secrets: vec![
            entry("A", 0..7, 5..6),
            Entry {
                kind: PayloadKind::Bytes,
                origin: Origin::Override,
                version: u64::MAX,
                ..entry(&"N".repeat(64), 7..15, 12..14)
            },
        ],
        unset: vec![
            UnsetEntry { name: name("D"), reason: UnsetReason::NoValue, entry: 15..21 },
            UnsetEntry { name: name("E"), reason: UnsetReason::FallbackDenied, entry: 21..29 },
        ],
        aliases: vec![(name("OLD"), name("A")), (name("OLDER"), name("D"))],
    }
}

fn read(bytes: &[u8]) -> Option<EncodedView> {
    EncodedView::from_bytes(Zeroizing::new(bytes.to_vec()))
}

fn assert_same(read: &EncodedView, written: &EncodedView) {
    assert_eq!(read.bytes, written.bytes);
    assert_eq!(read.secrets, written.secrets);
    assert_eq!(read.unset, written.unset);
    assert_eq!(read.aliases, written.aliases);
}

#[test]
fn a_view_comes_back_whole() {
    let empty = EncodedView {
        bytes: Bytes::new(),
        secrets: Vec::new(),
        unset: Vec::new(),
        aliases: Vec::new(),
    };
    for view in [view(), empty] {
        let bytes = view.to_bytes();
        assert_eq!(bytes.len(), bytes.capacity(), "written without growing");
        assert_same(&read(&bytes).unwrap(), &view);
    }
}

/// Replicas of two versions share a cache: the form of this schema stays as it is.
#[test]
fn the_form_stands() {
    let view = EncodedView {
        bytes: Bytes::from_static(b"<v>!"),
        secrets: vec![Entry { version: 7, ..entry("A", 0..3, 1..2) }],
        unset: vec![UnsetEntry { name: name("B"), reason: UnsetReason::NoValue, entry: 3..4 }],
        aliases: vec![(name("O"), name("A"))],
    };
    let expected = [
        &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4][..],
        &[1, 1, 0, 0, 0, 0, 0, 0, 0, 7],
        &[0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, b'A'],
        &[1, 0, 0, 0, 3, 0, 0, 0, 4, 1, b'B'],
        &[1, b'O', 1, b'A'],
        b"<v>!",
    ]
    .concat();
    assert_eq!(*view.to_bytes(), expected);
}

/// The bytes are not copied: copies would have to be wiped as well.
#[test]
fn the_bytes_stay_where_they_are() {
    let bytes = view().to_bytes();
    let place = bytes.as_ptr_range();
    let view = EncodedView::from_bytes(bytes).unwrap();
    assert!(place.contains(&view.bytes.as_ptr()));
    assert_eq!(view.bytes.as_ptr_range().end, place.end);
}

#[test]
fn no_part_of_a_form_is_one_and_nothing_may_follow() {
    let bytes = view().to_bytes();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_none(), "{length} bytes");
    }
    assert!(read(&[&bytes[..], &[0]].concat()).is_none());
}

#[test]
fn other_schemas_are_not_read() {
    let mut bytes = view().to_bytes();
    for schema in [0, SCHEMA + 1, u32::MAX] {
        bytes[..4].copy_from_slice(&schema.to_be_bytes());
        assert!(read(&bytes).is_none(), "{schema}");
    }
}

#[test]
fn counts_that_were_made_up_are_refused() {
    for at in [4, 8, 12, 16] {
        let mut bytes = view().to_bytes();
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(read(&bytes).is_none(), "the count at {at}");
    }
}

#[test]
fn what_breaks_a_rule_is_refused() {
    type Break = fn(&mut EncodedView);
    let broken: [(&str, Break); 11] = [
        ("an entry beyond the bytes", |v| v.unset[1].entry.end += 1),
        ("a secret beyond the bytes", |v| {
            v.unset.clear();
            v.secrets[1].entry = 7..30;
        }),
        ("entries over one another", |v| v.secrets[1].entry.start -= 1),
        ("an unset entry before a set one", |v| v.unset[0].entry = 0..0),
        ("a value before its entry", |v| v.secrets[1].value.start = 6),
        ("a value behind its entry", |v| v.secrets[0].value.end = 8),
        ("a range that ends before it begins", |v| {
            #[allow(clippy::reversed_empty_ranges)]
            let range = 6..5;
            v.secrets[0].value = range;
        }),
        ("secrets out of order", |v| v.secrets[0].name = name("Z")),
        ("a secret twice", |v| v.secrets[1].name = name("A")),
        ("unset ones out of order", |v| v.unset[0].name = name("F")),
        ("an alias twice", |v| v.aliases[1].0 = name("OLD")),
    ];
    for (what, break_rule) in broken {
        let mut view = view();
        break_rule(&mut view);
        assert!(read(&view.to_bytes()).is_none(), "{what}");
    }
}

#[test]
fn invalid_names_and_numbers_are_refused() {
    let bytes = view().to_bytes();
    assert!(read(&bytes).is_some());
    let first = HEAD;
    for (what, at, byte) in [
        ("kind", first, 0),
        ("kind", first, 3),
        ("origin", first + 1, 0),
        ("origin", first + 1, 3),
        ("an empty name", first + SECRET, 0),
        ("a digit first", first + SECRET + 1, b'1'),
        ("not UTF-8", first + SECRET + 1, 0xff),
    ] {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        assert!(read(&bytes).is_none(), "{what}");
    }
    let reason = first + SECRET + 2 + SECRET + 65;
    for byte in [0, 3] {
        let mut bytes = bytes.clone();
        bytes[reason] = byte;
        assert!(read(&bytes).is_none(), "reason {byte}");
    }
}

/// Whatever is read can be used: every range is within the bytes, and the form is the only one.
fn assert_sound(bytes: &[u8]) {
    if let Some(view) = read(bytes) {
        for secret in &view.secrets {
            let _ = (&view.bytes[secret.entry.clone()], &view.bytes[secret.value.clone()]);
            assert!(matches!(view.find(&secret.name), Some(crate::Found::Set(_))));
        }
        for unset in &view.unset {
            let _ = &view.bytes[unset.entry.clone()];
        }
        for (alias, _) in &view.aliases {
            let _ = view.find(alias);
        }
        assert_eq!(*view.to_bytes(), bytes, "one view, one form");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn mutated_forms_are_read_soundly_or_not_at_all(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = view().to_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        assert_sound(&bytes);
    }

    #[test]
    fn garbage_is_read_soundly_or_not_at_all(garbage in prop::collection::vec(0..4_u8, 0..200)) {
        assert_sound(&garbage);
        assert_sound(&[&SCHEMA.to_be_bytes()[..], &garbage].concat());
    }
}
