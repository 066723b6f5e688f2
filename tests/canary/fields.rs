//! A canary in every field of every method that can hold text or bytes: alone, and in all of them
//! at once.

use super::battery::Battery;
use super::{BYTES, PLAIN, TEXT, Tokens};
use crate::support::binary::Serving;
use crate::support::raw::{Raw, descriptors, methods};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto};
use std::collections::HashMap;

/// Messages within messages are followed so far; none of ours goes deeper.
const DEPTH: usize = 4;

pub async fn everywhere(serving: &Serving, tokens: &Tokens, battery: &mut Battery) {
    let raw = Raw::connect(&serving.url()).await;
    let messages = messages();
    for (_, method) in methods() {
        let request = &messages[method.input_type()];
        for canary in [TEXT.as_bytes(), PLAIN.as_bytes(), BYTES] {
            let leaves = leaves(&messages, request, canary, DEPTH);
            assert!(!leaves.is_empty() || is_undemanding(method.name()), "{}", method.name());
            let all = leaves.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>().concat();
            for (field, bytes) in leaves.into_iter().chain([("everything".to_owned(), all)]) {
                for token in tokens.of_values() {
                    let call = format!("{} with {field}", method.name());
                    let answer = raw.call(method.name(), token, bytes.clone()).await;
                    if is_undemanding(method.name()) && answer.is_ok() {
                        continue;
                    }
                    battery.expect_refusal(call, answer);
                }
            }
        }
    }
}

/// Few methods have nothing that they require.
fn is_undemanding(method: &str) -> bool {
    let undemanding = [
        "ListProjects",
        "ListPrincipals",
        "GetKeyStatus",
        "RewrapDataKeys",
        "VerifyAuditTrail",
        "ExportAuditTrail",
        "WhoAmI",
    ];
    undemanding.contains(&method)
}

/// All messages of ours and those that they hold, by their full names.
fn messages() -> HashMap<String, DescriptorProto> {
    let mut found = HashMap::new();
    for file in descriptors().file {
        for message in &file.message_type {
            add(&mut found, &format!(".{}", file.package()), message);
        }
    }
    found
}

fn add(found: &mut HashMap<String, DescriptorProto>, within: &str, message: &DescriptorProto) {
    let name = format!("{within}.{}", message.name());
    for nested in &message.nested_type {
        add(found, &name, nested);
    }
    found.insert(name, message.clone());
}

/// One encoded message for each leaf that can hold the canary.
fn leaves(
    messages: &HashMap<String, DescriptorProto>,
    message: &DescriptorProto,
    canary: &[u8],
    depth: usize,
) -> Vec<(String, Vec<u8>)> {
    let mut written = Vec::new();
    for field in &message.field {
        match field.r#type() {
            Type::String | Type::Bytes => {
                written.push((field.name().to_owned(), encode(field, canary)));
            }
            Type::Message if depth > 0 => {
                let Some(inner) = messages.get(field.type_name()) else { continue };
                for (name, bytes) in leaves(messages, inner, canary, depth - 1) {
                    written.push((format!("{}.{name}", field.name()), encode(field, &bytes)));
                }
            }
            _ => {}
        }
    }
    written
}

/// A field whose content has a length.
fn encode(field: &FieldDescriptorProto, content: &[u8]) -> Vec<u8> {
    const LENGTH: u64 = 2;
    let mut bytes = varint(u64::try_from(field.number()).unwrap() << 3 | LENGTH);
    bytes.extend(varint(content.len() as u64));
    bytes.extend(content);
    bytes
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}
