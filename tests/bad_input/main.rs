//! Malformed input of every kind, judged from the outside: never a panic, never an event, always a reason.

mod avro;
mod checker;
mod cloud;
mod configuration;
mod control;
mod documents;
#[path = "../secrets/forms.rs"]
mod forms;
mod memory;
mod mutations;
mod requests;
mod seeds;
mod state;
mod tally;

use tally::Tally;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_700_malformed_answers_and_more_each_gives_a_reason_and_none_an_event() {
    let mut tally = Tally::default();
    cloud::run(&mut tally).await;
    let peak = memory::peak_bytes();
    println!("{tally}\nat most {} MiB were needed at a time", peak >> 20);
    tally.is_clean();
    assert!(tally.total() >= 700, "only {} answers were tried", tally.total());
    // Twelve syncs at a time; each bomb alone would take twice as much.
    assert!(peak < 512 << 20, "{} MiB were needed at a time", peak >> 20);
}

#[tokio::test]
async fn of_1000_malformed_records_and_settings_and_more_each_gives_a_reason() {
    let (_, state_records) = cloud::well_formed().await;
    let mut tally = Tally::default();
    state::run(&mut tally, &state_records);
    configuration::run(&mut tally);
    checker::run(&mut tally, &state_records);
    control::run(&mut tally);
    requests::run(&mut tally);
    documents::run(&mut tally);
    println!("{tally}");
    tally.is_clean();
    assert!(tally.total() >= 1000, "only {} inputs were tried", tally.total());
}
