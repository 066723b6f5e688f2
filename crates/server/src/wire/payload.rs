//! Values, in and out.

use std::mem;
use waxseal_domain::reference::RenderedText;
use waxseal_domain::value::{InvalidValue, PayloadKind, SecretValue, Warning};
use waxseal_engine::Error;
use waxseal_proto::v1::{self, secret_payload::Payload};
use zeroize::Zeroizing;

/// A payload as it was sent, unchecked, in memory that is wiped.
pub(crate) struct Sent {
    kind: PayloadKind,
    bytes: Zeroizing<Vec<u8>>,
    crc32c: Option<i64>,
}

impl Sent {
    /// Moves a payload out of its message, without a copy. The first thing done to a request that
    /// holds one.
    pub(crate) fn take(payload: &mut Option<v1::SecretPayload>) -> Option<Self> {
        let v1::SecretPayload { payload, crc32c } = payload.take()?;
        let (kind, bytes) = match payload {
            Some(Payload::Text(text)) => (PayloadKind::Text, text.into_bytes()),
            Some(Payload::Data(data)) => (PayloadKind::Bytes, data),
            // Neither is as empty as an empty one.
            None => (PayloadKind::Bytes, Vec::new()),
        };
        Some(Self { kind, bytes: Zeroizing::new(bytes), crc32c })
    }

    /// The value, if it is one and what arrived is what was sent.
    pub(crate) fn value(self, field: &str) -> Result<SecretValue, Error> {
        let Self { kind, bytes, crc32c } = self;
        let computed = crc32c::crc32c(&bytes);
        let value = SecretValue::new(kind, bytes)
            .map_err(|source| Error::InvalidValue { field: field.to_owned(), source })?;
        match crc32c {
            Some(sent) if sent != i64::from(computed) => {
                Err(Error::ChecksumMismatch { field: field.to_owned() })
            }
            Some(_) | None => Ok(value),
        }
    }
}

/// The value of a payload that has to be there.
pub(crate) fn required(field: &str, sent: Option<Sent>) -> Result<SecretValue, Error> {
    let missing = || Error::InvalidValue { field: field.to_owned(), source: InvalidValue::Empty };
    sent.ok_or_else(missing)?.value(field)
}

/// A value on its way to the caller.
pub(crate) fn message(value: SecretValue) -> v1::SecretPayload {
    let crc32c = Some(i64::from(crc32c::crc32c(value.expose())));
    let kind = value.kind();
    let bytes = mem::take(&mut *value.into_exposed());
    let payload = match kind {
        // A text was checked to be UTF-8 when it came; were it none, it would go out as bytes.
        PayloadKind::Text => String::from_utf8(bytes)
            .map_or_else(|not_text| Payload::Data(not_text.into_bytes()), Payload::Text),
        PayloadKind::Bytes => Payload::Data(bytes),
    };
    v1::SecretPayload { payload: Some(payload), crc32c }
}

/// A rendered text on its way to the caller.
pub(crate) fn rendered(text: RenderedText) -> v1::SecretPayload {
    let crc32c = Some(i64::from(crc32c::crc32c(text.expose().as_bytes())));
    let text = mem::take(&mut *text.into_exposed());
    v1::SecretPayload { payload: Some(Payload::Text(text)), crc32c }
}

pub(crate) fn warning(warning: Warning) -> v1::Warning {
    let (code, message) = match warning {
        Warning::SurroundingWhitespace => (
            v1::WarningCode::SurroundingWhitespace,
            "the value begins or ends with white space; it was stored as it came",
        ),
        Warning::TooShortToRedact => (
            v1::WarningCode::TooShortToRedact,
            "the value has fewer than 4 bytes: too short to be found and redacted in a text",
        ),
    };
    v1::Warning { code: code.into(), message: message.to_owned() }
}

pub(crate) fn warnings(warnings: Vec<Warning>) -> Vec<v1::Warning> {
    warnings.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(payload: Option<Payload>, crc32c: Option<i64>) -> Result<SecretValue, Error> {
        required("payload", Sent::take(&mut Some(v1::SecretPayload { payload, crc32c })))
    }

    fn text(text: &str) -> Option<Payload> {
        Some(Payload::Text(text.to_owned()))
    }

    #[test]
    fn what_is_sent_comes_back_as_it_was() {
        for payload in [Payload::Text(" a\r\n".to_owned()), Payload::Data(vec![0, 255, b'a'])] {
            let value = sent(Some(payload.clone()), None).unwrap();
            let crc32c = i64::from(crc32c::crc32c(value.expose()));
            let expected = v1::SecretPayload { payload: Some(payload), crc32c: Some(crc32c) };
            assert!(message(value) == expected);
        }
    }

    #[test]
    fn absent_empty_and_neither_are_refused_alike() {
        let refused = [
            required("payload", Sent::take(&mut None)),
            sent(None, None),
            sent(text(""), None),
            sent(Some(Payload::Data(vec![])), None),
        ];
        for outcome in refused {
            let source = InvalidValue::Empty;
            assert!(matches!(outcome, Err(Error::InvalidValue { source: s, .. }) if s == source));
        }
    }

    #[test]
    fn a_checksum_has_to_match_when_it_is_sent() {
        // The check value of CRC-32C.
        assert!(sent(text("123456789"), Some(0xe306_9283)).is_ok());
        for wrong in [0, 1, -1, 0x1_e306_9283] {
            let outcome = sent(text("123456789"), Some(wrong));
            assert!(matches!(outcome, Err(Error::ChecksumMismatch { .. })), "{wrong}");
        }
    }
}
