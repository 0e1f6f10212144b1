//! Services that answer each caller by a script of its own, byte for byte: also with what is no HTTP.
//!
//! Callers are told apart by their AccessKeyId, so that one address serves hundreds of cases at a time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A call, as far as scripts look at it.
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) parameters: HashMap<String, String>,
    /// How many calls of this action this caller made before.
    pub(crate) earlier: usize,
}

impl Call {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// Bytes for the connection, and whether it ends behind them.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then_ends: bool,
}

impl Says {
    /// A whole reply.
    pub(crate) fn reply(status: &str, headers: &[&str], body: &[u8]) -> Self {
        let date = "Date: Thu, 01 Jan 2026 12:00:00 GMT\r\n";
        let given = |name: &str| headers.iter().any(|header| header.to_ascii_lowercase().starts_with(name));
        let mut head = format!("HTTP/1.1 {status}\r\nx-acs-request-id: R-1\r\n");
        if !given("date") {
            head.push_str(date);
        }
        if !given("content-length") && !given("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Self { bytes: [head.as_bytes(), body].concat(), then_ends: false }
    }

    /// A reply that says 200.
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::reply("200 OK", &[], body.as_ref())
    }

    /// Any bytes, and the end of the connection.
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then_ends: true }
    }
}

/// What a caller is told.
pub(crate) type Script = Arc<dyn Fn(&Call) -> Says + Send + Sync>;

type Callers = Arc<Mutex<HashMap<String, (Script, HashMap<String, usize>)>>>;

/// Running services. They end with the runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    callers: Callers,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self { address: listener.local_addr().expect("an address"), callers: Callers::default() };
        let callers = Arc::clone(&server.callers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&callers)));
            }
        });
        server
    }

    /// Answers the caller with this AccessKeyId by `script`.
    pub(crate) fn script(&self, access_key_id: &str, script: Script) {
        lock(&self.callers).insert(access_key_id.to_owned(), (script, HashMap::new()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests have no body, so each ends with its head.
async fn serve(mut stream: TcpStream, callers: Callers) {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&chunk[..count]),
        }
        while let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = read.drain(..end + 4).collect();
            let says = answer(&String::from_utf8_lossy(&head), &callers);
            // A client that has seen enough goes away.
            if stream.write_all(&says.bytes).await.is_err() || says.then_ends {
                return;
            }
        }
    }
}

fn answer(head: &str, callers: &Callers) -> Says {
    let target = head.split(' ').nth(1).unwrap_or("/");
    let url = Url::parse(&format!("http://localhost{target}")).expect("a target");
    let header = |name: &str| {
        let of_line =
            |line: &str| Some(line.split_once(": ").filter(|line| line.0.eq_ignore_ascii_case(name))?.1.to_owned());
        head.lines().find_map(of_line).unwrap_or_default()
    };
    let (action, authorization) = (header("x-acs-action"), header("authorization"));
    let caller = authorization.split(['=', ',']).nth(1).unwrap_or_default().to_owned();
    let mut callers = lock(callers);
    let (script, counts) = callers.get_mut(&caller).expect("the caller has a script");
    let count = counts.entry(action.clone()).or_default();
    let call = Call { action, parameters: url.query_pairs().into_owned().collect(), earlier: *count };
    *count += 1;
    let script = Arc::clone(script);
    drop(callers);
    script(&call)
}
