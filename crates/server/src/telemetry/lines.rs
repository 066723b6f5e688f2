//! How a line of the log looks, and what may stand in it.

use crate::config::LogFormat;
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The fields that are written, besides the message. A field with another name is left out, so that
/// a slip such as `?request` prints nothing.
pub(super) const FIELDS: [&str; 34] = [
    "address",
    "cause",
    "chain",
    "client_ca_not_after",
    "code",
    "column",
    "cut_off",
    "dropped",
    "error",
    "failure",
    "incarnation",
    "issuer",
    "key_id",
    "keys",
    "kind",
    "made",
    "not_after",
    "number",
    "operation",
    "path",
    "place",
    "project",
    "projects",
    "reason",
    "request_id",
    "seconds",
    "sequence",
    "table",
    "times",
    "trace_id",
    "transaction",
    "under_way",
    "what",
    "why",
];

const MESSAGE: &str = "message";

/// Writes events as lines, text or JSON.
pub(super) struct Lines(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let mut shown = Shown { ours: target.starts_with("waxseal"), fields: Map::new() };
        event.record(&mut shown);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        match self.0 {
            LogFormat::Json => {
                let line = serde_json::json!({
                    "timestamp": time,
                    "level": level.as_str(),
                    "target": target,
                    "fields": shown.fields,
                });
                writeln!(writer, "{line}")
            }
            LogFormat::Text => {
                write!(writer, "{time} {:>5} {target}:", level.as_str())?;
                if let Some(message) = shown.fields.remove(MESSAGE) {
                    write!(writer, " {}", printable(&message))?;
                }
                for (name, value) in &shown.fields {
                    write!(writer, " {name}={}", printable(value))?;
                }
                writeln!(writer)
            }
        }
    }
}

/// A value on one line, whatever is in it.
fn printable(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let mut line = String::with_capacity(text.len());
            for char in text.chars() {
                match char {
                    '"' | '\'' => line.push(char),
                    _ => line.extend(char.escape_debug()),
                }
            }
            line
        }
        other => other.to_string(),
    }
}

/// What may be shown of an event.
struct Shown {
    /// Whether the event is this workspace's. What libraries say can repeat what they were given, so
    /// of theirs it is only told that they said something.
    ours: bool,
    fields: Map<String, Value>,
}

impl Shown {
    fn put(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let name = field.name();
        let known = name == MESSAGE || FIELDS.contains(&name);
        debug_assert!(known || !self.ours, "{name} is not among the fields that may be logged");
        if known && self.ours {
            self.fields.insert(name.to_owned(), value());
        }
    }
}

impl Visit for Shown {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, || {
            let mut text = String::new();
            // Writing to a string does not fail.
            let _ = write!(text, "{value:?}");
            text.into()
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = layer().event_format(Lines(format)).with_writer(move || writer.clone());
        tracing::subscriber::with_default(registry().with(lines), log);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn known_fields_are_written() {
        let log = || tracing::warn!(error = "a \"b\"\nc", seconds = 3_u64, "not ready");
        let text = logged(LogFormat::Text, log);
        let told = text.split_once(' ').unwrap().1;
        let target = module_path!();
        assert_eq!(told, format!(" WARN {target}: not ready error=a \"b\"\\nc seconds=3\n"));
        let json: Value = serde_json::from_str(&logged(LogFormat::Json, log)).unwrap();
        let fields = serde_json::json!(
            {"message": "not ready", "error": "a \"b\"\nc", "seconds": 3}
        );
        assert_eq!((&json["level"], &json["fields"]), (&"WARN".into(), &fields));
    }

    #[test]
    #[should_panic(expected = "request is not among the fields")]
    fn a_field_of_ours_that_is_not_known_shows_in_tests() {
        logged(LogFormat::Json, || tracing::info!(request = "CANARY", "a slip"));
    }

    #[test]
    fn what_a_library_says_is_not_written() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = || {
                tracing::warn!(target: "library", error = "CANARY", body = "CANARY", "CANARY");
            };
            let line = logged(format, log);
            assert!(line.contains("library") && line.contains("WARN"), "{line}");
            assert!(!line.contains("CANARY"), "{line}");
        }
    }
}
