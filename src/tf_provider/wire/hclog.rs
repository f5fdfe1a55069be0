//! Logs as Terraform reads them: one JSON object a line on standard error.
//!
//! Only this crate's own events are logged: what the libraries below say at trace level is frames and keys.
use std::{fmt, io::Write, panic::PanicHookInfo, time::SystemTime};

use serde_json::{Map, Value as Json};
use time::{OffsetDateTime, macros::format_description};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::tf_provider::{Settings, secrets::redact};

/// Terraform reads lines of up to 64 KiB and shows longer ones raw and in pieces.
const LONGEST_LINE_BYTES: usize = 60 << 10;
/// Longer texts are cut.
const LONGEST_TEXT_BYTES: usize = 16 << 10;

/// Starts logging at the level of the settings, and makes panics visible. Once, at the start of `main`.
pub fn init(settings: &Settings) {
    std::panic::set_hook(Box::new(print_panic));
    let own_crate = module_path!().split("::").next().unwrap_or_default();
    let filter = Targets::new().with_target(own_crate, settings.log_level);
    let layer = Hclog {
        write: |line: &[u8]| drop(std::io::stderr().write_all(line)),
    };
    // A second call changes nothing, as with any global subscriber.
    drop(
        tracing_subscriber::registry()
            .with(layer.with_filter(filter))
            .try_init(),
    );
}

/// Terraform shows its crash report, with this text, when a line begins with `panic: `.
fn print_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let text = redact(text);
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    let trace = std::backtrace::Backtrace::force_capture();
    drop(std::io::stderr().write_all(format!("panic: {text}\n\nat {at}\n{trace}\n").as_bytes()));
}

/// Writes each event as one line.
struct Hclog<W> {
    write: W,
}

/// The fields of a span, kept until its events.
struct SpanFields(Map<String, Json>);

impl<S, W> Layer<S> for Hclog<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        attributes.record(&mut fields);
        if let Some(span) = cx.span(id) {
            span.extensions_mut().insert(SpanFields(fields.0));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(SpanFields(known)) = span.extensions_mut().get_mut()
        {
            let mut fields = Fields(std::mem::take(known));
            values.record(&mut fields);
            *known = fields.0;
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        for span in cx
            .event_scope(event)
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(SpanFields(known)) = span.extensions().get() {
                fields.0.extend(known.clone());
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        (self.write)(&line(
            *metadata.level(),
            metadata.target(),
            SystemTime::now(),
            fields.0,
        ));
    }
}

fn line(level: Level, module: &str, at: SystemTime, mut fields: Map<String, Json>) -> Vec<u8> {
    let message = fields.remove("message").unwrap_or_default();
    let head = [
        ("@level", level.as_str().to_lowercase()),
        ("@message", message.as_str().unwrap_or_default().to_owned()),
        ("@module", module.replace("::", ".")),
        ("@timestamp", timestamp(at)),
    ];
    let head: Map<_, _> = head
        .into_iter()
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect();
    fields.extend(head.clone());
    let mut line = Json::from(fields).to_string();
    if line.len() > LONGEST_LINE_BYTES {
        line = Json::from(head).to_string();
    }
    line.push('\n');
    line.into_bytes()
}

/// RFC 3339 in UTC with six digits, the only form Terraform takes.
fn timestamp(at: SystemTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // Only a year of more than four digits is an error.
    OffsetDateTime::from(at).format(form).unwrap_or_default()
}

/// Collects fields as JSON.
struct Fields(Map<String, Json>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Json>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, shown(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, shown(&format!("{value:?}")));
    }
}

/// The text without secrets, and not too long.
fn shown(text: &str) -> String {
    let mut text = redact(text).into_owned();
    if text.len() > LONGEST_TEXT_BYTES {
        let end = (0..=LONGEST_TEXT_BYTES)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{Arc, Mutex},
        time::{Duration, UNIX_EPOCH},
    };

    fn logged(work: impl FnOnce()) -> Vec<Json> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let layer = Hclog {
            write: move |line: &[u8]| sink.lock().unwrap().push(line.to_vec()),
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let lines = lines.lock().unwrap();
        assert!(
            lines
                .iter()
                .all(|line| line.ends_with(b"\n") && line.len() <= 64 << 10)
        );
        lines
            .iter()
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn fields_of_spans_and_events_are_keys() {
        let lines = logged(|| {
            let _outer = tracing::info_span!("rpc", tf_rpc = "Stop", tf_req_id = 1_u64).entered();
            let _inner = tracing::info_span!("step", step = 2).entered();
            tracing::warn!(host = "m1", "step {} of {}", 2, 3);
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line["@level"], "warn");
        assert_eq!(line["@message"], "step 2 of 3");
        assert_eq!(
            (&line["tf_rpc"], &line["step"], &line["host"]),
            (&"Stop".into(), &2.into(), &"m1".into())
        );
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "ü".repeat(LONGEST_TEXT_BYTES);
        let lines = logged(|| {
            tracing::info!(%long, "short");
            tracing::info!(a = %long, b = %long, c = %long, d = %long, "{long}");
        });
        assert!(lines[0]["long"].as_str().unwrap().len() < 17 << 10);
        assert!(lines[1].get("a").is_none());
    }

    #[test]
    fn what_looks_like_a_key_is_not_logged() {
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----";
        let lines = logged(|| {
            let _span = tracing::info_span!("rpc", key).entered();
            tracing::info!(path = %key, debug = ?Some(key), "cannot open {key}");
        });
        let line = lines[0].to_string();
        assert_eq!(line.matches("(secret)").count(), 4, "{line}");
        assert!(!line.contains("MC4C"), "{line}");
    }

    #[test]
    fn nobody_forges_the_head() {
        let lines = logged(|| tracing::info!("@level" = 5, "fine"));
        assert_eq!(lines[0]["@level"], "info");
    }

    #[test]
    fn timestamps_have_the_one_form() {
        let at = |seconds, micros: u32| timestamp(UNIX_EPOCH + Duration::new(seconds, micros * 1000));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_400, 1), "2000-02-29T00:00:00.000001Z");
        assert_eq!(at(1_798_761_599, 999_999), "2026-12-31T23:59:59.999999Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }
}
