//! What a person sees while something takes its time.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tokio::time::Instant;

/// Shows on a terminal that something is going on, and for how long.
pub(super) async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let begun = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                eprint!("\r\x1b[2K");
                return done;
            }
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                eprint!("\r\x1b[2K{what} … {} s", begun.elapsed().as_secs());
            }
        }
    }
}
