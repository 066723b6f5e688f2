//! Issuers for tests: they sign tokens, and publish their keys over TLS.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use ring::signature::{KeyPair as _, Signature};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A pair of keys.
pub(super) enum Signer {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn es256() -> Self {
        let (rng, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &rng).unwrap())
    }

    pub(super) fn ed_dsa() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), bytes).unwrap(),
            Self::EdDsa(pair) => pair.sign(bytes),
        }
    }

    /// The public half, as it is published.
    pub(super) fn published(&self, id: &str) -> Value {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y })
            }
            Self::EdDsa(pair) => {
                let x = base64url(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": x })
            }
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": id });
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token of any header and claims, well signed.
    pub(super) fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = base64url(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// A server that publishes keys over TLS.
pub(super) struct Publisher {
    pub(super) url: String,
    /// A file with the authority of its certificate.
    pub(super) ca: PathBuf,
    pub(super) fetches: Arc<AtomicUsize>,
    answer: Arc<Mutex<(String, String)>>,
    task: tokio::task::JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Publisher {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(&ca, authority.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &authority).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/keys?all", listener.local_addr().unwrap());
        let fetches = Arc::<AtomicUsize>::default();
        let answer = Arc::<Mutex<(String, String)>>::default();
        let (counted, said) = (fetches.clone(), answer.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => break,
                    }
                }
                if !request.starts_with(b"GET /keys?all HTTP/1.1\r\n") {
                    continue;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let (head, body) = said.lock().unwrap().clone();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        let publisher = Self { url, ca, fetches, answer, task, dir };
        publisher.publish(keys);
        publisher
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer_with("200 OK", &json!({ "keys": keys }).to_string());
    }

    pub(super) fn answer_with(&self, head: &str, body: &str) {
        *self.answer.lock().unwrap() = (head.to_owned(), body.to_owned());
    }

    pub(super) fn fetched(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// A list of issuers with this one in it.
    pub(super) fn list(&self, issuer: &str) -> PathBuf {
        let path = self.dir.path().join("issuers.toml");
        let text = format!(
            "[[issuer]]\nissuer = \"{issuer}\"\naudience = [\"waxseal\", \"waxseal.test\"]\n\
             jwks_url = \"{}\"\nca_file = \"{}\"\n",
            self.url,
            self.ca.display()
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
