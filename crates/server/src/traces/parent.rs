//! What a caller says of the trace that its call is part of: the header `traceparent`, as W3C Trace
//! Context defines it.

use http::{HeaderMap, HeaderName};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

static PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Bytes of version 00: `00-<trace>-<span>-<flags>`.
const LENGTH: usize = 55;

/// The caller's span; none if there is no such header, more than one, or one that is malformed.
pub(super) fn read(headers: &HeaderMap) -> Option<SpanContext> {
    let mut sent = headers.get_all(&PARENT).iter();
    let (Some(header), None) = (sent.next(), sent.next()) else { return None };
    parse(header.to_str().ok()?)
}

fn parse(header: &str) -> Option<SpanContext> {
    let known = header.get(..LENGTH)?;
    let mut parts = known.split('-');
    let mut hex = |length: usize| {
        let part = parts.next()?;
        let digits = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == length && digits).then_some(part)
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    // A later version may go on after what is known of it.
    let rest = &header[LENGTH..];
    if version == "ff" || !(rest.is_empty() || version != "00" && rest.starts_with('-')) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn parents_are_read_as_w3c_writes_them() {
        let sampled = |header: &str| parse(header).map(|context| context.is_sampled());
        assert_eq!(sampled(&format!("00-{TRACE}-{SPAN}-01")), Some(true));
        assert_eq!(sampled(&format!("00-{TRACE}-{SPAN}-00")), Some(false));
        assert_eq!(sampled(&format!("00-{TRACE}-{SPAN}-ff")), Some(true));
        assert_eq!(sampled(&format!("01-{TRACE}-{SPAN}-01-more")), Some(true));
        let zero = "0".repeat(32);
        for bad in [
            String::new(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
            format!("00-{TRACE}-{SPAN}g-01"),
            format!("00{TRACE}-{SPAN}-01-x"),
            "é".repeat(55),
        ] {
            assert_eq!(sampled(&bad), None, "{bad}");
        }
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append("traceparent", format!("00-{TRACE}-{SPAN}-01").parse().unwrap());
        }
        assert!(read(&headers).is_none(), "which of the two is it");
    }
}
