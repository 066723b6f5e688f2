use crate::server::Server;
use crate::support::{PATIENT, fresh, nothing_soon, put, sealed, settings, until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::TcpListener;
use std::path::Path;
use tempfile::TempDir;
use waxseal_cache::{Redis, RedisSettings};

/// An authority, as PEM.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for `localhost` from this authority, and its port.
async fn server(directory: &TempDir, authority: &Authority) -> (Server, u16) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, authority).unwrap();
    let file = |name: &str, content: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let certificate = file("certificate.pem", certificate.pem());
    let key = file("key.pem", key.serialize_pem());
    let roots = file("roots.pem", authority.pem());
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path(&certificate),
        "--tls-key-file",
        &path(&key),
        "--tls-ca-cert-file",
        &path(&roots),
        "--tls-auth-clients",
        "no",
    ])
    .await;
    (server, port)
}

fn cache(url: &str, roots: String) -> Redis {
    let roots = Some(roots.into_bytes());
    Redis::new(&RedisSettings { roots, ..settings(url, PATIENT) }).unwrap()
}

#[tokio::test]
async fn tls_needs_the_right_authority_and_the_right_name() {
    let directory = tempfile::tempdir().unwrap();
    let authority = authority();
    let (_server, port) = server(&directory, &authority).await;
    let url = format!("rediss://localhost:{port}");

    let right = cache(&url, authority.pem());
    put(&right, &fresh(), &sealed("view")).await;

    let other = cache(&url, self::authority().pem());
    let name = cache(&format!("rediss://127.0.0.1:{port}"), authority.pem());
    let plain = Redis::new(&settings(&format!("redis://localhost:{port}"), PATIENT)).unwrap();
    for wrong in [other, name, plain] {
        until("connecting failed twice", async || {
            nothing_soon(&wrong, &fresh()).await;
            wrong.counts().failures >= 2
        })
        .await;
    }
}
