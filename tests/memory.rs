//! What is left in the memory of a server after values have passed through it.

mod scan;

use crate::canary;
use crate::support::binary::{Serving, first_token, waxseal};
use crate::support::{Client, Setup, default_slot, override_slot};
use scan::{Memory, patiently};
use std::process::{Command, Stdio};
use waxseal_proto::v1::{RenderContext, Stage, Visibility};

const SECRETS: usize = 20;
const RESOLVES: usize = 2_000;
const OTHERS: usize = 200;

/// Drawn for each run, so that it is nowhere else, and longer than any block of a cipher or hash.
fn marker() -> String {
    let random = || uuid::Uuid::new_v4().simple().to_string();
    format!("MARK{}{}", random(), random())
}

/// The real binary, in such a way that this process may look into its memory: as root, or else as
/// the root of a user namespace that this process owns.
fn serving(setup: &Setup) -> Serving {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(waxseal())
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--"]).arg(waxseal());
        command
    };
    command
        .env_clear()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(setup.data_dir())
        .stderr(Stdio::null());
    Serving::start(&mut command)
}

/// Every value holds the marker once, so the marker is in memory as often as values are.
///
/// A view in the cache holds each of its values in plaintext, by design: a warm resolve decrypts
/// nothing. So what is looked for is told apart by where it may be: while two views of twenty
/// secrets are cached, there are exactly forty copies; after other values have taken the place of
/// these, in the store and in the cached views, there are none. All that the values have passed
/// through in between, two thousand times and more, is in the count: buffers of connections,
/// messages, rendered texts, the stack.
///
/// Connections are closed before it is counted: what a caller sent last may lie in the buffer of
/// its connection for as long as that is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn no_value_is_left_in_memory_but_in_the_views_that_are_cached() {
    let marker = marker();
    let setup = Setup::sqlite();
    let serving = serving(&setup);
    let admin = first_token(&setup.data_dir());
    let builder = canary::create_token(&setup, "builder", &["--reveal"]);
    let runtime = canary::create_token(&setup, "runtime", &[]);
    let memory = Memory::of(serving.child.id());
    let connect = async |token: &str| Client::connect(&serving.url(), token).await;

    {
        let (admin, builder) = (connect(&admin).await, connect(&builder).await);
        let runtime = connect(&runtime).await;
        admin.create_project("demo").await.unwrap();
        let value = |number: usize| format!("{marker}-{number}");
        for number in 0..SECRETS {
            let (name, value) = (format!("SECRET_{number}"), value(number));
            let made = builder.create_secret("demo", &name, Visibility::Masked, Some(&value));
            made.await.unwrap();
        }
        for number in 0..OTHERS {
            let name = format!("SECRET_{}", number % SECRETS);
            builder.set("demo", &name, default_slot(), &value(number)).await.unwrap();
            builder.reveal("demo", &name, default_slot()).await.unwrap();
            let text = format!("{{secret:{name}}} twice {{secret:{name}}}");
            let rendered = runtime.render(&text, RenderContext::Text, &[]);
            rendered.await.unwrap();
        }
        for number in 0..RESOLVES {
            let stage = [Stage::Live, Stage::Draft][number % 2];
            let view = runtime.resolve("demo", "main", stage).await.unwrap();
            assert_eq!(view.secrets.len(), SECRETS);
        }
    }
    let left = patiently(async || memory.count(&marker), |count| count == 2 * SECRETS).await;
    assert_eq!(left, 2 * SECRETS, "copies besides the two views that are cached");

    {
        let (builder, runtime) = (connect(&builder).await, connect(&runtime).await);
        for number in 0..SECRETS {
            let name = format!("SECRET_{number}");
            builder.set("demo", &name, default_slot(), "another").await.unwrap();
            let slot = override_slot("main", Stage::Live);
            builder.set("demo", &name, slot, "another one").await.unwrap();
        }
        for stage in [Stage::Live, Stage::Draft] {
            runtime.resolve("demo", "main", stage).await.unwrap();
        }
    }
    let left = patiently(async || memory.count(&marker), |count| count == 0).await;
    assert_eq!(left, 0, "copies of values that are in no view any more");
}
