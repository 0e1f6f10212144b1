//! A TCP proxy of the tests' own between the binary and one service, whose way is switched at run time.
//!
//! It counts what it does to whom: a test has to show that its fault did strike. A proxy to Kafka knows the frames of
//! its protocol, for two reasons: brokers tell their clients where to go on, so in their replies the broker's address is
//! replaced by the proxy's; and the reply (or the request) of one kind of call can be lost.

mod frames;
mod link;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

pub(crate) use frames::Call;
use frames::Speech;

/// What happens to the bytes from now on, also on connections that stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nobody listens, and connections that stand are reset.
    Refused,
    /// Connections, also new ones, are reset.
    Cut,
    /// Nothing arrives and nobody is told. What is under way arrives once the way is open again, as with packets that
    /// are sent again and again.
    Silent,
    /// Only what goes to the service is held.
    NoRequests,
    /// Only what comes from the service is held: it does what it is asked, and nobody hears of it.
    NoReplies,
    /// Each piece comes that much later, and no more than so many bytes a second.
    Slow {
        latency: Duration,
        bytes_per_second: usize,
    },
}

impl Way {
    fn is_reset(self) -> bool {
        matches!(self, Self::Refused | Self::Cut)
    }

    fn holds(self, direction: Direction) -> bool {
        match self {
            Self::Silent => true,
            Self::NoRequests => direction == Direction::ToService,
            Self::NoReplies => direction == Direction::FromService,
            Self::Open | Self::Refused | Self::Cut | Self::Slow { .. } => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToService,
    FromService,
}

/// What is lost once, and what the way is from then on.
#[derive(Debug, Clone, Copy)]
struct Loss {
    call: Call,
    direction: Direction,
    then: Way,
}

/// What the proxy has done so far.
#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    reset: AtomicU64,
    held: AtomicU64,
    slowed: AtomicU64,
    lost: AtomicU64,
    bytes: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

struct Shared {
    upstream: SocketAddr,
    port: u16,
    speech: Speech,
    way: watch::Sender<Way>,
    loss: Mutex<Option<Loss>>,
    counts: Counts,
}

/// A way to one service. It ends with the test's runtime.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    /// Bound and deaf: keeps the port while nobody listens on it.
    _holder: TcpSocket,
}

impl Proxy {
    /// To a service that speaks HTTP, or anything else that names no addresses.
    pub(crate) fn to(upstream: &str) -> Self {
        Self::start(upstream, Speech::Plain)
    }

    /// To a broker at `host:port`, as it calls itself.
    pub(crate) fn to_kafka(upstream: &str) -> Self {
        Self::start(upstream, Speech::Kafka)
    }

    fn start(upstream: &str, speech: Speech) -> Self {
        let upstream = upstream.parse().unwrap_or_else(|_| panic!("{upstream:?} is no IP address and port"));
        let holder = bound(0);
        let port = holder.local_addr().unwrap().port();
        let (way, _) = watch::channel(Way::Open);
        let (loss, counts) = (Mutex::new(None), Counts::default());
        let shared = Arc::new(Shared { upstream, port, speech, way, loss, counts });
        tokio::spawn(listen(Arc::clone(&shared), listener(port)));
        Self { shared, _holder: holder }
    }

    /// `host:port` of the proxy itself.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.shared.port)
    }

    pub(crate) fn set(&self, way: Way) {
        self.shared.way.send_replace(way);
    }

    /// The next request of this kind reaches the broker; its reply is lost, and the way is then `then`.
    pub(crate) fn lose_reply(&self, call: Call, then: Way) {
        self.lose(Loss { call, direction: Direction::FromService, then });
    }

    /// The next request of this kind never reaches the broker, and the way is then `then`.
    pub(crate) fn lose_request(&self, call: Call, then: Way) {
        self.lose(Loss { call, direction: Direction::ToService, then });
    }

    fn lose(&self, loss: Loss) {
        *self.shared.loss.lock().unwrap() = Some(loss);
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.counts.connections.load(Ordering::Relaxed)
    }

    /// How often the way was felt: connections reset, pieces held, slowed and lost.
    pub(crate) fn struck(&self) -> u64 {
        let Counts { reset, held, slowed, lost, .. } = &self.shared.counts;
        [reset, held, slowed, lost].iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
    }

    /// Requests and replies that [`Proxy::lose_reply`] and [`Proxy::lose_request`] took.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.counts.lost.load(Ordering::Relaxed)
    }

    /// Bytes that were passed on, both ways together.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.counts.bytes.load(Ordering::Relaxed)
    }
}

/// A socket on a port that it may share.
fn bound(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).unwrap();
    socket
}

fn listener(port: u16) -> TcpListener {
    bound(port).listen(128).unwrap()
}

async fn listen(shared: Arc<Shared>, mut listener: TcpListener) {
    let mut way = shared.way.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(link::link(Arc::clone(&shared), client));
                }
            }
            () = until(&mut way, |way| way == Way::Refused) => {
                drop(listener);
                count(&shared.counts.reset);
                until(&mut way, |way| way != Way::Refused).await;
                listener = self::listener(shared.port);
            }
        }
    }
}

/// Waits until the way is such; [`Shared`] keeps its other end, so there always is one.
async fn until(way: &mut watch::Receiver<Way>, is_such: impl Fn(Way) -> bool) {
    way.wait_for(|way| is_such(*way)).await.ok();
}

/// Ends a connection with RST, so that nobody waits for more.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    stream.set_zero_linger().ok();
}
