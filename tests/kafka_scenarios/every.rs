//! The list of all scenarios.

/// Calls a macro with the name of every scenario.
macro_rules! for_every_scenario {
    ($test:ident) => {
        $test!(the_claim_lands_where_the_proven_read_ended);
        $test!(a_dropped_producer_leaves_nothing_visible_and_the_next_claim_lands_at_the_end);
        $test!(the_older_of_two_writers_is_superseded_and_told_by_whom);
        $test!(a_parked_writer_comes_back_after_a_release);
        $test!(a_record_of_somebody_else_between_read_and_send_stops_the_commit);
        $test!(a_claim_key_without_a_claim_stops_the_writer);
        $test!(a_record_to_a_topic_that_is_not_there_is_not_lost_silently);
        $test!(racing_writers_never_commit_a_sequence_twice);

        $test!(a_commit_shows_the_records_of_all_topics);
        $test!(an_aborted_record_is_there_for_read_uncommitted_only);
        $test!(a_writer_fenced_while_it_decides_commits_nothing);
        $test!(a_writer_fenced_before_it_commits_is_told_so);
        $test!(init_ends_the_open_transaction_that_hides_the_end);
        $test!(a_transaction_without_its_producer_is_timed_out);
        $test!(an_open_transaction_of_somebody_else_makes_a_read_time_out_and_never_short);

        $test!(a_commit_whose_reply_is_lost_stands_whatever_the_writer_is_told);
        $test!(a_commit_that_never_arrives_in_time_is_an_error_and_is_aborted);
        $test!(a_record_of_which_nothing_is_heard_is_an_error_and_is_aborted);
        $test!(what_is_asked_for_again_because_its_reply_was_lost_happens_once);

        $test!(a_log_that_ends_with_an_aborted_transaction_is_read_to_its_end);
        $test!(an_emptied_topic_begins_and_ends_behind_what_it_held);
        $test!(records_deleted_before_they_were_read_are_an_error);
        $test!(records_deleted_after_they_were_read_are_an_error_of_a_state_topic);
        $test!(a_recreated_state_topic_is_an_error);
        $test!(a_deleted_state_topic_is_an_error);
        $test!(a_reader_behind_the_end_of_a_partition_never_reads_as_at_the_end);
        $test!(a_record_that_the_fold_refuses_is_offered_again);
        $test!(where_the_fold_takes_no_more_reading_stops_and_goes_on_there_later);
    };
}
