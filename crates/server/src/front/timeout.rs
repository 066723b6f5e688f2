//! The caller's deadline.

use super::{Reply, refused};
use crate::status::Refusal;
use http::{HeaderMap, HeaderValue, Response};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// No call takes longer, whatever it asks for.
const LONGEST: Duration = Duration::from_secs(60);

/// How long a call may take.
pub(super) struct Deadline(Duration);

/// Reads `grpc-timeout`.
pub(super) fn read(headers: &HeaderMap) -> Result<Deadline, Refusal> {
    let mut sent = headers.get_all("grpc-timeout").iter();
    let asked = match (sent.next(), sent.next()) {
        (None, _) => LONGEST,
        (Some(header), None) => parse(header).ok_or(Refusal::InvalidTimeout)?,
        (Some(_), Some(_)) => return Err(Refusal::InvalidTimeout),
    };
    Ok(Deadline(asked.min(LONGEST)))
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
        self,
        answer: impl Future<Output = Response<Reply>>,
    ) -> Response<Reply> {
        if self.0.is_zero() {
            return refused(Refusal::DeadlineExceeded);
        }
        let mut answer = pin!(answer);
        // A clock is looked at, and a timer made, only for what is not answered at once.
        if let Poll::Ready(answer) = futures::poll!(&mut answer) {
            return answer;
        }
        let answer = tokio::time::timeout(self.0, answer);
        Box::pin(answer).await.unwrap_or_else(|_| refused(Refusal::DeadlineExceeded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
