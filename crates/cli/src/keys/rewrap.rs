//! `waxseal keys rewrap`

use crate::failure::Failure;
use crate::options::{Flags, Format, ServerOptions};
use crate::session::{Session, Verb};
use crate::{json, output, progress, words};
use indicatif::ProgressBar;
use waxseal_proto::v1::{self, FailedDataKey, KeyPurpose, RewrapFailure};

/// Moves every data key to the active wrapping key. Values, revisions and running agents are not
/// touched.
///
/// It can be interrupted and started again at any point. With --output json there is a line for
/// every page of data keys. It takes the token of a keyholder of the deployment.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal keys rewrap --token-file keyholder.token")]
pub(super) struct Rewrap {
    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Rewrap {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let request = v1::RewrapDataKeysRequest {};
        let call = session
            .client
            .open(request, async |caller, request| caller.keys().rewrap_data_keys(request).await);
        let mut stream = call.await?;
        let mut bar = ProgressBar::hidden();
        let mut last = None;
        loop {
            let told = stream.message().await.map_err(|status| session.client.refused(status))?;
            let Some(told) = told else { break };
            match session.format {
                Format::Json => output::print(&json::line(&told)?)?,
                Format::Table if last.is_none() => bar = progress::bar(count(told.total)),
                Format::Table => {}
            }
            bar.set_length(told.total.unsigned_abs());
            bar.set_position((told.done + told.skipped + told.failed).unsigned_abs());
            bar.set_message(rate(&told));
            last = Some(told);
        }
        bar.finish_and_clear();
        // A stream that ends well has said so.
        let last = last.filter(|told| told.finished).ok_or(Failure::Damaged)?;
        if session.format == Format::Table {
            output::print(&told(&last))?;
        }
        match last.failed {
            0 => Ok(()),
            failed => Err(Failure::KeysLeft { failed: failed.unsigned_abs() }),
        }
    }
}

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

fn rate(told: &v1::RewrapDataKeysResponse) -> String {
    let left = told.eta.as_ref().map(|eta| format!(", {} s left", eta.seconds));
    format!("{:.0} a second{}", told.keys_per_second, left.unwrap_or_default())
}

fn told(last: &v1::RewrapDataKeysResponse) -> String {
    let v1::RewrapDataKeysResponse { key_id, total, done, skipped, failed, failures, .. } = last;
    let mut text = match total {
        0 => format!("every data key is under {key_id} already\n"),
        _ => format!("{done} of {total} data keys are now under {key_id}\n"),
    };
    if *skipped > 0 {
        text += &format!("{skipped} were changed by others meanwhile\n");
    }
    for failure in failures {
        text += &format!("not rewrapped: {}\n", place(failure));
    }
    let named = i64::try_from(failures.len()).unwrap_or_default();
    if *failed > named {
        text += &format!("and {} more\n", failed - named);
    }
    text
}

/// Where a data key stands, by identities: its names would have to be looked up.
fn place(failed: &FailedDataKey) -> String {
    let FailedDataKey { project_uid, secret_uid, environment_uid, version, key_id, .. } = failed;
    let of = match failed.purpose() {
        KeyPurpose::Unspecified => "a data key".to_owned(),
        KeyPurpose::Service => "the deployment's own key".to_owned(),
        KeyPurpose::Audit => "the key that signs the audit trail".to_owned(),
        KeyPurpose::Integrity => format!("the integrity key of project {project_uid}"),
        KeyPurpose::Fingerprint => format!("the fingerprint key of project {project_uid}"),
        KeyPurpose::Value if environment_uid.is_empty() => {
            format!("version {version} of the default of secret {secret_uid}")
        }
        KeyPurpose::Value => format!(
            "version {version} of the override of secret {secret_uid} in environment \
             {environment_uid}, {}",
            words::stage(failed.stage())
        ),
    };
    let why = match failed.reason() {
        RewrapFailure::Unspecified => "for an unknown reason",
        RewrapFailure::Tampered => "it was damaged or tampered with",
        RewrapFailure::Unconfigured => "the server does not know that wrapping key",
        RewrapFailure::Revoked => "that wrapping key is disabled or deleted",
        RewrapFailure::Denied => "the use of that wrapping key is denied",
    };
    format!("{of}, under {key_id}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_by_place_and_reason_and_the_others_are_counted() {
        let failure = FailedDataKey {
            purpose: KeyPurpose::Value.into(),
            reason: RewrapFailure::Revoked.into(),
            key_id: "old".to_owned(),
            secret_uid: "s".to_owned(),
            version: 3,
            ..Default::default()
        };
        let last = v1::RewrapDataKeysResponse {
            key_id: "new".to_owned(),
            total: 9,
            done: 5,
            skipped: 1,
            failed: 3,
            failures: vec![failure],
            ..Default::default()
        };
        assert_eq!(
            told(&last),
            "5 of 9 data keys are now under new\n1 were changed by others meanwhile\nnot rewrapped: \
             version 3 of the default of secret s, under old: that wrapping key is disabled or \
             deleted\nand 2 more\n"
        );
    }
}
