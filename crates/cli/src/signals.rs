//! SIGTERM and SIGINT: the first one asks, the second one does not. SIGHUP and SIGXFSZ end no server.

use crate::failure::Failure;
use std::future::Future;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Done when the first signal comes. The second one ends the process at once, with the exit code
/// that shells give to one that died of it.
///
/// From the call on, neither signal kills the process by itself.
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signals)?;
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        next(&mut terminate, &mut interrupt).await;
        let _ = tell.send(());
        let second = next(&mut terminate, &mut interrupt).await;
        std::process::exit(128 + second.as_raw_value());
    });
    Ok(async {
        // The sender is dropped only together with the runtime.
        let _ = told.await;
    })
}

/// SIGHUP, which from the call on does not end the process: of a server it asks for files to be read
/// again.
pub(crate) fn hangup() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(Failure::Signals)
}

/// From the call on, a file that reaches the limit of file sizes (`ulimit -f`) fails the write, as a
/// full disk does, and does not end the process.
pub(crate) fn file_too_large() -> Result<(), Failure> {
    let limit = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    signal(limit).map(drop).map_err(Failure::Signals)
}

/// Done when any signal comes by which a person or a system ends or suspends what is on a terminal.
///
/// From the call on, none of them does so by itself: the terminal is put in order first.
pub(crate) fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let suspend = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
    let on = |kind| signal(kind).map_err(Failure::Signals);
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    let mut hangup = on(SignalKind::hangup())?;
    let mut quit = on(SignalKind::quit())?;
    let mut suspend = on(suspend)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
            _ = suspend.recv() => {}
        }
    })
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
