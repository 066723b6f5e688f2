//! Key providers that fail, and data keys that cannot be opened.

use super::carried::many;
use super::world::{SMALL, active, keyholder, reads, rewrap, rewrapped, rotate, small, status};
use crate::support::Setup;
use crate::support::refusal::read;
use tonic::Code;
use waxseal_kms::Error;
use waxseal_proto::v1::{KeyPurpose, RewrapFailure};

async fn rotated() -> (Setup, String) {
    let setup = small().await.stop().await;
    let old = rotate(&setup);
    (setup, old)
}

#[tokio::test]
async fn a_damaged_data_key_is_named_and_the_others_go_on() {
    let (setup, old) = rotated().await;
    let damage = "UPDATE value SET wrapped_key = zeroblob(length(wrapped_key))
                  WHERE version = 1 AND secret = (SELECT uid FROM secret WHERE name = 'KEY')
                  AND stage = 0";
    assert_eq!(setup.database().execute(damage, []).unwrap(), 1);
    let server = setup.start().await;
    let last = rewrapped(&server).await;
    assert_eq!((last.total, last.done, last.failed), (SMALL, SMALL - 1, 1));
    let secret = server.builder().await.get_secret("demo", "KEY").await.unwrap();
    let project = server.admin().await.get_project("demo").await.unwrap();
    let [failure] = &last.failures[..] else { panic!("{:?}", last.failures) };
    assert_eq!(failure.purpose(), KeyPurpose::Value);
    assert_eq!(failure.reason(), RewrapFailure::Tampered);
    assert_eq!((&failure.key_id, &failure.project_uid), (&old, &project.uid));
    assert_eq!((&failure.secret_uid, failure.version), (&secret.uid, 1));
    assert_eq!((failure.environment_uid.as_str(), failure.stage), ("", 0));
    assert_eq!(status(&server).await.rewrap_due, 1);
    // It is tried again, and named again.
    let again = rewrapped(&server).await;
    assert_eq!((again.total, again.done, again.failed), (1, 0, 1));
}

#[tokio::test]
async fn a_data_key_under_a_key_that_nobody_configured_is_passed_over() {
    let (setup, _) = rotated().await;
    let other = "UPDATE project SET fingerprint_key_id = 'local:0000000000000000'";
    assert_eq!(setup.database().execute(other, []).unwrap(), 1);
    let server = setup.start().await;
    let last = rewrapped(&server).await;
    assert_eq!((last.done, last.failed), (SMALL - 1, 1));
    assert_eq!(last.failures[0].purpose(), KeyPurpose::Fingerprint);
    assert_eq!(last.failures[0].reason(), RewrapFailure::Unconfigured);
    assert_eq!(last.failures[0].key_id, "local:0000000000000000");
}

#[tokio::test]
async fn a_key_provider_that_is_away_for_a_moment_is_waited_for() {
    let (setup, _) = rotated().await;
    let key_id = active(&setup);
    for (call, error) in [
        (0, Error::Unavailable { key_id: key_id.clone() }),
        (1, Error::Throttled { key_id: key_id.clone() }),
        (4, Error::Unavailable { key_id: key_id.clone() }),
    ] {
        let server = setup.copied().start().await;
        let keyholder = keyholder(&server).await;
        server.fail_keys_after(call, 2, error);
        let last = rewrap(&keyholder).await.unwrap().pop().unwrap();
        assert_eq!((last.done, last.failed, last.finished), (SMALL, 0, true));
    }
}

#[tokio::test]
async fn an_outage_ends_it_with_a_reason_and_nothing_is_lost() {
    let (setup, _) = rotated().await;
    let server = setup.start().await;
    let key_id = status(&server).await.active_key_id;
    server.refuse_keys(Some(Error::Unavailable { key_id }));
    let status = rewrap(&keyholder(&server).await).await.unwrap_err();
    read(&status).is(Code::Unavailable, "KEY_UNAVAILABLE");
    server.refuse_keys(None);
    reads(&server).await;
    assert_eq!(rewrapped(&server).await.done, SMALL);
    reads(&server).await;
}

#[tokio::test]
async fn an_active_key_that_is_revoked_ends_it() {
    let (setup, _) = rotated().await;
    let server = setup.start().await;
    let key_id = status(&server).await.active_key_id;
    server.refuse_keys(Some(Error::Revoked { key_id }));
    let refused = rewrap(&keyholder(&server).await).await.unwrap_err();
    read(&refused).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
    server.refuse_keys(None);
    assert_eq!(status(&server).await.rewrap_due, SMALL);
}

#[tokio::test]
async fn a_key_provider_that_goes_away_for_good_ends_it_after_what_was_done() {
    let setup = many().await.stop().await;
    rotate(&setup);
    let key_id = active(&setup);
    for error in [Error::Unavailable { key_id: key_id.clone() }, Error::Revoked { key_id }] {
        let (code, left) = match error {
            Error::Unavailable { .. } => (Code::Unavailable, 14),
            _ => (Code::FailedPrecondition, 14),
        };
        let server = setup.copied().start().await;
        let keyholder = keyholder(&server).await;
        // One for the id of the active key, and a page.
        server.fail_keys_after(101, usize::MAX, error);
        let refused = rewrap(&keyholder).await.unwrap_err();
        read(&refused).is(code, "KEY_UNAVAILABLE");
        server.heal_keys();
        assert_eq!(status(&server).await.rewrap_due, left);
        assert_eq!(rewrapped(&server).await.done, left);
    }
}
