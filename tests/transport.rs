//! How callers reach a server: TLS, client certificates, and how many may come at once.

mod certificates;
mod client;
mod connections;
mod protocol;
mod reload;

use crate::support::tls::{Authority, Files, Leaf};
use crate::support::{Server, Setup};
use waxseal_server::config::Transport;

/// For whatever takes a moment on a machine that has other things to do.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(40);

/// A server with TLS, and the authorities of both sides.
struct World {
    server: Server,
    files: Files,
    /// Of the server's certificate.
    authority: Authority,
    /// Of those of clients.
    clients: Authority,
}

impl World {
    async fn new() -> Self {
        Self::with(|transport| transport).await
    }

    async fn with(change: impl FnOnce(Transport) -> Transport) -> Self {
        let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
        let files = Files::new(&authority.server(), Some(&clients));
        let mut setup = Setup::sqlite();
        setup.config.transport = change(files.transport());
        Self { server: setup.start().await, files, authority, clients }
    }

    async fn connect(
        &self,
        leaf: Option<&Leaf>,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        let config = crate::support::tls::config(&self.authority, leaf);
        crate::support::tls::connect(&self.server.address, config).await
    }
}
