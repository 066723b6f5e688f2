//! Values on their way to and from the wire.

use crate::failure::Failure;
use waxseal_proto::v1;
use waxseal_proto::v1::secret_payload::Payload;
use zeroize::Zeroizing;

/// A text, with the checksum by which the server notices damage.
pub(crate) fn text(text: &str) -> v1::SecretPayload {
    let crc32c = Some(crc32c::crc32c(text.as_bytes()).into());
    v1::SecretPayload { payload: Some(Payload::Text(text.to_owned())), crc32c }
}

/// Bytes, with their checksum.
pub(crate) fn data(bytes: &[u8]) -> v1::SecretPayload {
    let crc32c = Some(crc32c::crc32c(bytes).into());
    v1::SecretPayload { payload: Some(Payload::Data(bytes.to_vec())), crc32c }
}

/// The bytes of a value that came from the server, undamaged.
pub(crate) fn bytes(payload: Option<v1::SecretPayload>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let v1::SecretPayload { payload, crc32c } = payload.ok_or(Failure::Damaged)?;
    let bytes = match payload.ok_or(Failure::Damaged)? {
        Payload::Text(text) => Zeroizing::new(text.into_bytes()),
        Payload::Data(bytes) => Zeroizing::new(bytes),
    };
    match crc32c {
        Some(sum) if sum != i64::from(crc32c::crc32c(&bytes)) => Err(Failure::Damaged),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_damaged_is_noticed() {
        assert_eq!(**bytes(Some(text("a"))).unwrap(), *b"a");
        assert_eq!(**bytes(Some(data(b"\xff\0"))).unwrap(), *b"\xff\0");
        let damaged = v1::SecretPayload { crc32c: Some(1), ..text("a") };
        for bad in [Some(damaged), None, Some(v1::SecretPayload::default())] {
            assert!(matches!(bytes(bad), Err(Failure::Damaged)));
        }
    }
}
