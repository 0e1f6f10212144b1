//! The built binary as a child process: one run for cron, or a daemon that is watched from the outside.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Nothing that is waited for takes this long, unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Exit codes of the product, as documented.
pub(crate) const COMPLETE: i32 = 0;
pub(crate) const PARTIAL: i32 = 3;
pub(crate) const UNAVAILABLE: i32 = 69;
pub(crate) const REFUSED: i32 = 77;

/// Looks until there is something to see; `what` is for the one who reads why the test failed.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        sleep(LOOK_EVERY).await;
    }
}

/// What a finished run left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Runs to the end.
    pub(crate) async fn of(mut command: Command) -> Self {
        let output = timeout(PATIENCE * 2, command.output()).await.expect("the run ends").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The run must have ended with `code`.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The run must have said all of these on standard error.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in: {}", self.stderr);
        }
        self
    }

    /// The last line on standard output.
    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// A running daemon. It is killed with the test, if the test does not end it.
pub(crate) struct Daemon {
    child: Child,
    log: watch::Receiver<Vec<String>>,
    http: reqwest::Client,
}

impl Daemon {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (lines, log) = watch::channel(Vec::new());
        tokio::spawn(collect(child.stderr.take().unwrap(), lines));
        Self { child, log, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) async fn logs(&mut self, text: &str) -> String {
        self.logs_from(0, text).await
    }

    /// Waits for a line with `text` that is yet to come.
    pub(crate) async fn next_logs(&mut self, text: &str) -> String {
        let lines = self.log.borrow().len();
        self.logs_from(lines, text).await
    }

    async fn logs_from(&mut self, first: usize, text: &str) -> String {
        let find = |log: &Vec<String>| log.iter().skip(first).find(|line| line.contains(text)).cloned();
        let waited = timeout(PATIENCE, self.log.wait_for(|log| find(log).is_some())).await;
        let seen = waited.map(|log| log.ok().and_then(|log| find(&log)));
        match seen {
            Ok(Some(line)) => line,
            Ok(None) => panic!("the daemon ended before it logged {text:?}; its log:\n{}", self.log()),
            Err(_) => panic!("waited {PATIENCE:?} in vain for {text:?}; the log:\n{}", self.log()),
        }
    }

    /// Looks until there is something to see, as long as the daemon lives.
    async fn eventually<T>(&mut self, what: &str, mut look: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look(self).await {
                return seen;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended ({ended:?}) before {what}; its log:\n{}", self.log());
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}; its log:\n{}", self.log());
            sleep(LOOK_EVERY).await;
        }
    }

    /// Status and body of a page of the health listener.
    pub(crate) async fn page(&mut self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.address().await);
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Where it takes requests.
    pub(crate) async fn admin(&mut self) -> String {
        self.listens("serving requests").await
    }

    /// Waits until `/readyz` answers `status` with a text that contains `text`.
    pub(crate) async fn readyz(&mut self, status: u16, text: &str) -> String {
        self.page("/readyz").await;
        let address = self.address().await;
        self.eventually(&format!("{status} {text:?} from /readyz"), async |daemon| {
            let answer = daemon.http.get(format!("{address}/readyz")).send().await.ok()?;
            let found = answer.status().as_u16();
            let body = answer.text().await.ok()?;
            (found == status && body.contains(text)).then_some(body)
        })
        .await
    }

    /// Waits until it owns the account.
    pub(crate) async fn is_ready(&mut self) {
        self.readyz(200, "").await;
    }

    /// Waits for `count` more syncs that began after this call. With `outcome`, only those count.
    pub(crate) async fn syncs(&mut self, count: u64, outcome: &str) {
        let address = self.address().await;
        // One may be under way already.
        let wanted = count_of(&self.metrics().await, outcome) + count + 1;
        self.eventually(&format!("{wanted} {outcome} syncs"), async |daemon| {
            let answer = daemon.http.get(format!("{address}/metrics")).send().await.ok()?;
            (count_of(&answer.text().await.ok()?, outcome) >= wanted).then_some(())
        })
        .await;
    }

    pub(crate) async fn metrics(&mut self) -> String {
        let (status, body) = self.page("/metrics").await;
        assert_eq!(status, 200);
        body
    }

    /// Where it serves metrics and health.
    pub(crate) async fn address(&mut self) -> String {
        self.listens("serving /metrics").await
    }

    async fn listens(&mut self, says: &str) -> String {
        let line: Value = serde_json::from_str(&self.logs(says).await).unwrap();
        format!("{}://{}", line["scheme"].as_str().unwrap(), line["address"].as_str().unwrap())
    }

    /// SIGKILL: it can do nothing any more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGSTOP: it does nothing until [`Daemon::wake`], and nobody is told.
    pub(crate) async fn pause(&self) {
        self.signal("-STOP").await;
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub(crate) async fn wake(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, String) {
        self.signal("-TERM").await;
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let Ok(status) = ended else { panic!("it did not end within {PATIENCE:?}; its log:\n{}", self.log()) };
        (status.unwrap(), self.log())
    }
}

async fn collect(stderr: impl AsyncRead + Unpin, log: watch::Sender<Vec<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.send_modify(|log| log.push(line));
    }
}

/// Syncs that ended with `outcome`, as the metrics count them.
fn count_of(metrics: &str, outcome: &str) -> u64 {
    let series = format!("ramstream_syncs_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)).and_then(|count| count.parse().ok()).unwrap_or(0)
}
