//! A call with a deadline that the server alone keeps: clients of gRPC keep it themselves as well,
//! and would hide what the server does.

use super::SLACK;
use crate::support::raw;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Status};

/// How a call ended.
pub struct Outcome {
    /// The message of the answer.
    pub answer: Result<Bytes, Status>,
    pub took: Duration,
}

impl Outcome {
    pub fn told(&self) -> String {
        match &self.answer {
            Ok(_) => "OK".to_owned(),
            Err(status) => format!("{:?} ({})", status.code(), status.message()),
        }
    }
}

/// A call that can be made again as it is.
pub struct Ask {
    pub address: String,
    pub method: &'static str,
    pub token: String,
    pub message: Vec<u8>,
}

impl Ask {
    /// Makes the call. That it does not end is an outcome too.
    pub async fn call(&self, deadline: Duration) -> Outcome {
        let host = self.address.trim_start_matches("http://");
        let begin = Instant::now();
        let stream = TcpStream::connect(host).await.unwrap();
        let (sender, connection) = match h2::client::handshake(stream).await {
            Ok(both) => both,
            Err(error) => {
                let answer = Err(Status::new(Code::Unknown, format!("no connection: {error}")));
                return Outcome { answer, took: begin.elapsed() };
            }
        };
        let connection = tokio::spawn(connection);
        let begin = Instant::now();
        // Twice the slack: an end that is late has to be told from none.
        let answer = timeout(deadline + 2 * SLACK, self.send(sender, deadline)).await;
        let took = begin.elapsed();
        connection.abort();
        let endless = |_| Err(Status::new(Code::Unknown, "it does not end"));
        Outcome { answer: answer.unwrap_or_else(endless), took }
    }

    async fn send(
        &self,
        sender: h2::client::SendRequest<Bytes>,
        deadline: Duration,
    ) -> Result<Bytes, Status> {
        self.exchange(sender, deadline).await.unwrap_or_else(|error| {
            Err(Status::new(Code::Unknown, format!("the connection ended: {error}")))
        })
    }

    /// The answer, if the connection carries it.
    async fn exchange(
        &self,
        sender: h2::client::SendRequest<Bytes>,
        deadline: Duration,
    ) -> Result<Result<Bytes, Status>, h2::Error> {
        let request = http::Request::post(format!("{}{}", self.address, raw::path(self.method)))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", self.token))
            .header("grpc-timeout", format!("{}m", deadline.as_millis()))
            .body(())
            .unwrap();
        let mut sender = sender.ready().await?;
        let (response, mut body) = sender.send_request(request, false)?;
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(u32::try_from(self.message.len()).unwrap());
        framed.put_slice(&self.message);
        body.send_data(framed.freeze(), true)?;
        let response = response.await?;
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Ok(Err(status));
        }
        let mut stream = response.into_body();
        let mut answer = BytesMut::new();
        while let Some(data) = stream.data().await {
            let data = data?;
            stream.flow_control().release_capacity(data.len())?;
            answer.extend_from_slice(&data);
        }
        let trailers = stream.trailers().await?.unwrap();
        let status = Status::from_header_map(&trailers).unwrap();
        Ok(if status.code() == Code::Ok { Ok(answer.freeze().slice(5..)) } else { Err(status) })
    }
}
