//! Reads and writes that are under way while something else is done.

use crate::support::client::{Answer, shown};
use crate::support::texts::template;
use crate::support::{Client, Server, override_slot, refused};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, RenderContext, Stage, Visibility};

/// A call that has read what there is, and is held where it asks for its first key.
async fn held<T: Send + 'static>(
    server: &Server,
    call: impl Future<Output = Answer<T>> + Send + 'static,
) -> (JoinHandle<Answer<T>>, oneshot::Sender<()>) {
    let release = server.hold_next_key();
    let call = tokio::spawn(call);
    let waiting = async {
        while server.waiting_for_keys() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it asks for a key");
    (call, release)
}

/// What an agent reads, in the three ways there are.
#[derive(Clone, Copy, Debug)]
enum Read {
    Whole,
    Named,
    Rendered,
}

impl Read {
    const ALL: [Self; 3] = [Self::Whole, Self::Named, Self::Rendered];

    /// The value of a secret; `None` where a view does not have it.
    async fn call(self, runtime: Client, name: &str) -> Answer<Option<String>> {
        let value = |secrets: Vec<v1::ResolvedSecret>| {
            let mut found = secrets.iter().filter(|secret| secret.secret == name);
            found.next().map(|secret| shown(secret.payload.as_ref()).to_owned())
        };
        match self {
            Self::Whole => {
                let view = runtime.resolve("demo", "main", Stage::Live).await?;
                Ok(value(view.secrets))
            }
            Self::Named => {
                let live = ("demo", "main", Stage::Live);
                let some = runtime.resolve_named(live.0, live.1, live.2, &[name], false).await?;
                Ok(value(some.secrets))
            }
            Self::Rendered => {
                let templates = vec![template(&format!("{{secret:{name}}}"), RenderContext::Text)];
                let live = ("main", Stage::Live);
                let answer = runtime.render_all("demo", live, templates, &[]).await?;
                Ok(Some(shown(answer.rendered[0].payload.as_ref()).to_owned()))
            }
        }
    }

    /// That a secret is not there.
    async fn finds_nothing(self, runtime: &Client, name: &str) {
        match self.call(runtime.clone(), name).await {
            Ok(found) => assert_eq!(found, None, "{self:?}"),
            refusal => refused(refusal).is(Code::NotFound, "SECRET_NOT_FOUND"),
        }
    }
}

/// A server that remembers no key, with one secret.
async fn cold() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let server = server.stop().await.start().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    (server, admin, runtime)
}

fn read(read: Read, runtime: &Client) -> impl Future<Output = Answer<Option<String>>> + use<> {
    let runtime = runtime.clone();
    async move { read.call(runtime, "KEY").await }
}

/// An answer that was under way shows the moment that it read, or is refused; the next one shows
/// what is.
#[tokio::test]
async fn a_read_that_was_overtaken_by_a_deletion_leaves_nothing_behind() {
    for under_way in Read::ALL {
        for purged in [false, true] {
            let (server, admin, runtime) = cold().await;
            let (call, release) = held(&server, read(under_way, &runtime)).await;
            admin.delete_secret("demo", "KEY").await.unwrap();
            if purged {
                admin.purge("demo", "KEY").await.unwrap();
            }
            for next in Read::ALL {
                next.finds_nothing(&runtime, "KEY").await;
            }
            drop(release);
            match call.await.unwrap() {
                Ok(found) => assert!(found.is_none_or(|value| value == "value")),
                refusal => refused(refusal).is(Code::NotFound, "SECRET_NOT_FOUND"),
            }
            for next in Read::ALL {
                next.finds_nothing(&runtime, "KEY").await;
            }
        }
    }
}

#[tokio::test]
async fn a_read_that_was_overtaken_by_the_end_of_its_environment_or_project_leaves_nothing() {
    for under_way in Read::ALL {
        for project in [false, true] {
            let (server, admin, runtime) = cold().await;
            let view = {
                let runtime = runtime.clone();
                async move {
                    match under_way {
                        Read::Whole => {
                            runtime.resolve("demo", "staging", Stage::Live).await.map(drop)
                        }
                        Read::Named => {
                            let (live, key) = (Stage::Live, ["KEY"]);
                            let some = runtime.resolve_named("demo", "staging", live, &key, false);
                            some.await.map(drop)
                        }
                        Read::Rendered => {
                            let of = vec![template("{secret:KEY}", RenderContext::Text)];
                            let live = ("staging", Stage::Live);
                            runtime.render_all("demo", live, of, &[]).await.map(drop)
                        }
                    }
                }
            };
            let (call, release) = held(&server, view).await;
            if project {
                admin.delete_project("demo").await.unwrap();
            } else {
                admin.delete_environment("demo", "staging", false).await.unwrap();
            }
            drop(release);
            let reason = if project { "PROJECT_NOT_FOUND" } else { "ENVIRONMENT_NOT_FOUND" };
            if let Err(status) = call.await.unwrap() {
                refused(Err::<(), _>(status)).is(Code::NotFound, reason);
            }
            let next = runtime.resolve("demo", "staging", Stage::Live).await;
            refused(next).is(Code::NotFound, reason);
        }
    }
}

#[tokio::test]
async fn a_read_that_was_overtaken_by_a_rename_finds_its_secret() {
    for under_way in Read::ALL {
        let (server, admin, runtime) = cold().await;
        let (call, release) = held(&server, read(under_way, &runtime)).await;
        admin.rename("demo", "KEY", "NEW").await.unwrap();
        drop(release);
        let found = call.await.unwrap().unwrap();
        match under_way {
            // A whole view has the one name or the other, as it was read before or after.
            Read::Whole => assert!(found.is_none_or(|value| value == "value")),
            Read::Named | Read::Rendered => assert_eq!(found.as_deref(), Some("value")),
        }
        for next in [Read::Named, Read::Rendered] {
            for name in ["KEY", "NEW"] {
                let found = next.call(runtime.clone(), name).await.unwrap();
                assert_eq!(found.as_deref(), Some("value"), "{next:?} of {name}");
            }
        }
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        let names: Vec<_> = view.secrets.iter().map(|secret| secret.secret.as_str()).collect();
        assert_eq!(names, ["NEW"]);
    }
}

/// Agents go on by whichever name they know, while a secret is renamed to and fro.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_agent_misses_a_secret_that_is_renamed_again_and_again() {
    const RENAMES: usize = 60;
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "A", Visibility::Masked, Some("value")).await.unwrap();
    admin.rename("demo", "A", "B").await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicUsize::new(0));
    let agents = Read::ALL.into_iter().flat_map(|read| ["A", "B"].map(|name| (read, name)));
    let agents: Vec<_> = agents
        .map(|(read, name)| {
            let (runtime, done, reads) = (runtime.clone(), done.clone(), reads.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    match read {
                        Read::Whole => {
                            let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
                            assert_eq!(view.secrets.len(), 1, "the one name or the other");
                        }
                        _ => {
                            let found = read.call(runtime.clone(), name).await.unwrap();
                            assert_eq!(found.as_deref(), Some("value"), "{read:?} of {name}");
                        }
                    }
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for number in 0..RENAMES {
        let (from, to) = if number % 2 == 0 { ("B", "A") } else { ("A", "B") };
        admin.rename("demo", from, to).await.unwrap();
    }
    while reads.load(Ordering::SeqCst) < RENAMES {
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    for agent in agents {
        agent.await.unwrap();
    }
}

#[tokio::test]
async fn a_clone_made_while_an_override_is_written_has_none() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    let write = {
        let admin = admin.clone();
        let slot = override_slot("main", Stage::Live);
        async move { admin.set("demo", "KEY", slot, "override").await }
    };
    let (write, release) = held(&server, write).await;
    let before = admin.clone_environment("demo", "main", "before", "").await.unwrap();
    assert_eq!(before.overrides_not_copied, [], "it was not written yet");
    drop(release);
    write.await.unwrap().unwrap();
    let after = admin.clone_environment("demo", "main", "after", "").await.unwrap();
    let listed: Vec<_> = after
        .overrides_not_copied
        .iter()
        .map(|not_copied| (not_copied.secret.as_str(), not_copied.stage()))
        .collect();
    assert_eq!(listed, [("KEY", Stage::Live)]);
    for (environment, value) in [("main", "override"), ("before", "default"), ("after", "default")]
    {
        let view = runtime.resolve("demo", environment, Stage::Live).await.unwrap();
        assert_eq!(shown(view.secrets[0].payload.as_ref()), value, "{environment}");
    }
}

/// However writes and clones fall together: a clone has no override, and what it says was not
/// copied are overrides that a reader of the source finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_clone_has_an_override_however_many_are_being_written() {
    const CLONES: usize = 7;
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let names: Vec<_> = (0..40).map(|number| format!("KEY_{number:02}")).collect();
    for name in &names {
        admin.create_secret("demo", name, Visibility::Restricted, Some("default")).await.unwrap();
    }
    let writers = [Stage::Draft, Stage::Live].map(|stage| {
        let (admin, names) = (admin.clone(), names.clone());
        tokio::spawn(async move {
            for name in names {
                let slot = override_slot("main", stage);
                admin.set("demo", &name, slot, "override").await.unwrap();
            }
        })
    });
    let mut seen = BTreeSet::new();
    for number in 0..CLONES {
        let id = format!("clone-{number}");
        let clone = admin.clone_environment("demo", "main", &id, "").await.unwrap();
        let listed: BTreeSet<_> = clone
            .overrides_not_copied
            .into_iter()
            .map(|not_copied| (not_copied.secret.clone(), not_copied.stage))
            .collect();
        assert!(listed.is_superset(&seen), "what was written before is not forgotten");
        seen = listed;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let runtime = server.client(Role::Runtime, false, "deployment").await;
    for number in 0..CLONES {
        for stage in [Stage::Draft, Stage::Live] {
            let id = format!("clone-{number}");
            let view = runtime.resolve("demo", &id, stage).await.unwrap();
            assert_eq!(view.secrets.len(), names.len());
            let defaults =
                |secret: &v1::ResolvedSecret| shown(secret.payload.as_ref()) == "default";
            assert!(view.secrets.iter().all(defaults), "{id} {stage:?}");
            assert_eq!(admin.overrides("demo", &id, stage).await.unwrap(), []);
        }
    }
}
