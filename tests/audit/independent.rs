//! The encoding of records once more, written from the documentation of it and not from the code:
//! it makes the tampering that fits the hashes, and finds that the code says what it writes.

use serde_json::Value;
use waxseal_envelope::sha256;

fn uid(value: &Value) -> Option<Vec<u8>> {
    Some(uuid::Uuid::parse_str(value.as_str()?).unwrap().as_bytes().to_vec())
}

fn text(value: &Value) -> Option<Vec<u8>> {
    Some(value.as_str()?.as_bytes().to_vec())
}

fn number(value: &Value) -> Option<Vec<u8>> {
    Some(value.as_i64()?.to_be_bytes().to_vec())
}

fn stage(value: &Value) -> Option<Vec<u8>> {
    Some(vec![match value.as_str()? {
        "draft" => 1,
        "live" => 2,
        other => panic!("{other}"),
    }])
}

/// The hash that a record of an export has to have.
pub fn hash(before: &[u8; 32], record: &Value) -> [u8; 32] {
    let fields = [
        Some(vec![1]),
        text(&record["chain"]),
        number(&record["at"]),
        text(&record["principal"]),
        text(&record["credential"]),
        text(&record["action"]),
        uid(&record["project"]),
        text(&record["project_id"]),
        uid(&record["environment"]),
        text(&record["environment_id"]),
        stage(&record["stage"]),
        uid(&record["secret"]),
        text(&record["secret_name"]),
        number(&record["version"]),
        number(&record["revision"]),
        number(&record["view_revision"]),
        text(&record["outcome"]),
        uid(&record["request"]),
        number(&record["count"]),
        number(&record["until"]),
        text(&record["resource"]),
        text(&record["grant"]),
        uid(&record["call"]),
    ];
    let mut bytes = before.to_vec();
    bytes.extend(record["sequence"].as_u64().unwrap().to_be_bytes());
    for (tag, field) in fields.into_iter().enumerate() {
        if let Some(field) = field {
            bytes.push(tag as u8);
            bytes.extend((field.len() as u16).to_be_bytes());
            bytes.extend(field);
        }
    }
    sha256(&bytes)
}

pub fn bytes(hex: &Value) -> [u8; 32] {
    hex.as_str().unwrap().parse::<waxseal_engine::Hex<32>>().unwrap().0
}
