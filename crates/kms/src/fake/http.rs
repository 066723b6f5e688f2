//! HTTP/1.1 and what surrounds an operation.

use super::operations::{Refusal, perform};
use super::state::{Fault, Request, State};
use base64::Engine;
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(super) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let answer = service_fn(|request| answer(request, &state));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that goes away is no matter.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    state: &Mutex<State>,
) -> Result<Response<String>, Infallible> {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let operation = header("x-amz-target").and_then(|it| it.strip_prefix("TrentService."));
    let (Some(operation), Some(access_key), Some(body)) = (
        operation.map(str::to_owned),
        header(AUTHORIZATION.as_str()).and_then(access_key),
        read(body).await,
    ) else {
        return Ok(refused(&Refusal(400, "ValidationException")));
    };
    let mut recorded = body.clone();
    if let Some(fields) = recorded.as_object_mut() {
        fields.remove("Plaintext");
    }
    let request = Request { operation, access_key, body: recorded };
    let (operation, caller) = (request.operation.clone(), request.access_key.clone());
    let (fault, latency) = {
        let mut state = lock();
        (state.begin(request), state.latency)
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Refuse(status, code)) => return Ok(refused(&Refusal(status, code))),
        Some(Fault::Garbage) => return Ok(reply(200, "<html>no JSON".to_owned())),
        Some(Fault::OtherKey | Fault::OtherSource | Fault::Empty) | None => {}
    }
    let done = perform(&lock(), &operation, &caller, &body);
    Ok(match done {
        Ok(mut answer) => {
            bend(&mut answer, fault);
            reply(200, answer.to_string())
        }
        Err(refusal) => refused(&refusal),
    })
}

/// The access key's id, out of `AWS4-HMAC-SHA256 Credential=ID/20260101/..., ...`.
fn access_key(authorization: &str) -> Option<String> {
    let credential = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=")?;
    credential.split_once('/').map(|(id, _)| id.to_owned())
}

async fn read(mut body: Incoming) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    serde_json::from_slice(&bytes).ok()
}

fn bend(answer: &mut Value, fault: Option<Fault>) {
    let Some(fields) = answer.as_object_mut() else { return };
    let other = "arn:aws:kms:eu-central-1:999999999999:key/other";
    match fault {
        Some(Fault::OtherKey) => {
            fields.insert("KeyId".to_owned(), json!(other));
        }
        Some(Fault::OtherSource) => {
            fields.insert("SourceKeyId".to_owned(), json!(other));
        }
        Some(Fault::Empty) => {
            fields.remove("Plaintext");
            fields.remove("CiphertextBlob");
        }
        _ => {}
    }
}

fn refused(Refusal(status, code): &Refusal) -> Response<String> {
    reply(*status, json!({ "__type": code, "message": "as it was told" }).to_string())
}

fn reply(status: u16, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    response
}

pub(super) fn decode(body: &Value, field: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(body.get(field)?.as_str()?).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
