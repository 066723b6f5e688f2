//! A key management service that speaks like that of AWS.

use super::postgres::variable;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Where it is, for `WAXSEAL_KMS_ENDPOINT`.
pub fn endpoint() -> String {
    variable("TEST_KMS")
}

/// Makes a symmetric key, and gives its ARN.
pub async fn create_key() -> String {
    let made = call("CreateKey", &json!({})).await;
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// Calls an operation and gives its answer.
pub async fn call(operation: &str, request: &Value) -> Value {
    let (status, answer) = ask(&endpoint(), "test", operation, request).await;
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

/// Calls an operation of the key service there, as the owner of this access key; gives the HTTP
/// status and the answer.
pub async fn ask(
    endpoint: &str,
    access_key: &str,
    operation: &str,
    request: &Value,
) -> (u16, Value) {
    let url = url::Url::parse(endpoint).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let body = request.to_string();
    // It looks for the service and the region in here, and does not check the signature.
    let scope = format!("{access_key}/20260101/us-east-1/kms/aws4_request");
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {}:{}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: TrentService.{operation}\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none\r\n\
         \r\n{body}",
        address.0,
        address.1,
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn a_key_is_new_and_wraps() {
    let (one, other) = (create_key().await, create_key().await);
    assert_ne!(one, other);
    assert!(one.starts_with("arn:aws:kms:us-east-1:"), "{one}");
    let made = call("GenerateDataKey", &json!({ "KeyId": one, "KeySpec": "AES_256" })).await;
    let opened = call("Decrypt", &json!({ "CiphertextBlob": made["CiphertextBlob"] })).await;
    assert_eq!(opened["Plaintext"], made["Plaintext"]);
    assert_eq!(opened["KeyId"], one);
}
