use super::*;
use crate::{ValuePlace, ViewPlace};
use std::collections::BTreeMap;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;

const MARK: &[u8] = b"correct horse battery";

fn key(byte: u8) -> Key {
    Key::from_bytes(Zeroizing::new([byte; 32]))
}

fn deployment() -> Deployment {
    Deployment::from_bytes([1; 16])
}

fn override_place() -> ValuePlace {
    ValuePlace {
        project: ProjectUid::from_bytes([2; 16]),
        secret: SecretUid::from_bytes([3; 16]),
        place: Place::Override(EnvironmentUid::from_bytes([4; 16]), Stage::Live),
        value: ValueUid::from_bytes([5; 16]),
        visibility: Visibility::Masked,
        kind: PayloadKind::Text,
    }
}

fn view_place() -> ViewPlace {
    ViewPlace {
        incarnation: Incarnation::from_bytes([6; 16]),
        project: ProjectUid::from_bytes([2; 16]),
        environment: EnvironmentUid::from_bytes([4; 16]),
        stage: Stage::Live,
        revision: 7,
        schema: 1,
    }
}

fn value_context() -> Context {
    Context::value(deployment(), &override_place())
}

/// A place, and all that differ from it in one field.
fn value_contexts() -> Vec<Context> {
    let place = override_place();
    let environment = EnvironmentUid::from_bytes([4; 16]);
    let places = [
        place,
        ValuePlace { project: ProjectUid::from_bytes([9; 16]), ..place },
        ValuePlace { secret: SecretUid::from_bytes([9; 16]), ..place },
        ValuePlace { place: Place::Default, ..place },
        ValuePlace { place: Place::Override(environment, Stage::Draft), ..place },
        ValuePlace {
            place: Place::Override(EnvironmentUid::from_bytes([9; 16]), Stage::Live),
            ..place
        },
        ValuePlace { value: ValueUid::from_bytes([9; 16]), ..place },
        ValuePlace { visibility: Visibility::Restricted, ..place },
        ValuePlace { kind: PayloadKind::Bytes, ..place },
    ];
    let mut contexts: Vec<_> =
        places.iter().map(|place| Context::value(deployment(), place)).collect();
    contexts.push(Context::value(Deployment::from_bytes([9; 16]), &place));
    contexts
}

fn view_contexts() -> Vec<Context> {
    let place = view_place();
    let places = [
        place,
        ViewPlace { incarnation: Incarnation::from_bytes([9; 16]), ..place },
        ViewPlace { project: ProjectUid::from_bytes([9; 16]), ..place },
        ViewPlace { environment: EnvironmentUid::from_bytes([9; 16]), ..place },
        ViewPlace { stage: Stage::Draft, ..place },
        ViewPlace { revision: 8, ..place },
        ViewPlace { revision: 6, ..place },
        ViewPlace { schema: 2, ..place },
    ];
    let mut contexts: Vec<_> =
        places.iter().map(|place| Context::view(deployment(), place)).collect();
    contexts.push(Context::view(Deployment::from_bytes([9; 16]), &place));
    contexts
}

fn wrapped_contexts() -> Vec<Context> {
    let entries = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let base = entries(&[("a", "b"), ("c", "d")]);
    vec![
        Context::wrapped_key(&base, "key"),
        Context::wrapped_key(&base, "kez"),
        Context::wrapped_key(&base, ""),
        Context::wrapped_key(&entries(&[("a", "b")]), "key"),
        Context::wrapped_key(&entries(&[("a", "b"), ("c", "e")]), "key"),
        Context::wrapped_key(&entries(&[("a", "b"), ("e", "d")]), "key"),
        Context::wrapped_key(&entries(&[("a", "b"), ("c", "d"), ("e", "")]), "key"),
        Context::wrapped_key(&entries(&[("a", "d"), ("c", "b")]), "key"),
        Context::wrapped_key(&entries(&[]), "key"),
    ]
}

fn sealed() -> Vec<u8> {
    seal(&key(1), Purpose::Value, &value_context(), MARK).unwrap()
}

fn refused(record: &[u8]) -> bool {
    open(&key(1), Purpose::Value, &value_context(), record).is_err()
}

#[test]
fn what_is_sealed_opens() {
    let context = value_context();
    for length in (0..=260).chain([4_095, 4_096, 65_535, 65_536]) {
        let plaintext: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let record = seal(&key(1), Purpose::Value, &context, &plaintext).unwrap();
        assert_eq!(record.len(), OVERHEAD + length);
        assert_eq!(record.capacity(), record.len(), "a buffer that grew left a copy behind");
        let opened = open(&key(1), Purpose::Value, &context, &record).unwrap();
        assert_eq!(*opened, plaintext, "{length}");
    }
    assert_eq!(OVERHEAD, 84);
}

#[test]
fn a_record_shows_neither_the_plaintext_nor_that_it_was_sealed_before() {
    let (first, second) = (sealed(), sealed());
    assert!(!first.windows(8).any(|window| window == &MARK[..8]));
    let same = first.iter().zip(&second).skip(HEADER).filter(|(a, b)| a == b).count();
    assert!(same < 16, "{same} equal bytes");
}

#[test]
fn no_bit_can_be_flipped() {
    let record = sealed();
    for bit in 0..record.len() * 8 {
        let mut flipped = record.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&flipped), "bit {bit}");
    }
}

#[test]
fn no_byte_can_be_replaced() {
    let record = sealed();
    for index in 0..record.len() {
        for byte in (0..=255).filter(|byte| *byte != record[index]) {
            let mut replaced = record.clone();
            replaced[index] = byte;
            assert!(refused(&replaced), "byte {index} by {byte}");
        }
    }
}

#[test]
fn no_byte_can_be_cut_off_left_out_or_added() {
    let record = sealed();
    for length in 0..record.len() {
        assert!(refused(&record[..length]), "cut to {length}");
        assert!(refused(&record[record.len() - length..]), "the last {length}");
        let without = [&record[..length], &record[length + 1..]].concat();
        assert!(refused(&without), "without byte {length}");
        let with = [&record[..length], &[0], &record[length..]].concat();
        assert!(refused(&with), "with one more at {length}");
    }
    for byte in 0..=255 {
        assert!(refused(&[record.as_slice(), &[byte]].concat()));
    }
    for more in 2..=64 {
        assert!(refused(&[record.as_slice(), &vec![0; more]].concat()));
    }
    assert!(refused(&[record.as_slice(), &record].concat()));
}

#[test]
fn a_record_opens_in_its_own_place_only() {
    let families = [
        (Purpose::Value, value_contexts()),
        (Purpose::View, view_contexts()),
        (Purpose::WrappedKey, wrapped_contexts()),
        (Purpose::PageToken, vec![Context::page_token()]),
    ];
    let places: Vec<_> =
        families.iter().flat_map(|(purpose, all)| all.iter().map(move |c| (*purpose, c))).collect();
    for (index, (purpose, context)) in places.iter().enumerate() {
        let record = seal(&key(1), *purpose, context, MARK).unwrap();
        for (other_index, (other_purpose, other)) in places.iter().enumerate() {
            let opened = open(&key(1), *other_purpose, other, &record);
            assert_eq!(opened.is_ok(), index == other_index, "{index} in {other_index}");
        }
    }
}

#[test]
fn a_record_opens_for_its_own_purpose_only() {
    let context = value_context();
    for purpose in Purpose::ALL {
        let record = seal(&key(1), purpose, &context, MARK).unwrap();
        for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
            assert!(open(&key(1), other, &context, &record).is_err());
            let mut relabelled = record.clone();
            relabelled[2] = other.number();
            assert!(open(&key(1), other, &context, &relabelled).is_err());
        }
    }
}

#[test]
fn a_record_opens_under_its_own_key_only() {
    let record = sealed();
    for bit in 0..256 {
        let mut bytes = Zeroizing::new([1; 32]);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&Key::from_bytes(bytes), Purpose::Value, &value_context(), &record).is_err());
    }
}

#[test]
fn parts_of_two_records_do_not_make_a_third() {
    let (first, second) = (sealed(), sealed());
    for cut in 5..first.len() {
        assert!(refused(&[&first[..cut], &second[cut..]].concat()), "cut at {cut}");
    }
}

#[test]
fn the_longest_is_sealed_and_opened_and_nothing_longer() {
    let context = value_context();
    for purpose in Purpose::ALL {
        let plaintext = vec![7; purpose.longest() + 1];
        let longest = &plaintext[1..];
        let record = seal(&key(1), purpose, &context, longest).unwrap();
        assert_eq!(*open(&key(1), purpose, &context, &record).unwrap(), longest);
        assert_eq!(seal(&key(1), purpose, &context, &plaintext), Err(Error::TooLong));
    }
}

/// Sealed without regard to the limit, so that nothing but the limit is left to refuse it.
#[test]
fn a_record_that_is_too_long_does_not_open_although_it_is_genuine() {
    let (key, context, salt) = (key(1), Context::page_token(), [8; SALT]);
    let derived = Derived::new(&key, Purpose::PageToken, &context, &salt).unwrap();
    for (length, opens) in [(4_096, true), (4_097, false)] {
        let mut body = vec![7; length];
        let tag = derived
            .cipher()
            .encrypt_inout_detached(
                (&derived.nonce).into(),
                &aad(Purpose::PageToken, &context),
                InOutBuf::from(body.as_mut_slice()),
            )
            .unwrap();
        let header = Purpose::PageToken.header();
        let record = [&header, &salt[..], &derived.commitment, &body, &tag].concat();
        assert_eq!(open(&key, Purpose::PageToken, &context, &record).is_ok(), opens, "{length}");
    }
}
