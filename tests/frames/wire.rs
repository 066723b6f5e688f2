//! Calls as a client of HTTP/2 makes them that knows nothing of gRPC, and answers as it sees them.

use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::bytes::Bytes;
use std::time::Duration;
use tokio::task::JoinHandle;
use tonic::Status;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
pub struct Wire {
    url: String,
    sender: SendRequest<Bytes>,
    connection: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// That of the headers, or else of the trailers.
    pub status: Option<Status>,
}

/// What is sent.
#[derive(Clone)]
pub struct Call {
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// In a DATA frame each, and the end of the stream with the last.
    pub pieces: Vec<Vec<u8>>,
}

impl Call {
    /// A call as gRPC wants it.
    pub fn new(path: &str, message: &[u8]) -> Self {
        let headers =
            vec![("content-type", b"application/grpc".to_vec()), ("te", b"trailers".to_vec())];
        Self { path: path.to_owned(), headers, pieces: vec![framed(message)] }
    }

    /// The same with another value of a header, or with one more.
    pub fn with(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.and(name, value)
    }

    /// The same with one header more.
    pub fn and(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers.push((name, value.to_vec()));
        self
    }

    /// The same without a header.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// The same with another body.
    pub fn body(self, pieces: &[&[u8]]) -> Self {
        Self { pieces: pieces.iter().map(|piece| piece.to_vec()).collect(), ..self }
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}").as_bytes())
    }
}

/// A message in the frame of gRPC.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

impl Wire {
    pub async fn connect(url: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await;
        Self::over(stream.unwrap(), url).await
    }

    pub async fn over(stream: tokio::net::TcpStream, url: &str) -> Self {
        let mut builder = h2::client::Builder::new();
        // Whole messages in windows, so that nothing here has to be given back.
        builder.initial_window_size(8 << 20).initial_connection_window_size(8 << 20);
        builder.max_header_list_size(64 << 10);
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        Self { url: url.to_owned(), sender, connection }
    }

    /// How many calls the server takes at once on this connection, as it says itself.
    pub fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Makes a call. An error is of the connection, or of the stream.
    pub async fn call(&self, call: Call) -> Result<Answer, h2::Error> {
        tokio::time::timeout(PATIENCE, self.exchange(call)).await.expect("it is answered")
    }

    async fn exchange(&self, call: Call) -> Result<Answer, h2::Error> {
        let mut request = http::Request::post(format!("{}{}", self.url, call.path));
        let headers = request.headers_mut().unwrap();
        for (name, value) in call.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
        }
        let mut sender = self.sender.clone().ready().await?;
        let bodiless = call.pieces.is_empty();
        let (response, mut stream) = sender.send_request(request.body(()).unwrap(), bodiless)?;
        let last = call.pieces.len();
        for (number, piece) in call.pieces.into_iter().enumerate() {
            // The answer may come before the body is taken.
            let _ = stream.send_data(piece.into(), number + 1 == last);
        }
        let (head, mut stream) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data?;
            stream.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        let trailers = stream.trailers().await?;
        let status = Status::from_header_map(&head.headers);
        let status = status.or_else(|| Status::from_header_map(trailers.as_ref()?));
        Ok(Answer { http: head.status.as_u16(), headers: head.headers, body, status })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Answer {
    /// All of a refusal that could tell it from another: everything but the id of the call and the
    /// time. Its status is in its headers.
    pub fn told(&self) -> String {
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        headers.remove("date");
        format!("{} {headers:?} {:?}", self.http, self.body)
    }
}
