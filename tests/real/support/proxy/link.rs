//! One connection through the proxy: two directions, until either ends or the way is reset.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::frames::{Call, Speech, Waiting, next, readdress};
use super::{Direction, Loss, Shared, Way, count, reset, until};

/// A slow way hands over what it may at this rate.
const STEP: Duration = Duration::from_millis(50);

pub(super) async fn link(shared: Arc<Shared>, mut client: TcpStream) {
    count(&shared.counts.connections);
    if shared.way.borrow().is_reset() {
        count(&shared.counts.reset);
        return reset(&client);
    }
    let Ok(mut service) = TcpStream::connect(shared.upstream).await else { return reset(&client) };
    for stream in [&client, &service] {
        stream.set_nodelay(true).ok();
    }
    let waiting = Waiting::default();
    let mut way = shared.way.subscribe();
    let was_reset = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_service, mut to_service) = service.split();
        tokio::select! {
            () = pump(&shared, Direction::ToService, &waiting, &mut from_client, &mut to_service) => false,
            () = pump(&shared, Direction::FromService, &waiting, &mut from_service, &mut to_client) => false,
            () = until(&mut way, Way::is_reset) => true,
        }
    };
    if was_reset {
        count(&shared.counts.reset);
        reset(&client);
        reset(&service);
    }
}

async fn pump(
    shared: &Shared,
    direction: Direction,
    waiting: &Waiting,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) {
    while let Some(mut piece) = next(shared.speech, from).await {
        if shared.speech == Speech::Kafka {
            let call = match direction {
                Direction::ToService => waiting.request(&piece),
                Direction::FromService => waiting.reply(&piece),
            };
            if let Some(then) = is_lost(shared, direction, call) {
                count(&shared.counts.lost);
                shared.way.send_replace(then);
                if then.holds(direction) {
                    continue;
                }
                return;
            }
            // What was fetched is data, not an address.
            if direction == Direction::FromService && call != Some(Call::Fetch as i16) {
                readdress(&mut piece, shared.upstream.port(), shared.port);
            }
        }
        if pass(shared, direction, &piece, to).await.is_err() {
            return;
        }
        shared.counts.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
}

/// The way from now on, if this piece is the one to be lost.
fn is_lost(shared: &Shared, direction: Direction, call: Option<i16>) -> Option<Way> {
    let mut loss = shared.loss.lock().unwrap();
    let fits = |loss: &mut Loss| loss.direction == direction && call == Some(loss.call as i16);
    loss.take_if(fits).map(|loss| loss.then)
}

/// Hands one piece over, as the way is.
async fn pass(
    shared: &Shared,
    direction: Direction,
    piece: &[u8],
    to: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let mut changes = shared.way.subscribe();
    if changes.borrow().holds(direction) {
        count(&shared.counts.held);
        until(&mut changes, |way| !way.holds(direction)).await;
    }
    let way = *changes.borrow();
    let Way::Slow { latency, bytes_per_second } = way else { return to.write_all(piece).await };
    count(&shared.counts.slowed);
    sleep(latency).await;
    let a_step = (bytes_per_second * STEP.as_millis() as usize / 1000).max(1);
    for part in piece.chunks(a_step) {
        to.write_all(part).await?;
        // Once the way is fast again, the rest goes at once.
        if *changes.borrow() == way {
            sleep(STEP).await;
        }
    }
    Ok(())
}
