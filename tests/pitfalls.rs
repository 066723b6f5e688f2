//! What servers made with the same libraries have got wrong before, each with the tests that would
//! notice it here. That there is such a test is itself tested.
//!
//! Versions below which a library has one of these faults are refused by `.ci/floors`.

use std::path::Path;

/// A pitfall, and tests by their files and names.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

/// Of serving gRPC.
const SERVING: &[Row] = &[
    (
        "a connection's greatest age with a grace drops it without a word: streams have an age of \
         their own, and connections end by being told to go away",
        &[
            ("watch/ends.rs", "its_greatest_age"),
            ("drain.rs", "a_connection_that_is_told_to_go_away_is_served_to_its_end"),
        ],
    ),
    (
        "a stop never ends with an open stream, a silent peer, or one that acknowledges nothing",
        &[
            ("process/stop.rs", "it_ends_with_open_streams_of_health"),
            (
                "process/stop.rs",
                "it_ends_with_connections_that_never_said_anything_or_stopped_in_the_middle",
            ),
            ("process/stop.rs", "a_call_that_never_ends_is_cut_off"),
            ("drain.rs", "no_call_fails_while_servers_are_restarted_in_turn"),
        ],
    ),
    (
        "the listener stays open during a stop, and new clients hang",
        &[("process/stop.rs", "nobody_new_is_let_in_during_a_stop_and_a_second_signal_ends_it")],
    ),
    (
        "a deadline comes back as CANCELLED, bounds no stream, and is ignored where it is malformed",
        &[
            ("deadlines.rs", "no_call_takes_longer_than_the_server_allows"),
            ("deadlines.rs", "a_stream_ends_at_its_callers_deadline"),
            ("frames/headers.rs", "timeouts_that_are_none"),
        ],
    ),
    (
        "a handler is dropped in the middle of a change when its caller goes away",
        &[
            ("concurrency/abandoned.rs", "what_an_absent_caller_asked_for_is_done_once"),
            (
                "deadlines.rs",
                "a_change_that_is_late_is_made_all_the_same_and_takes_a_place_until_then",
            ),
        ],
    ),
    (
        "a message that is too large is OUT_OF_RANGE",
        &[("frames/messages.rs", "frames_that_are_none"), ("limits.rs", "a_message_has_2_mib")],
    ),
    (
        "a panic is CANCELLED to the caller, and its text is in the log",
        &[("frames/panics.rs", "a_call_and_a_change"), ("frames/panics.rs", "a_stream")],
    ),
    (
        "a connection says nothing about how many calls it carries, and all together have no limit",
        &[
            ("overload/streams.rs", "a_connection_carries_two_hundred_and_says_so"),
            ("overload.rs", "the_last_places_are_for_running_applications_and_health"),
            ("overload.rs", "one_principal_gets_half_and_the_others_what_is_left"),
        ],
    ),
    (
        "rights are asked by a path that is read otherwise than the router reads it",
        &[
            ("frames/paths.rs", "only_the_exact_path_of_a_method_is_one"),
            ("frames/paths.rs", "a_path_without_a_slash_is_no_path"),
            ("rights.rs", "the_table_of_rights_is_the_golden_one"),
        ],
    ),
    (
        "health is SERVING from its creation",
        &[(
            "process/standard.rs",
            "health_is_serving_for_the_whole_and_for_each_service_until_a_stop",
        )],
    ),
    (
        "an open stream of health delays a stop",
        &[("process/stop.rs", "it_ends_with_open_streams_of_health")],
    ),
    (
        "older clients know reflection v1alpha alone",
        &[("external.rs", "a_stranger_finds_everything_by_reflection")],
    ),
    (
        "a foreign error's own text reaches the caller, and its code is UNKNOWN",
        &[("errors/reasons.rs", "every_reason_is_given_by_some_call")],
    ),
    (
        "what is printed of a request holds its token and its message",
        &[("canary/printed.rs", "no_message_prints_a_value")],
    ),
    (
        "a compressed message is taken however large it becomes",
        &[("frames/paths.rs", "what_is_no_grpc_is_told_so")],
    ),
    (
        "connections are without number, and one that does not begin stays for ever",
        &[
            ("transport/connections.rs", "an_address_has_its_share_of_the_connections"),
            ("transport/connections.rs", "a_place_is_given_back_however_a_connection_ends"),
            ("transport/protocol.rs", "whoever_does_not_begin_is_cut_after_ten_seconds"),
        ],
    ),
    (
        "without a file descriptor left, connections are accepted in a loop that burns a core",
        &[("transport/connections.rs", "a_server_without_files_waits_for_some")],
    ),
    (
        "certificates are read once, and a broken file ends the server",
        &[
            ("transport/reload.rs", "no_handshake_fails_while_certificates_change"),
            ("transport/reload.rs", "files_that_are_of_no_use_leave_everything_as_it_was"),
        ],
    ),
    (
        "what a client asked for runs on when it is gone",
        &[
            (
                "deadlines.rs",
                "what_a_late_call_asked_the_database_is_cancelled_and_its_connection_thrown_away",
            ),
            ("overload/streams.rs", "one_that_has_ended_makes_room"),
        ],
    ),
];

/// Of the engines and their clients.
const ENGINES: &[Row] = &[
    (
        "a statement that nobody waits for runs on, and whoever borrows its connection waits for it",
        &[(
            "deadlines.rs",
            "what_a_late_call_asked_the_database_is_cancelled_and_its_connection_thrown_away",
        )],
    ),
    (
        "a cache that is silent or away is waited for, at the start and in a call",
        &[("faults/redis.rs", "it_is_silent"), ("faults/redis.rs", "it_refuses")],
    ),
    (
        "calls of the key service have no limit in time, and hold connections meanwhile",
        &[
            ("kms/deadlines.rs", "no_call_takes_longer_than_its_caller_gives_it"),
            ("kms/deadlines.rs", "nobody_holds_a_connection_while_the_key_service_hangs"),
            ("kms/failures.rs", "what_fails_twice_is_tried_a_third_time"),
        ],
    ),
];

/// Of watching.
const WATCHING: &[Row] = &[
    ("from nothing", &[("watch.rs", "a_view_comes_at_once_and_whole_and_again_when_it_changes")]),
    ("from where another ended", &[("watch.rs", "a_stream_is_taken_up_where_another_ended")]),
    ("from elsewhere", &[("watch.rs", "a_revision_of_another_project_matches_nothing")]),
    (
        "from a revision of the future",
        &[
            ("revisions/foreign.rs", "the_revision_after_the_current_one_stands_for_no_view"),
            ("revisions/foreign.rs", "a_revision_of_the_future_stands_for_no_view"),
        ],
    ),
    (
        "from a revision of long ago",
        &[("revisions/foreign.rs", "no_revision_is_too_old_to_go_on_from")],
    ),
    (
        "from another incarnation",
        &[("revisions/foreign.rs", "a_revision_of_another_incarnation_stands_for_no_view")],
    ),
    (
        "from a token that is none",
        &[("watch/ends.rs", "what_is_wrong_from_the_start_is_no_stream")],
    ),
    ("the 1,001st stream", &[("overload/streams.rs", "a_principal_has_a_thousand")]),
    ("a consumer that never reads", &[("watch/ends.rs", "a_reader_that_takes_nothing")]),
    ("one that hardly reads", &[("watch/ends.rs", "a_reader_that_takes_a_few_bytes_a_second")]),
    ("the project is deleted", &[("watch/ends.rs", "a_project_or_an_environment_that_is_deleted")]),
    (
        "the right ends",
        &[(
            "access/ended.rs",
            "whoever_lost_a_right_is_refused_from_the_answer_on_and_their_streams_end",
        )],
    ),
    ("the token expires", &[("watch/ends.rs", "a_token_that_expires")]),
    ("the server stops", &[("watch/ends.rs", "a_stopping_server")]),
    (
        "many small changes, which peers cut off as an attack if each were a message",
        &[("watch.rs", "changes_arrive_in_order_and_the_last_one_always")],
    ),
    ("the caller's deadline", &[("deadlines.rs", "a_stream_ends_at_its_callers_deadline")]),
];

#[test]
fn every_pitfall_has_its_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (pitfall, covered) in SERVING.iter().chain(ENGINES).chain(WATCHING) {
        assert!(!covered.is_empty(), "{pitfall}");
        for (file, name) in *covered {
            let text = std::fs::read_to_string(tests.join(file));
            let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
            let (before, _) = text
                .split_once(&format!("fn {name}("))
                .unwrap_or_else(|| panic!("{pitfall}: {file} has no {name}"));
            // The attribute stands on the line before.
            let last = before.trim_end_matches("async ").trim_end().lines().last();
            let attribute = |line: &str| {
                ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|a| line.starts_with(a))
            };
            assert!(last.is_some_and(attribute), "{file}: {name} is no test");
        }
    }
}
