//! The operations, each as AWS KMS documents it.

use super::http::{decode, encode};
use super::state::{KeyState, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use waxseal_envelope::{Context, Key, Purpose, open, seal};

/// An HTTP status and a code.
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

const INVALID: Refusal = Refusal(400, "ValidationException");
const CIPHERTEXT: Refusal = Refusal(400, "InvalidCiphertextException");

type Entries = BTreeMap<String, String>;

pub(super) fn perform(
    state: &State,
    operation: &str,
    caller: &str,
    body: &Value,
) -> Result<Value, Refusal> {
    match operation {
        "GenerateDataKey" => {
            let (key_id, context) = (text(body, "KeyId")?, entries(body, "EncryptionContext")?);
            if text(body, "KeySpec")? != "AES_256" {
                return Err(INVALID);
            }
            let arn = usable(state, key_id, caller, "kms:GenerateDataKey", &context)?;
            let key = Key::generate().expect("random bytes");
            let wrapped = encrypt(state, &arn, &context, key.expose());
            let plaintext = encode(key.expose());
            Ok(json!({ "KeyId": arn, "Plaintext": plaintext, "CiphertextBlob": encode(&wrapped) }))
        }
        "Encrypt" => {
            let (key_id, context) = (text(body, "KeyId")?, entries(body, "EncryptionContext")?);
            let plaintext = decode(body, "Plaintext").ok_or(INVALID)?;
            let arn = usable(state, key_id, caller, "kms:Encrypt", &context)?;
            let wrapped = encrypt(state, &arn, &context, &plaintext);
            Ok(json!({ "KeyId": arn, "CiphertextBlob": encode(&wrapped) }))
        }
        "Decrypt" => {
            let context = entries(body, "EncryptionContext")?;
            let pinned = body.get("KeyId").and_then(Value::as_str);
            let (arn, plaintext) = decrypt(state, caller, "kms:Decrypt", pinned, &context, body)?;
            Ok(json!({ "KeyId": arn, "Plaintext": encode(&plaintext) }))
        }
        "ReEncrypt" => {
            let source = entries(body, "SourceEncryptionContext")?;
            let destination = entries(body, "DestinationEncryptionContext")?;
            let pinned = body.get("SourceKeyId").and_then(Value::as_str);
            let (from, plaintext) =
                decrypt(state, caller, "kms:ReEncryptFrom", pinned, &source, body)?;
            let name = text(body, "DestinationKeyId")?;
            let to = usable(state, name, caller, "kms:ReEncryptTo", &destination)?;
            let wrapped = encrypt(state, &to, &destination, &plaintext);
            Ok(json!({ "SourceKeyId": from, "KeyId": to, "CiphertextBlob": encode(&wrapped) }))
        }
        "DescribeKey" => {
            let arn = state.find(text(body, "KeyId")?).ok_or(Refusal(400, "NotFoundException"))?;
            allowed(state, &arn, caller, "kms:DescribeKey", &Entries::new())?;
            let id = arn.rsplit('/').next().unwrap_or_default();
            Ok(json!({ "KeyMetadata": { "KeyId": id, "Arn": arn } }))
        }
        _ => Err(Refusal(400, "UnknownOperationException")),
    }
}

/// The ARN of a key that this caller may use so, and that is in a state to be used.
fn usable(
    state: &State,
    name: &str,
    caller: &str,
    action: &str,
    context: &Entries,
) -> Result<String, Refusal> {
    let arn = state.find(name).ok_or(Refusal(400, "NotFoundException"))?;
    allowed(state, &arn, caller, action, context)?;
    match state.keys[&arn].state {
        KeyState::Enabled => Ok(arn),
        KeyState::Disabled => Err(Refusal(400, "DisabledException")),
        KeyState::PendingDeletion => Err(Refusal(400, "KMSInvalidStateException")),
        KeyState::Gone => Err(Refusal(400, "NotFoundException")),
    }
}

fn allowed(
    state: &State,
    arn: &str,
    caller: &str,
    action: &str,
    context: &Entries,
) -> Result<(), Refusal> {
    let Some(policy) = &state.keys[arn].policy else { return Ok(()) };
    let role = state.roles.get(caller).map_or("", String::as_str);
    if policy.allows(role, action, context) {
        Ok(())
    } else {
        Err(Refusal(400, "AccessDeniedException"))
    }
}

/// A blob says in clear which key made it, as that of KMS does.
fn encrypt(state: &State, arn: &str, context: &Entries, plaintext: &[u8]) -> Vec<u8> {
    let record = Context::wrapped_key(context, arn);
    let sealed = seal(&state.keys[arn].material, Purpose::WrappedKey, &record, plaintext);
    let name = [arn.as_bytes(), b"\n"].concat();
    [name, sealed.expect("random bytes")].concat()
}

fn decrypt(
    state: &State,
    caller: &str,
    action: &str,
    pinned: Option<&str>,
    context: &Entries,
    body: &Value,
) -> Result<(String, Vec<u8>), Refusal> {
    let blob = decode(body, "CiphertextBlob").filter(|blob| !blob.is_empty()).ok_or(INVALID)?;
    let end = blob.iter().position(|byte| *byte == b'\n').ok_or(CIPHERTEXT)?;
    let made_by = String::from_utf8(blob[..end].to_vec()).map_err(|_| CIPHERTEXT)?;
    let arn = usable(state, pinned.unwrap_or(&made_by), caller, action, context)?;
    if !state.keys.contains_key(&made_by) {
        return Err(CIPHERTEXT);
    }
    if made_by != arn {
        return Err(Refusal(400, "IncorrectKeyException"));
    }
    let record = Context::wrapped_key(context, &arn);
    let material = &state.keys[&arn].material;
    let opened = open(material, Purpose::WrappedKey, &record, &blob[end + 1..]);
    opened.map(|bytes| (arn, bytes.to_vec())).map_err(|_| CIPHERTEXT)
}

fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    body.get(field).and_then(Value::as_str).ok_or(INVALID)
}

fn entries(body: &Value, field: &str) -> Result<Entries, Refusal> {
    let Some(entries) = body.get(field) else { return Ok(Entries::new()) };
    let entries = entries.as_object().ok_or(INVALID)?;
    let entry =
        |(name, content): (&String, &Value)| Some((name.clone(), content.as_str()?.to_owned()));
    entries.iter().map(entry).collect::<Option<_>>().ok_or(INVALID)
}
