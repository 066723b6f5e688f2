//! Calls as bytes: what the generated clients cannot send, and what they do not show.

use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

/// Every method of `waxseal.v1`, with its service, as the definitions say.
pub fn methods() -> Vec<(String, prost_types::MethodDescriptorProto)> {
    let files = descriptors().file;
    let ours = files.iter().filter(|file| file.package() == "waxseal.v1");
    let services = ours.flat_map(|file| file.service.iter());
    services
        .flat_map(|service| {
            let name = format!("waxseal.v1.{}", service.name());
            service.method.iter().map(move |method| (name.clone(), method.clone()))
        })
        .collect()
}

pub fn descriptors() -> prost_types::FileDescriptorSet {
    prost_types::FileDescriptorSet::decode(waxseal_proto::FILE_DESCRIPTOR_SET).unwrap()
}

/// The path of the method of this name.
pub fn path(method: &str) -> &'static str {
    static PATHS: OnceLock<HashMap<String, String>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| {
        let path = |(service, method): (String, prost_types::MethodDescriptorProto)| {
            (method.name().to_owned(), format!("/{service}/{}", method.name()))
        };
        methods().into_iter().map(path).collect()
    });
    paths.get(method).unwrap_or_else(|| panic!("there is no method {method}"))
}

/// The paths of the methods that answer with a stream.
fn streams() -> &'static HashSet<String> {
    static STREAMS: OnceLock<HashSet<String>> = OnceLock::new();
    STREAMS.get_or_init(|| {
        let streams = methods().into_iter().filter(|(_, method)| method.server_streaming());
        streams.map(|(service, method)| format!("/{service}/{}", method.name())).collect()
    })
}

/// A connection without a caller.
#[derive(Clone)]
pub struct Raw(Channel);

impl Raw {
    pub async fn connect(address: &str) -> Self {
        Self(super::client::channel(address).await)
    }

    /// Calls a method of ours by its name.
    pub async fn call(
        &self,
        method: &str,
        token: &str,
        message: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, Status> {
        self.send(path(method), bearer(token), message).await
    }

    /// Calls a path with this metadata and nothing else. Of a stream it gives the first message.
    pub async fn send(
        &self,
        path: &str,
        metadata: MetadataMap,
        message: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, Status> {
        const LIMIT: usize = 64 << 20;
        let mut grpc = Grpc::new(self.0.clone())
            .max_decoding_message_size(LIMIT)
            .max_encoding_message_size(LIMIT);
        grpc.ready().await.unwrap();
        let mut request = Request::new(message);
        *request.metadata_mut() = metadata;
        if !streams().contains(path) {
            return grpc.unary(request, path.parse().unwrap(), Bytes).await;
        }
        let answer = grpc.server_streaming(request, path.parse().unwrap(), Bytes).await?;
        let (metadata, mut messages, extensions) = answer.into_parts();
        let first = messages.message().await?.unwrap_or_default();
        Ok(Response::from_parts(metadata, first, extensions))
    }
}

/// Calls without any client of gRPC, which would add headers and timers of its own; gives the
/// status of a refusal.
pub async fn plain(address: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Status {
    let host = address.trim_start_matches("http://");
    let stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = http::Request::post(format!("{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, mut stream) = sender.send_request(request.body(()).unwrap(), false).unwrap();
    // The answer may come before the body is taken.
    let _ = stream.send_data(body.into(), true);
    let response = response.await.unwrap();
    let status = Status::from_header_map(response.headers()).expect("a refusal without a body");
    connection.abort();
    status
}

pub fn bearer(token: &str) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    let header = format!("Bearer {token}");
    metadata.insert("authorization", MetadataValue::try_from(header).unwrap());
    metadata
}

/// Messages that are taken for bytes.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
