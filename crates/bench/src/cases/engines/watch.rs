//! One change, and many streams that watch.

use super::{Engines, On};
use crate::Fault;
use crate::call::Caller;
use crate::cases::Bench;
use crate::latency::Latency;
use crate::report::Fanout;
use crate::seed::Waxseal;
use bytes::{Buf as _, Bytes, BytesMut};
use h2::RecvStream;
use prost::Message as _;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use waxseal_proto::v1::WatchEnvironmentResponse;
use waxseal_proto::v1::secret_payload::Payload;

pub(super) const NAME: &str = "watch_fanout";

const PROJECT: &str = "watched";
const SECRET: &str = "S0";
/// Streams of one connection.
const SHARE: usize = 100;
/// Between two writes.
const PACE: Duration = Duration::from_millis(100);

pub(super) async fn run(bench: &mut Bench<'_>, engines: &mut Engines) -> Result<(), Fault> {
    if !bench.options.wants(NAME) {
        return Ok(());
    }
    let (count, writes) = if bench.options.quick { (200, 15) } else { (1_000, 100) };
    let database = engines.database("watched").await?;
    let view_cache = 64 << 20;
    let on = On { database: &database, through: None, redis: true, kms: true, view_cache };
    let waxseal = engines.server(bench, on).await?;
    waxseal.project(PROJECT, 1, 1, 64).await?;

    // What the writes cost where nobody watches, which is no part of an event's cost.
    let before = waxseal.running.cpu()?;
    write(&waxseal, 0..writes).await?;
    let alone = waxseal.running.cpu()? - before;

    let empty = waxseal.running.memory()?;
    let (events, mut seen) = mpsc::unbounded_channel();
    let call = waxseal.watch(PROJECT);
    for _ in 0..count / SHARE {
        let connection = Caller::connect(waxseal.running.address, &call).await?;
        for number in 0..SHARE {
            let stream = connection.beside(number).begin().await?;
            let events = events.clone();
            tokio::spawn(async move { read(Messages::new(stream), &events).await });
        }
    }
    drop(events);
    // The first message of each is the view as it stands.
    for _ in 0..count {
        seen.recv().await.ok_or("a stream has ended")??;
    }
    let memory = waxseal.running.memory()?.saturating_sub(empty);

    let (cpu, start) = (waxseal.running.cpu()?, Instant::now());
    let begun = write(&waxseal, writes..2 * writes).await?;
    let mut latency = Latency::new()?;
    let (mut arrived, mut last) = (0_u32, 0);
    // A stream may pass over a view that is superseded while it waits, but not over the last.
    while last < count {
        let (number, at) = tokio::time::timeout(Duration::from_secs(10), seen.recv())
            .await?
            .ok_or("a stream has ended")??;
        let Some(write) = number.checked_sub(writes) else { continue };
        latency.record(at - *begun.get(write).ok_or("nobody wrote that")?);
        arrived += 1;
        last += usize::from(write + 1 == writes);
    }
    let of_events = (waxseal.running.cpu()? - cpu).saturating_sub(alone);
    bench.report.note("\nOne write every 100 ms, watched\n");
    bench.report.fanout(
        NAME,
        &Fanout {
            streams: count,
            events: arrived,
            events_per_s: f64::from(arrived) / start.elapsed().as_secs_f64(),
            cpu_us: of_events.as_secs_f64() * 1e6 / f64::from(arrived),
            memory: memory as f64 / count as f64,
            latency,
        },
    );
    Ok(())
}

/// Writes these numbers, one at each turn; gives when each write began.
async fn write(waxseal: &Waxseal, numbers: std::ops::Range<usize>) -> Result<Vec<Instant>, Fault> {
    let mut begun = Vec::new();
    let mut turns = tokio::time::interval(PACE);
    for number in numbers {
        turns.tick().await;
        begun.push(Instant::now());
        waxseal.set(PROJECT, SECRET, number.to_string()).await?;
    }
    Ok(begun)
}

type Event = Result<(usize, Instant), Fault>;

/// Reports the number in each view, and when it came, until the stream ends.
async fn read(mut messages: Messages, events: &mpsc::UnboundedSender<Event>) {
    loop {
        let number = async { number(&messages.next().await?) }.await;
        let failed = number.is_err();
        // Nobody listens any more when all is measured.
        if events.send(number.map(|number| (number, Instant::now()))).is_err() || failed {
            return;
        }
    }
}

fn number(message: &[u8]) -> Result<usize, Fault> {
    let view = WatchEnvironmentResponse::decode(message)?;
    let payload = view.secrets.first().and_then(|secret| secret.payload.as_ref());
    match payload.and_then(|payload| payload.payload.as_ref()) {
        Some(Payload::Text(text)) => Ok(text.parse()?),
        _ => Err("a view without its secret".into()),
    }
}

/// The messages of a stream.
struct Messages {
    stream: RecvStream,
    read: BytesMut,
}

impl Messages {
    fn new(stream: RecvStream) -> Self {
        Self { stream, read: BytesMut::new() }
    }

    async fn next(&mut self) -> Result<Bytes, Fault> {
        loop {
            if let Some(message) = take(&mut self.read) {
                return Ok(message);
            }
            let piece = self.stream.data().await.ok_or("a stream has ended")??;
            self.stream.flow_control().release_capacity(piece.len())?;
            self.read.extend_from_slice(&piece);
        }
    }
}

/// The first message, once it is whole.
fn take(read: &mut BytesMut) -> Option<Bytes> {
    const FRAME: usize = 5;
    let [_, length @ ..] = read.first_chunk::<FRAME>()?;
    let whole = FRAME + u32::from_be_bytes(*length) as usize;
    if read.len() < whole {
        return None;
    }
    let mut message = read.split_to(whole);
    message.advance(FRAME);
    Some(message.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::framed;

    #[test]
    fn messages_are_taken_when_they_are_whole() {
        let sent = [framed(b"one"), framed(b""), framed(b"three")].concat();
        let (mut read, mut taken) = (BytesMut::new(), Vec::new());
        for byte in sent {
            read.extend_from_slice(&[byte]);
            taken.extend(take(&mut read));
        }
        assert_eq!(taken, [&b"one"[..], b"", b"three"]);
    }
}
