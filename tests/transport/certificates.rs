//! Client certificates: who is let in, and who is somebody.

use super::{PATIENCE, World};
use crate::support::tls::{self, Authority, Leaf, Outcome, Params, list_projects};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::sign::CertifiedKey;
use waxseal_domain::caller::Role;
use waxseal_server::config::{ClientAuth, Transport};

const ID: &str = "spiffe://example.org/ns/prod/sa/api";
const DAY: Duration = Duration::from_secs(86_400);
/// What a call without a token gets whose connection has shown nobody's certificate.
const NOBODY: &str = "CREDENTIALS_MISSING";
/// What it gets where the certificate names somebody of whom the server knows nothing.
const UNKNOWN: &str = "CREDENTIALS_INVALID";

/// What becomes of a call without a token on a connection with this certificate.
async fn outcome(world: &World, leaf: &Leaf) -> Outcome {
    match world.connect(Some(leaf)).await {
        Ok(stream) => list_projects(stream, None).await,
        Err(_) => Outcome::Cut,
    }
}

/// A good certificate, but for this.
fn but(change: impl FnOnce(&mut Params)) -> Params {
    let mut params = tls::client(&[ID]);
    change(&mut params);
    params
}

#[tokio::test]
async fn a_certificate_with_one_spiffe_id_is_somebody() {
    let world = World::new().await;
    let found = outcome(&world, &world.clients.client(&[ID])).await;
    assert_eq!(found, Outcome::refused(UNKNOWN));
    let below = world.clients.below(tls::authority("below", BasicConstraints::Unconstrained));
    let found = outcome(&world, &below.client(&[ID]).behind(&below)).await;
    assert_eq!(found, Outcome::refused(UNKNOWN));
    // Names of other kinds beside it do not matter.
    let leaf = world.clients.issue(&but(|params| {
        params.subject_alt_names.push(rcgen::SanType::DnsName("api.test".try_into().unwrap()));
    }));
    assert_eq!(outcome(&world, &leaf).await, Outcome::refused(UNKNOWN));
}

#[tokio::test]
async fn certificates_that_do_not_verify_are_cut() {
    let world = World::new().await;
    let clients = &world.clients;
    let now = SystemTime::now();
    let other = Authority::new("others");
    // It has the name of the one that is trusted, and another key.
    let twin = Authority::new("clients");
    let alone = {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = tls::client(&[ID]).self_signed(&key).unwrap();
        Leaf {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    };
    // It may sign leaves, and signs an authority.
    let short = clients.below(tls::authority("short", BasicConstraints::Constrained(0)));
    let below = short.below(tls::authority("below", BasicConstraints::Unconstrained));
    // It is no authority, and signs all the same.
    let mut plain = tls::client(&["spiffe://example.org/other"]);
    plain.distinguished_name.push(rcgen::DnType::CommonName, "plain");
    let plain = clients.below(plain);
    for (what, leaf) in [
        (
            "it has expired",
            clients.issue(&but(|params| {
                params.not_before = (now - 2 * DAY).into();
                params.not_after = (now - DAY).into();
            })),
        ),
        (
            "it is not valid yet",
            clients.issue(&but(|params| {
                params.not_before = (now + DAY).into();
                params.not_after = (now + 2 * DAY).into();
            })),
        ),
        ("it has signed itself", alone),
        ("another authority", other.client(&[ID])),
        ("another authority, sent along", other.client(&[ID]).behind(&other)),
        ("the twin of the authority", twin.client(&[ID])),
        ("the twin, sent along", twin.client(&[ID]).behind(&twin)),
        (
            "an authority's own",
            clients.issue(&but(|params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            })),
        ),
        (
            "for servers",
            clients.issue(&but(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            })),
        ),
        ("the path is too long", below.client(&[ID]).behind(&below).behind(&short)),
        ("signed by a client", plain.client(&[ID]).behind(&plain)),
    ] {
        assert_eq!(outcome(&world, &leaf).await, Outcome::Cut, "{what}");
    }
    // All of it is about the certificate: a good one comes in.
    let good = outcome(&world, &clients.client(&[ID])).await;
    assert_eq!(good, Outcome::refused(UNKNOWN));
}

#[tokio::test]
async fn a_certificate_without_its_key_is_cut() {
    #[derive(Debug)]
    struct Wrong(Arc<CertifiedKey>);
    impl ResolvesClientCert for Wrong {
        fn resolve(
            &self,
            _: &[&[u8]],
            _: &[tokio_rustls::rustls::SignatureScheme],
        ) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let world = World::new().await;
    let (one, other) = (world.clients.client(&[ID]), world.clients.client(&[ID]));
    for (key, wanted) in [(&other, Outcome::Cut), (&one, Outcome::refused(UNKNOWN))] {
        let key = any_supported_type(&PrivatePkcs8KeyDer::from(key.key.clone()).into()).unwrap();
        let shown = CertifiedKey::new(one.chain.clone(), key);
        let mut config = tls::config(&world.authority, None);
        config.client_auth_cert_resolver = Arc::new(Wrong(Arc::new(shown)));
        let found = match tls::connect(&world.server.address, config).await {
            Ok(stream) => list_projects(stream, None).await,
            Err(_) => Outcome::Cut,
        };
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn certificates_that_verify_and_name_nobody_are_no_identity() {
    let world = World::new().await;
    for (what, uris) in [
        ("no name", &[][..]),
        ("two names", &[ID, "spiffe://example.org/other"][..]),
        ("the same name twice", &[ID, ID][..]),
        ("a name beside it", &[ID, "https://example.org/"][..]),
        ("capitals", &["spiffe://Example.org/ns/prod/sa/api"][..]),
        ("a slash at the end", &["spiffe://example.org/ns/prod/sa/api/"][..]),
        ("percent-encoding", &["spiffe://example.org/ns/prod/sa/%61pi"][..]),
        ("dots", &["spiffe://example.org/ns/../sa/api"][..]),
        ("the trust domain alone", &["spiffe://example.org"][..]),
        ("a port", &["spiffe://example.org:443/api"][..]),
        ("another scheme", &["https://example.org/api"][..]),
    ] {
        let found = outcome(&world, &world.clients.client(uris)).await;
        assert_eq!(found, Outcome::refused(NOBODY), "{what}");
    }
    for (what, params) in [
        ("for no use", but(|params| params.extended_key_usages.clear())),
        ("signs revocations", but(|params| params.key_usages.push(KeyUsagePurpose::CrlSign))),
        ("signs others", but(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign))),
    ] {
        let found = outcome(&world, &world.clients.issue(&params)).await;
        assert_eq!(found, Outcome::refused(NOBODY), "{what}");
    }
    let other = world.clients.client(&["spiffe://other.org/ns/prod/sa/api"]);
    assert_eq!(outcome(&world, &other).await, Outcome::refused(UNKNOWN));
}

#[tokio::test]
async fn a_token_counts_alone() {
    let world = World::new().await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let somebody = world.clients.client(&[ID]);
    let nobody = world.clients.client(&[]);
    for leaf in [None, Some(&somebody), Some(&nobody)] {
        let stream = world.connect(leaf).await.unwrap();
        assert_eq!(list_projects(stream, Some(&token)).await, Outcome::Answered);
        let stream = world.connect(leaf).await.unwrap();
        let wrong = list_projects(stream, Some("wxs_adm_wrong")).await;
        assert_eq!(wrong, Outcome::refused("CREDENTIALS_INVALID"));
    }
    let stream = world.connect(None).await.unwrap();
    assert_eq!(list_projects(stream, None).await, Outcome::refused(NOBODY));
}

#[tokio::test]
async fn where_certificates_are_required_a_token_does_not_do() {
    let required = |transport| Transport { tls_client_auth: ClientAuth::Required, ..transport };
    let world = World::with(required).await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let found = match world.connect(None).await {
        Ok(stream) => list_projects(stream, Some(&token)).await,
        Err(_) => Outcome::Cut,
    };
    assert_eq!(found, Outcome::Cut);
    let leaf = world.clients.client(&[ID]);
    let stream = world.connect(Some(&leaf)).await.unwrap();
    assert_eq!(list_projects(stream, Some(&token)).await, Outcome::Answered);
}

#[tokio::test]
async fn a_peer_connects_again_before_its_certificate_ends() {
    let world = World::new().await;
    let ends = |after: Duration| {
        world.clients.issue(&but(|params| params.not_after = (SystemTime::now() + after).into()))
    };
    let stream = world.connect(Some(&ends(DAY))).await.unwrap();
    let (_keep, mut stays) = h2::client::handshake(stream).await.unwrap();
    let stream = world.connect(Some(&ends(Duration::from_secs(8)))).await.unwrap();
    let (_sender, goes) = h2::client::handshake(stream).await.unwrap();
    tokio::select! {
        // How it ends is a matter of who closes first.
        ended = tokio::time::timeout(PATIENCE, goes) => drop(ended.expect("it is told to go")),
        _ = &mut stays => panic!("it has a day left"),
    }
}
