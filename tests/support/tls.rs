//! Certificates for tests, and connections by TLS that can do what a good client would not.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, SupportedProtocolVersion};
use tonic::{Code, Status};
use waxseal_server::config::{ClientAuth, Transport};

pub type Params = CertificateParams;

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate, those behind it, and its key.
#[derive(Clone)]
pub struct Leaf {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Vec<u8>,
    pub chain_pem: String,
    pub key_pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let params = authority(name, BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority below this one.
    pub fn below(&self, params: Params) -> Self {
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn issue(&self, params: &Params) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// A certificate of a server on this machine.
    pub fn server(&self) -> Leaf {
        self.issue(&Params::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap())
    }

    /// A certificate of a client with these URI names.
    pub fn client(&self, uris: &[&str]) -> Leaf {
        self.issue(&client(uris))
    }

    /// What a client trusts.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        roots
    }
}

pub fn authority(name: &str, constraints: BasicConstraints) -> Params {
    let mut params = Params::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// What a good certificate of a client is made of.
pub fn client(uris: &[&str]) -> Params {
    let mut params = Params::default();
    params.subject_alt_names =
        uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params
}

impl Leaf {
    /// With the certificate of an authority behind it.
    pub fn behind(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.der());
        self.chain_pem.push_str(&authority.pem());
        self
    }
}

/// The files of a server.
pub struct Files {
    pub dir: tempfile::TempDir,
}

impl Files {
    pub fn new(leaf: &Leaf, client_ca: Option<&Authority>) -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        files.write(leaf);
        if let Some(authority) = client_ca {
            std::fs::write(files.path("client_ca.pem"), authority.pem()).unwrap();
        }
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, leaf: &Leaf) {
        write_private(&self.path("key.pem"), &leaf.key_pem);
        std::fs::write(self.path("cert.pem"), &leaf.chain_pem).unwrap();
    }

    pub fn transport(&self) -> Transport {
        let client_ca = self.path("client_ca.pem");
        Transport {
            tls_cert: Some(self.path("cert.pem")),
            tls_key: Some(self.path("key.pem")),
            tls_client_ca: client_ca.exists().then_some(client_ca),
            tls_client_auth: ClientAuth::Optional,
            ..Transport::default()
        }
    }
}

pub fn write_private(path: &Path, content: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(path);
    file.unwrap().write_all(content.as_bytes()).unwrap();
}

/// A client that trusts this authority, and shows this certificate.
pub fn config(authority: &Authority, leaf: Option<&Leaf>) -> ClientConfig {
    of_version(authority, leaf, &rustls::version::TLS13)
}

pub fn of_version(
    authority: &Authority,
    leaf: Option<&Leaf>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(authority.roots());
    let mut config = match leaf {
        None => builder.with_no_client_auth(),
        Some(leaf) => {
            let key = PrivatePkcs8KeyDer::from(leaf.key.clone());
            builder.with_client_auth_cert(leaf.chain.clone(), key.into()).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// `ADDR:PORT` of a URL.
pub fn host(address: &str) -> &str {
    address.trim_start_matches("https://").trim_start_matches("http://")
}

pub async fn connect(address: &str, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(host(address)).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no answer: the connection ended.
    Cut,
    /// It was answered.
    Answered,
    /// It was refused, for this reason.
    Refused(String),
}

impl Outcome {
    pub fn refused(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }
}

/// Lists the projects, on a connection of its own.
pub async fn list_projects<S>(stream: S, token: Option<&str>) -> Outcome
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let asked = tokio::time::timeout(Duration::from_secs(40), ask(stream, token));
    match asked.await.expect("it is answered, or ends") {
        Err(_) => Outcome::Cut,
        Ok(status) if status.code() == Code::Ok => Outcome::Answered,
        Ok(status) => {
            use tonic_types::StatusExt as _;
            let info = status.get_error_details().error_info().unwrap().clone();
            Outcome::Refused(info.reason)
        }
    }
}

async fn ask<S>(stream: S, token: Option<&str>) -> Result<Status, h2::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = h2::client::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await?;
    let mut request = http::Request::post("https://waxseal/waxseal.v1.ProjectService/ListProjects")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (response, mut stream) = sender.send_request(request.body(()).unwrap(), false)?;
    let _ = stream.send_data(vec![0; 5].into(), true);
    let response = response.await?;
    let status = match Status::from_header_map(response.headers()) {
        Some(status) => status,
        None => {
            let mut body = response.into_body();
            while let Some(data) = body.data().await {
                let _ = body.flow_control().release_capacity(data?.len());
            }
            let trailers = body.trailers().await?.unwrap();
            Status::from_header_map(&trailers).unwrap()
        }
    };
    connection.abort();
    Ok(status)
}
