//! The caller's deadline.

use super::{Reply, refused};
use crate::status::Refusal;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

static TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long a call may take.
pub(super) struct Deadline {
    /// Until there is an answer, or the first of several.
    first: Duration,
    /// As its caller said, if it did. It holds for a stream to its end.
    pub(super) asked: Option<Duration>,
}

/// Reads `grpc-timeout`; no answer takes longer than `longest`, whatever the caller allows.
pub(super) fn read(headers: &HeaderMap, longest: Duration) -> Result<Deadline, Refusal> {
    let mut sent = headers.get_all(&TIMEOUT).iter();
    let asked = match (sent.next(), sent.next()) {
        (None, _) => None,
        (Some(header), None) => Some(parse(header).ok_or(Refusal::InvalidTimeout)?),
        (Some(_), Some(_)) => return Err(Refusal::InvalidTimeout),
    };
    Ok(Deadline { first: asked.map_or(longest, |asked| asked.min(longest)), asked })
}

/// 1 to 8 digits and a unit, as gRPC defines it.
fn parse(header: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = header.as_bytes().split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3_600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

impl Deadline {
    /// The answer, or a refusal when it does not come in time. With no time at all the handler is
    /// not even begun.
    pub(super) async fn bound(
        &self,
        answer: impl Future<Output = Response<Reply>>,
    ) -> Response<Reply> {
        if self.first.is_zero() {
            return refused(Refusal::DeadlineExceeded);
        }
        let mut answer = pin!(answer);
        // A clock is looked at, and a timer made, only for what is not answered at once.
        if let Poll::Ready(answer) = futures::poll!(&mut answer) {
            return answer;
        }
        let answer = tokio::time::timeout(self.first, answer);
        Box::pin(answer).await.unwrap_or_else(|_| refused(Refusal::DeadlineExceeded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_takes_longer_than_the_longest() {
        let longest = Duration::from_secs(30);
        let sent = |timeout: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(timeout) = timeout {
                headers.insert("grpc-timeout", HeaderValue::from_static(timeout));
            }
            let deadline = read(&headers, longest).unwrap();
            (deadline.first, deadline.asked)
        };
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        assert_eq!(sent(None), (longest, None));
        assert_eq!(sent(Some("1S")), (second, Some(second)));
        assert_eq!(sent(Some("1H")), (longest, Some(hour)));
    }

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let parse = |text: &'static str| parse(&HeaderValue::from_static(text));
        assert_eq!(parse("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(parse("20m"), Some(Duration::from_millis(20)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parse("0m"), Some(Duration::ZERO));
        for bad in ["", "S", "abc", "-1S", "100", "999999999S", "5x", "1 S", "1.5S", "+1S"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
