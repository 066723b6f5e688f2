//! Which state of the project a rendering shows: one, and no older than was asked for.

use super::{LIVE, became, demo};
use crate::support::texts::template;
use crate::support::{default_slot, refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::{Code, Status};
use waxseal_proto::v1::consistency::{AtLeast, Bounded, Mode, Strong};
use waxseal_proto::v1::{self, RenderContext as C, Stage, Visibility};

fn request(mode: Option<Mode>) -> v1::RenderTemplatesRequest {
    v1::RenderTemplatesRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        consistency: Some(v1::Consistency { mode }),
        templates: vec![template("{secret:KEY}", C::Text)],
        ..Default::default()
    }
}

#[tokio::test]
async fn a_rendering_says_its_revision_and_keeps_to_the_one_asked_for() {
    let (server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("0")).await.unwrap();
    let render = async |mode| {
        let answer = runtime.runtime.clone().render_templates(request(mode)).await?.into_inner();
        Ok::<_, Status>((became(&answer.rendered[0]).0.to_owned(), answer.revision))
    };
    let at_least = |revision: &str| Some(Mode::AtLeast(AtLeast { revision: revision.to_owned() }));
    for number in 1..10 {
        let value = number.to_string();
        let written = builder.set("demo", "KEY", default_slot(), &value).await.unwrap();
        let max_staleness = Some(prost_types::Duration { seconds: 1, nanos: 0 });
        for mode in [
            None,
            Some(Mode::Strong(Strong {})),
            at_least(&written.revision),
            Some(Mode::Bounded(Bounded { max_staleness })),
        ] {
            let (text, revision) = render(mode).await.unwrap();
            assert_eq!((text, &revision), (value.clone(), &written.revision));
            render(at_least(&revision)).await.unwrap();
        }
    }

    let admin = server.admin().await;
    let create = v1::CreateProjectRequest { project_id: "other".to_owned(), ..Default::default() };
    let other = admin.projects.clone().create_project(create).await.unwrap().into_inner();
    let other = render(at_least(&other.revision)).await;
    refused(other).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    let field = "consistency.at_least.revision";
    refused(render(at_least("1")).await).is_about("INVALID_REVISION", field);
    let max_staleness = Some(prost_types::Duration { seconds: 1, nanos: 1 });
    let stale = render(Some(Mode::Bounded(Bounded { max_staleness }))).await;
    refused(stale).is_about("INVALID_FIELD", "consistency.bounded.max_staleness");
}

#[tokio::test]
async fn a_project_that_is_deleted_renders_nothing() {
    let (server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let render = async || runtime.runtime.clone().render_templates(request(None)).await;
    render().await.unwrap();
    let admin = server.admin().await;
    admin.delete_project("demo").await.unwrap();
    refused(render().await).is(Code::NotFound, "PROJECT_NOT_FOUND");
    admin.undelete_project("demo").await.unwrap();
    assert_eq!(became(&render().await.unwrap().into_inner().rendered[0]).0, "value");
}

#[tokio::test]
async fn a_warm_rendering_asks_the_key_provider_for_nothing_and_leaves_no_record() {
    let (server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Restricted, Some("value")).await.unwrap();
    let render = async || runtime.runtime.clone().render_templates(request(None)).await;
    render().await.unwrap();
    let before = server.key_operations();
    for _ in 0..10 {
        render().await.unwrap();
    }
    assert_eq!(server.key_operations(), before);
}

/// Two secrets that are always written together are never seen apart, within one template and
/// between a hundred of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_templates_of_a_call_show_one_state() {
    const WRITES: usize = 60;
    let (_server, builder, runtime) = demo().await;
    for name in ["A", "B"] {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let write = async |number: usize| {
        let value = number.to_string();
        let both = [("A", value.as_str()), ("B", value.as_str())];
        builder.batch_set("demo", "main", Stage::Live, &both).await.unwrap();
    };
    write(0).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..3).map(|_| {
        let (runtime, done) = (runtime.clone(), done.clone());
        tokio::spawn(async move {
            let templates: Vec<_> = ["{secret:A}", "{secret:B}"]
                .into_iter()
                .cycle()
                .take(100)
                .map(|text| template(text, C::Text))
                .collect();
            let mut last = 0;
            let mut seen = 0;
            while !done.load(Ordering::SeqCst) || seen == 0 {
                let answer =
                    runtime.render_all("demo", LIVE, templates.clone(), &[]).await.unwrap();
                let numbers: Vec<usize> =
                    answer.rendered.iter().map(|each| became(each).0.parse().unwrap()).collect();
                assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
                let versions: Vec<_> =
                    answer.rendered.iter().map(|each| each.used[0].version).collect();
                assert!(versions.iter().all(|version| *version == versions[0]));
                assert!(numbers[0] >= last, "{} after {last}", numbers[0]);
                last = numbers[0];
                seen += 1;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for number in 1..=WRITES {
        write(number).await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    let answer = runtime.render("{secret:A}{secret:B}", C::Text, &[]).await.unwrap();
    assert_eq!(became(&answer).0, format!("{WRITES}{WRITES}"));
}
