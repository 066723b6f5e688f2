//! Keys of issuers, from where an operator said that they are and from nowhere else.

use super::issuers::{IssuersError, host};
use super::jwt::Why;
use crate::tls;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// The largest set of keys, in bytes.
const KEYS_BYTES: usize = 256 * 1024;
/// More than any file of authorities or with a token has, in bytes.
const FILE_BYTES: usize = 1 << 20;

/// Reads a set of keys from a file.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, Why> {
    read(path, KEYS_BYTES).map_err(|_| "the file cannot be read, or is too large")
}

fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(content) }
}

/// Authorities of those who publish keys.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, IssuersError> {
    let content = read(path, FILE_BYTES)
        .map_err(|error| IssuersError::File { path: path.to_owned(), kind: error.kind() })?;
    let refused = || IssuersError::Authorities { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for authority in tls::certificates(&content).ok_or_else(refused)? {
        roots.add(authority).map_err(|_| refused())?;
    }
    Ok(roots)
}

/// Fetches a set of keys: one request, whose answer is 200 or of no use. It is led nowhere else.
pub(super) async fn url(
    url: &Uri,
    ca: Option<&Path>,
    bearer: Option<&Path>,
) -> Result<Vec<u8>, Why> {
    const UNREACHABLE: Why = "it cannot be reached";
    let authority = url.authority().ok_or(UNREACHABLE)?;
    let name = host(authority.host());
    let secure = url.scheme_str() == Some("https");
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((name, port)).await.map_err(|_| UNREACHABLE)?;
    if !secure {
        return ask(url, stream, bearer).await;
    }
    let name = ServerName::try_from(name.to_owned()).map_err(|_| UNREACHABLE)?;
    let tls = TlsConnector::from(Arc::new(client(ca)?));
    let stream = tls.connect(name, stream).await.map_err(|_| "TLS with it failed")?;
    ask(url, stream, bearer).await
}

/// Reads the authorities anew each time: they are exchanged, too.
fn client(ca: Option<&Path>) -> Result<ClientConfig, Why> {
    let roots = match ca {
        Some(path) => authorities(path).map_err(|_| "its authorities cannot be read")?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| "TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn ask<S>(url: &Uri, stream: S, bearer: Option<&Path>) -> Result<Vec<u8>, Why>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    const BROKEN: Why = "it does not answer as it should";
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host = url.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::get(path).header(HOST, host).header(ACCEPT, "application/json");
    if let Some(path) = bearer {
        request = request.header(AUTHORIZATION, credentials(path)?);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| BROKEN)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| BROKEN)?;
    // Over when the sender is dropped and the answer is read.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|_| BROKEN)?;
    if answer.status() != StatusCode::OK {
        return Err("it answers with another status than 200");
    }
    let body = Limited::new(answer.into_body(), KEYS_BYTES).collect().await;
    Ok(body.map_err(|_| "its answer is too large, or breaks off")?.to_bytes().to_vec())
}

/// The token that goes along: of the server itself, where keys are not for everybody.
fn credentials(path: &Path) -> Result<HeaderValue, Why> {
    const UNREADABLE: Why = "the token for it cannot be read";
    let content = Zeroizing::new(read(path, FILE_BYTES).map_err(|_| UNREADABLE)?);
    let token = std::str::from_utf8(&content).map_err(|_| UNREADABLE)?;
    let header = Zeroizing::new(format!("Bearer {}", token.trim()));
    let mut header = HeaderValue::from_str(&header).map_err(|_| UNREADABLE)?;
    header.set_sensitive(true);
    Ok(header)
}
