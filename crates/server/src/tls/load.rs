//! From files to what a handshake needs.

use crate::config::{ClientAuth, TlsFiles};
use ring::digest;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

/// More than any of these files has, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// What is wrong with the files of TLS. Never holds their content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// A private key that others may read.
    #[error("{path} has mode {mode:04o}, so others may use it; run: chmod 600 '{path}'")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The mode that it has.
        mode: u32,
    },
    /// No certificates, or one that does not parse.
    #[error("{path} does not hold certificates in PEM")]
    Certificates {
        /// The file.
        path: PathBuf,
    },
    /// Certificates in the wrong order, or of somebody else.
    #[error("{path}: each certificate must be followed by that of its issuer")]
    Chain {
        /// The file.
        path: PathBuf,
    },
    /// A certificate whose time is over.
    #[error("the certificate in {path} has expired")]
    Expired {
        /// The file.
        path: PathBuf,
    },
    /// No private key, or one of a kind that is not supported.
    #[error("{path} does not hold a private key in PEM")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// A key and a certificate that have nothing to do with each other.
    #[error("the key in {path} is not that of the certificate")]
    OtherKey {
        /// The file of the key.
        path: PathBuf,
    },
}

impl TlsError {
    /// Stands for files that could not be read, to notice when they can be.
    pub(super) fn digest(&self) -> [u8; 32] {
        hash(&[self.to_string().as_bytes()])
    }
}

/// What the files hold.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let client_ca = files.client_ca.as_deref().map(|path| read(path, false)).transpose()?;
        Ok(Self {
            certificate: read(&files.certificate, false)?.to_vec(),
            key: read(&files.key, true)?,
            client_ca: client_ca.map(|client_ca| client_ca.to_vec()),
        })
    }

    /// What it is known again by.
    pub(super) fn digest(&self) -> [u8; 32] {
        let Self { certificate, key, client_ca } = self;
        hash(&[certificate, key, client_ca.as_deref().unwrap_or_default()])
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn read(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let failed = |error: io::Error| TlsError::File { path: path.to_owned(), kind: error.kind() };
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let mode = found.mode() & 0o7777;
    if private && !is_private(mode, found.uid(), rustix::process::geteuid().as_raw()) {
        return Err(TlsError::Exposed { path: path.to_owned(), mode });
    }
    // At once as large as it has to be: what grows leaves copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(found.len().min(FILE_BYTES) as usize + 1));
    file.take(FILE_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Whether nobody but `reader` can read a file with this mode and owner. A group may where the
/// owner is root and the reader is not: so Kubernetes hands keys to a pod, whose group it is.
fn is_private(mode: u32, owner: u32, reader: u32) -> bool {
    let handed = owner == 0 && reader != 0;
    mode & if handed { 0o037 } else { 0o077 } == 0
}

/// What a handshake needs.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) not_after: SystemTime,
    pub(super) client_ca_not_after: Option<SystemTime>,
}

impl Loaded {
    pub(super) fn new(files: &TlsFiles, contents: &Contents) -> Result<Self, TlsError> {
        let of_certificate = || TlsError::Certificates { path: files.certificate.clone() };
        let chain = certificates(&contents.certificate).ok_or_else(of_certificate)?;
        let not_after = chain_end(&chain, &files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| TlsError::Key { path: files.key.clone() })?;

        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            // Not of the files: the provider has no suite for it.
            .map_err(|_| of_certificate())?;
        let mut client_ca_not_after = None;
        let builder = match (&files.client_ca, &contents.client_ca) {
            (Some(path), Some(content)) => {
                let of_bundle = || TlsError::Certificates { path: path.clone() };
                let bundle = certificates(content).ok_or_else(of_bundle)?;
                client_ca_not_after = bundle.iter().filter_map(not_after_of).min();
                let mut roots = RootCertStore::empty();
                for authority in bundle {
                    roots.add(authority).map_err(|_| of_bundle())?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match files.client_auth {
                    ClientAuth::Optional => verifier.allow_unauthenticated(),
                    ClientAuth::Required => verifier,
                };
                builder.with_client_cert_verifier(verifier.build().map_err(|_| of_bundle())?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { path: files.key.clone() },
            rustls::Error::InvalidCertificate(_) => of_certificate(),
            _ => TlsError::Key { path: files.key.clone() },
        })?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // No session is taken up again: each connection is verified anew, by the authorities of
        // its own time. Connections live for hours here, so nothing is saved by it either.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), not_after, client_ca_not_after })
    }

    /// Puts into the log until when they are valid.
    pub(super) fn tell(&self) {
        let text = |time: SystemTime| prost_types::Timestamp::from(time).to_string();
        let client_ca = self.client_ca_not_after.map(text);
        tracing::info!(
            not_after = %text(self.not_after),
            client_ca_not_after = client_ca.as_deref().unwrap_or("none"),
            "certificates are loaded"
        );
    }
}

/// The certificates of a PEM file: at least one, and nothing that does not read.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!found.is_empty() && found.iter().all(|one| parsed(one).is_some())).then_some(found)
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    rest.is_empty().then_some(parsed)
}

fn not_after_of(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let seconds = parsed(certificate)?.validity().not_after.timestamp();
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Until when the first certificate is valid, if it is followed by those that vouch for it.
fn chain_end(chain: &[CertificateDer<'_>], path: &Path) -> Result<SystemTime, TlsError> {
    let follows = |pair: &[CertificateDer<'_>]| match (parsed(&pair[0]), parsed(&pair[1])) {
        (Some(one), Some(next)) => one.issuer().as_raw() == next.subject().as_raw(),
        _ => false,
    };
    if !chain.windows(2).all(follows) {
        return Err(TlsError::Chain { path: path.to_owned() });
    }
    let now = Duration::from_micros(u64::try_from(SystemClock.now().micros()).unwrap_or(0));
    let end = chain.first().and_then(not_after_of).unwrap_or(UNIX_EPOCH);
    if end <= UNIX_EPOCH + now {
        return Err(TlsError::Expired { path: path.to_owned() });
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_reader_alone() {
        for (mode, owner, reader, private) in [
            (0o600, 1000, 1000, true),
            (0o400, 1000, 1000, true),
            (0o640, 1000, 1000, false),
            (0o604, 1000, 1000, false),
            (0o440, 0, 1000, true),
            (0o640, 0, 1000, true),
            (0o660, 0, 1000, false),
            (0o444, 0, 1000, false),
            (0o440, 0, 0, false),
            (0o600, 0, 0, true),
        ] {
            assert_eq!(is_private(mode, owner, reader), private, "{mode:o} {owner} {reader}");
        }
    }
}
