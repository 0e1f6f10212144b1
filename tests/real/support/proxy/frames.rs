//! What passes as one piece: a chunk of anything, or one request or reply of Kafka's protocol.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt};

const CHUNK: usize = 16 << 10;

/// How a broker writes its own host in a reply; the port follows as INT32 (Metadata, FindCoordinator and
/// DescribeCluster in all their versions).
const HOST: &[u8] = b"127.0.0.1";

/// Calls of Kafka's protocol by their `api_key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Produce = 0,
    Fetch = 1,
    InitProducerId = 22,
    EndTxn = 26,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Plain,
    Kafka,
}

/// One connection's requests that wait for their reply: `correlation_id` → `api_key`.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<[u8; 4], i16>>);

impl Waiting {
    /// The `api_key` of a request, which is remembered.
    pub(super) fn request(&self, frame: &[u8]) -> Option<i16> {
        let (key, correlation) = (frame.get(4..6)?, frame.get(8..12)?);
        let key = i16::from_be_bytes(key.try_into().ok()?);
        self.0.lock().unwrap().insert(correlation.try_into().ok()?, key);
        Some(key)
    }

    /// The `api_key` of the request that a reply answers.
    pub(super) fn reply(&self, frame: &[u8]) -> Option<i16> {
        let correlation: [u8; 4] = frame.get(4..8)?.try_into().ok()?;
        self.0.lock().unwrap().remove(&correlation)
    }
}

/// The next piece; `None` at the end of the connection.
pub(super) async fn next(speech: Speech, from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    match speech {
        Speech::Plain => {
            let mut chunk = vec![0; CHUNK];
            let length = from.read(&mut chunk).await.ok()?;
            chunk.truncate(length);
            (length > 0).then_some(chunk)
        }
        Speech::Kafka => {
            let length = from.read_u32().await.ok()?;
            let mut frame = length.to_be_bytes().to_vec();
            frame.resize(4 + length as usize, 0);
            from.read_exact(&mut frame[4..]).await.ok()?;
            Some(frame)
        }
    }
}

/// Puts another port behind the broker's host, wherever the two stand together.
pub(super) fn readdress(frame: &mut [u8], from: u16, to: u16) {
    let address = |port: u16| [HOST, &u32::from(port).to_be_bytes()].concat();
    let (old, new) = (address(from), address(to));
    let mut at = 0;
    while at + old.len() <= frame.len() {
        if frame[at..].starts_with(&old) {
            frame[at..at + new.len()].copy_from_slice(&new);
        }
        at += 1;
    }
}
