//! One call, made with as little as possible: a request that is encoded already, and an answer
//! whose bytes are counted.

use crate::Fault;
use crate::seed::{self, bounded};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{self, SendRequest};
use http::Request;
use prost::Message;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// What is called.
#[derive(Clone)]
pub(crate) struct Call {
    path: String,
    token: Option<String>,
    /// Framed messages, sent in turn.
    bodies: Vec<Bytes>,
}

impl Call {
    pub(crate) fn new(path: &str, token: Option<&str>, messages: &[impl Message]) -> Self {
        let bodies = messages.iter().map(|message| framed(&message.encode_to_vec()));
        Self { path: path.to_owned(), token: token.map(str::to_owned), bodies: bodies.collect() }
    }

    /// A call of the bare server. It brings what a resolve brings, metadata and path of the same
    /// length too, so that only what is made of it differs.
    pub(crate) fn bare(how: &str, name: &str) -> Self {
        const TOKEN: usize = 71;
        let resolve = "/waxseal.v1.RuntimeService/ResolveEnvironment";
        let path = format!("/{how}/{name}/");
        let rest = resolve.get(path.len()..).unwrap_or_default();
        let token = "wxs_run_".chars().chain("a1B2".chars().cycle()).take(TOKEN).collect();
        let body = framed(&seed::environment(name, "main", bounded()).encode_to_vec());
        Self { path: path + rest, token: Some(token), bodies: vec![body] }
    }

    fn request(&self, address: SocketAddr) -> Result<Request<()>, Fault> {
        let request = Request::post(format!("http://{address}{}", self.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        Ok(request.body(())?)
    }
}

/// A message with its gRPC frame.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// A connection that makes one kind of call.
#[derive(Clone)]
pub(crate) struct Caller {
    sender: SendRequest<Bytes>,
    request: Request<()>,
    bodies: Vec<Bytes>,
    next: usize,
}

impl Caller {
    pub(crate) async fn connect(address: SocketAddr, call: &Call) -> Result<Self, Fault> {
        const WINDOW: u32 = 16 << 20;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await?;
        // It ends with the last sender.
        tokio::spawn(connection);
        let request = call.request(address)?;
        Ok(Self { sender, request, bodies: call.bodies.clone(), next: 0 })
    }

    /// A caller on the same connection that begins with another body.
    pub(crate) fn beside(&self, next: usize) -> Self {
        Self { next, ..self.clone() }
    }

    /// Begins a call; gives its answer once that has begun.
    pub(crate) async fn begin(&mut self) -> Result<RecvStream, Fault> {
        let body = self.bodies[self.next % self.bodies.len()].clone();
        self.next += 1;
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(self.request.clone(), false)?;
        stream.send_data(body, true)?;
        let response = response.await?;
        if let Some(status) = response.headers().get("grpc-status") {
            let message = response.headers().get("grpc-message");
            return Err(format!("{} failed: {status:?} {message:?}", self.request.uri()).into());
        }
        Ok(response.into_body())
    }

    /// Makes a call; gives the bytes of its answer.
    pub(crate) async fn call(&mut self) -> Result<usize, Fault> {
        let mut answer = self.begin().await?;
        let mut bytes = 0;
        while let Some(data) = answer.data().await {
            let length = data?.len();
            bytes += length;
            answer.flow_control().release_capacity(length)?;
        }
        let status =
            answer.trailers().await?.and_then(|mut trailers| trailers.remove("grpc-status"));
        match status {
            Some(status) if status == "0" => Ok(bytes),
            _ => Err(format!("{} ended with {status:?}", self.request.uri()).into()),
        }
    }
}
