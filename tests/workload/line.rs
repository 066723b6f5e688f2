//! A connection by TLS, on which any call can be made with a token and without.

use super::PATIENCE;
use crate::support::raw::path;
use h2::client::SendRequest;
use prost::Message;
use prost::bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tonic::Status;

pub struct Line(SendRequest<Bytes>);

/// The messages of an answer, and its end.
pub struct Messages {
    body: h2::RecvStream,
    read: Vec<u8>,
}

impl Line {
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub async fn begin(
        &self,
        method: &str,
        token: Option<&str>,
        message: impl Message,
    ) -> Result<Messages, Status> {
        let message = message.encode_to_vec();
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend_from_slice(&message);
        let mut request = http::Request::post(format!("https://waxseal{}", path(method)))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut sender = self.0.clone().ready().await.unwrap();
        let (answer, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        // Whoever is refused is answered before the message is there.
        let _ = body.send_data(framed.into(), true);
        let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
        match Status::from_header_map(answer.headers()) {
            Some(status) => Err(status),
            None => Ok(Messages { body: answer.into_body(), read: Vec::new() }),
        }
    }

    /// The one message of an answer.
    pub async fn call<M: Message + Default>(
        &self,
        method: &str,
        token: Option<&str>,
        message: impl Message,
    ) -> Result<M, Status> {
        self.begin(method, token, message).await?.next().await
    }
}

impl Messages {
    pub async fn next<M: Message + Default>(&mut self) -> Result<M, Status> {
        loop {
            if let Some((head, rest)) = self.read.split_first_chunk::<5>() {
                let [_, length @ ..] = *head;
                let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
                if rest.len() >= length {
                    let message = M::decode(&rest[..length]).unwrap();
                    self.read.drain(..5 + length);
                    return Ok(message);
                }
            }
            match timeout(PATIENCE, self.body.data()).await.expect("a message or the end") {
                Some(data) => {
                    let data = data.unwrap();
                    self.body.flow_control().release_capacity(data.len()).unwrap();
                    self.read.extend_from_slice(&data);
                }
                None => {
                    let trailers = self.body.trailers().await.unwrap().unwrap();
                    return Err(Status::from_header_map(&trailers).unwrap());
                }
            }
        }
    }
}
