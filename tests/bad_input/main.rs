//! Malformed input of every kind, judged from the outside: never a panic, never an event, always a reason.

mod cloud;
mod mutations;
mod tally;

use tally::Tally;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_700_malformed_inputs_and_more_each_gives_a_reason_and_none_an_event() {
    let mut tally = Tally::default();
    cloud::run(&mut tally).await;
    println!("{tally}");
    tally.is_clean();
    assert!(tally.total() >= 700, "only {} inputs were tried", tally.total());
}
