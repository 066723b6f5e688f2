use super::*;
use std::net::Ipv4Addr;
use std::time::Duration;

fn admission(change: impl Fn(&mut Limits)) -> Admission {
    let mut limits = Limits::default();
    change(&mut limits);
    Admission::new(&limits)
}

#[test]
fn the_last_quarter_of_the_places_is_for_the_runtime() {
    let admission = admission(|limits| limits.max_calls = 8);
    let mut held: Vec<_> = (0..6).map(|_| admission.place(Priority::Management).unwrap()).collect();
    let refused = admission.place(Priority::Management);
    assert_eq!(refused.unwrap_err(), Refusal::Overloaded);
    held.extend((0..2).map(|_| admission.place(Priority::Runtime).unwrap()));
    assert!(admission.place(Priority::Runtime).is_err());
    drop(held);
    assert_eq!(admission.calls.load(Ordering::Relaxed), 0, "refused ones hold nothing");
}

#[test]
fn one_place_is_enough_for_anybody() {
    let admission = admission(|limits| limits.max_calls = 1);
    drop(admission.place(Priority::Management).unwrap());
    drop(admission.admit("token:1", false).unwrap());
}

#[test]
fn a_principal_gets_half_of_the_places_and_leaves_the_others_theirs() {
    let admission = admission(|limits| limits.max_calls = 5);
    let held: Vec<_> = (0..3).map(|_| admission.admit("token:1", false).unwrap()).collect();
    let refused = admission.admit("token:1", false).unwrap_err();
    assert_eq!(refused, Refusal::CallLimit { most: 3 });
    drop(admission.admit("token:2", false).unwrap());
    drop(held);
    drop(admission.admit("token:1", false).unwrap());
}

#[test]
fn streams_are_counted_until_they_end() {
    let admission = admission(|limits| limits.max_streams = 2);
    let stream = |principal| admission.admit(principal, true).map(|admitted| admitted.stream);
    let (first, _second) = (stream("token:1").unwrap(), stream("token:1").unwrap());
    assert_eq!(stream("token:1").unwrap_err(), Refusal::StreamLimit { most: 2 });
    drop(admission.admit("token:1", false).unwrap());
    assert!(stream("token:2").is_ok());
    drop(first);
    assert!(stream("token:1").is_ok());
}

#[test]
fn a_rate_is_a_principals_own() {
    let admission = admission(|limits| limits.rate_limit = 3);
    let refused = (0..4).map(|_| admission.admit("token:1", false)).find_map(Result::err);
    let Some(Refusal::RateLimited { retry }) = refused else { panic!("{refused:?}") };
    assert!(retry <= Duration::from_millis(334), "{retry:?}");
    assert!(admission.admit("token:2", false).is_ok());
}

#[test]
fn failures_are_counted_by_address_and_calls_that_succeed_are_not() {
    let admission = admission(|limits| limits.failure_limit = 2);
    let from = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    for _ in 0..100 {
        admission.ensure_tries(from).unwrap();
    }
    (0..3).for_each(|_| admission.failed(from));
    let refused = admission.ensure_tries(from).unwrap_err();
    assert!(matches!(refused, Refusal::AddressLimited { .. }), "{refused:?}");
    admission.ensure_tries(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)))).unwrap();
    // A Unix socket has none.
    (0..9).for_each(|_| admission.failed(None));
    admission.ensure_tries(None).unwrap();
}

#[test]
fn a_network_is_counted_once() {
    let of = |address: &str| network(address.parse().unwrap());
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
    assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
}
