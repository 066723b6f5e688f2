//! Races between servers, caches and the database, one by one.
//!
//! | race | here | below |
//! | --- | --- | --- |
//! | a late fill after a write | `cache` | |
//! | an invalidation that is lost | `store` | `storage`: `nothing_is_missed_while_the_feed_was_away` |
//! | Redis with an older content | `cache` | |
//! | a stampede | `cache` | `watch`: `many_streams_cost_one_fill` |
//! | reading one's writes elsewhere | `super::together` | |
//! | revisions given again after a restore | `store` | `storage`: `a_head_that_went_back_stops_the_store` |
//! | a revoked token that is remembered | `rights` | |
//! | another thing under an old name | `store` | |
//! | forged content of Redis | `forged` | |
//! | an answer to another question | `cache` | |
//! | a writer that commits late | `store` | `storage`: `a_writer_that_began_early_and_commits_late_is_not_missed` |
//! | clocks that jump | `time` | |
//! | a crash right after a commit | `store` | |
//! | two schemas in one Redis | `forged` | `cache`: `names_are_readable_and_hold_the_whole_key` |
//! | a database that takes no writes | `store` | |
//! | a process that stands still | `time` | |

mod cache;
mod forged;
mod rights;
mod store;
mod time;
