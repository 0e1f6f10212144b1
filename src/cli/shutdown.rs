//! Signals: the first asks for an orderly end, the second ends at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Exit;

/// A token that SIGTERM or SIGINT cancels. A second signal exits without waiting for anything: whatever is under way in
/// Kafka is then aborted by the next start.
///
/// # Errors
/// If the signals cannot be caught.
pub fn on_signals() -> io::Result<CancellationToken> {
    catch(|first| info!(signal = first, "shutting down; a second signal ends at once"))
}

/// As [`on_signals`], for a command of which nobody has to be told that it ends when it is asked to.
pub(super) fn on_signals_quietly() -> io::Result<CancellationToken> {
    catch(|_| {})
}

fn catch(tell: impl FnOnce(&'static str) + Send + 'static) -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let next = async move || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    #[expect(clippy::disallowed_methods, reason = "who asks twice does not want to wait for an orderly end")]
    tokio::spawn(obey(next, token.clone(), tell, || std::process::exit(Exit::Failed as i32)));
    Ok(token)
}

async fn obey(
    mut next: impl AsyncFnMut() -> &'static str,
    token: CancellationToken,
    tell: impl FnOnce(&'static str),
    at_once: impl FnOnce(),
) {
    tell(next().await);
    token.cancel();
    let second = next().await;
    warn!(signal = second, "second signal, ending at once");
    at_once();
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};
    use tokio_util::sync::CancellationToken;

    use super::obey;

    #[tokio::test]
    async fn the_first_signal_asks_and_only_the_second_ends_at_once() {
        let (send, mut receive) = mpsc::unbounded_channel();
        let (ended, mut end) = oneshot::channel();
        let token = CancellationToken::new();
        let next = async move || receive.recv().await.expect("the test sends");
        let obeying = tokio::spawn(obey(next, token.clone(), |_| {}, || ended.send(()).expect("the test waits")));
        assert!(!token.is_cancelled());
        send.send("SIGTERM").expect("it listens");
        token.cancelled().await;
        assert!(end.try_recv().is_err());
        send.send("SIGINT").expect("it listens");
        end.await.expect("it ends at once");
        obeying.await.expect("no panic");
    }
}
