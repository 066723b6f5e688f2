//! kill -9 while values are disclosed: whoever received something is on record, whether the process
//! died before a record was written, after it, or in between.

use super::calls::{CALLS, Call, Callers};
use super::world::{PATIENCE, World};
use crate::support::binary::{Serving, command};
use crate::support::{Client, Setup};
use std::process::Stdio;
use std::time::Duration;
use waxseal_domain::caller::Role;

const ROUNDS: u64 = 4;

fn serve(setup: &Setup) -> Serving {
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--audit-window", "0"]);
    command.arg("--data-dir").arg(setup.data_dir());
    Serving::start(command.stderr(Stdio::inherit()))
}

/// Makes one call again and again until the server is gone, and says how often it was answered.
async fn ask(call: Call, callers: Callers) -> i64 {
    // A task of its own: the server may be gone in the middle of what has to be there before.
    let (begun, beginning) = (callers.clone(), call);
    let begun = tokio::spawn(async move { beginning.begin(&begun).await }).await;
    let Ok(mut views) = begun else { return 0 };
    // The first view of a stream is an answer, too.
    let mut answered = i64::from(views.is_some());
    loop {
        let callers = callers.clone();
        let made = tokio::spawn(async move {
            let made = call.make(&callers, &mut views).await;
            (made.is_ok(), views)
        });
        let Ok((true, kept)) = made.await else { return answered };
        views = kept;
        answered += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_received_something_is_on_record() {
    let world = World::sqlite().await;
    let builder = world.server.token(Role::Builder, true, "deployment").await;
    let runtime = world.server.token(Role::Runtime, false, "deployment").await;
    let (setup, _) = world.stop().await;
    let mut answered = [0; CALLS.len()];
    for round in 0..ROUNDS {
        let mut serving = serve(&setup);
        let url = serving.url();
        let mut tasks = Vec::new();
        for call in CALLS {
            let callers = Callers {
                builder: Client::connect(&url, &builder).await,
                runtime: Client::connect(&url, &runtime).await,
            };
            tasks.push(tokio::spawn(ask(call, callers)));
        }
        // Not a condition that is waited for: the moment is to be any.
        tokio::time::sleep(Duration::from_millis(300 + 137 * round)).await;
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        for (count, task) in answered.iter_mut().zip(tasks) {
            *count += tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
        }
    }
    // What was shown is at most what is on record, and the chains hold.
    let world = World::around(setup.start().await, None).await;
    for action in [
        "RevealSecretValue",
        "ResolveEnvironment",
        "ResolveSecrets",
        "RenderTemplates",
        "WatchEnvironment",
    ] {
        let of = CALLS.iter().zip(answered).filter(|(call, _)| call.action() == action);
        let shown: i64 = of.map(|(_, count)| count).sum();
        let recorded = world.count(action, "ok").await;
        assert!(shown > 0, "{action}: the rounds are too short to say anything");
        assert!(shown <= recorded, "{action}: {shown} were shown and {recorded} recorded");
    }
    world.until_signed().await;
}
