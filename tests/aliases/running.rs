//! Agents that run while secrets are renamed.

use super::{demo, named};
use crate::support::client::shown;
use crate::support::{Client, override_slot};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use waxseal_proto::v1::{self, RenderContext, Stage};

async fn rendered(runtime: &Client, text: &str) -> String {
    let request = v1::RenderTemplatesRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        templates: vec![v1::Template {
            text: text.to_owned(),
            context: RenderContext::Text.into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = runtime.runtime.clone().render_templates(request).await.unwrap().into_inner();
    shown(answer.rendered[0].payload.as_ref()).to_owned()
}

#[tokio::test]
async fn a_text_with_the_old_name_goes_on_to_be_rendered() {
    let (_server, builder, runtime) = demo().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    let text = "{secret:OLD}, {secret:NEW}, {secret:OTHER}";
    assert_eq!(rendered(&runtime, text).await, "override, override, OTHER");
}

#[tokio::test]
async fn they_go_on_by_the_name_they_know_whatever_happens() {
    const CHANGES: usize = 60;
    let (_server, builder, runtime) = demo().await;
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut agents = tokio::task::JoinSet::new();
    for number in 0..4 {
        let (runtime, over, asked) = (runtime.clone(), over.clone(), asked.clone());
        agents.spawn(async move {
            let mut last = 0;
            while !over.load(Ordering::SeqCst) {
                let (value, version) = if number == 0 {
                    (rendered(&runtime, "{secret:OLD}").await, last)
                } else {
                    let found = named(&runtime, &["OLD", "OTHER"]).await.unwrap();
                    let (_, value, _, version) =
                        found.into_iter().find(|entry| entry.0 == "OLD").unwrap();
                    (value, version)
                };
                assert!(value.starts_with("override"), "{value}");
                assert!(version >= last, "{version} after {last}");
                last = version;
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let names = ["OLD", "NEW", "old", "Newer"];
    let mut current = 0;
    for change in 0..CHANGES {
        let next = (current + 1 + change % 3) % names.len();
        builder.rename("demo", names[current], names[next]).await.unwrap();
        current = next;
        if change % 5 == 0 {
            let value = format!("override {change}");
            let live = override_slot("main", Stage::Live);
            builder.set("demo", names[current], live, &value).await.unwrap();
        }
        // Every change is met by somebody.
        let seen = asked.load(Ordering::SeqCst);
        while asked.load(Ordering::SeqCst) < seen + 2 && agents.len() == 4 {
            if let Some(ended) = agents.try_join_next() {
                ended.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::SeqCst);
    agents.join_all().await;
    assert!(asked.load(Ordering::SeqCst) >= CHANGES);
}

#[tokio::test]
async fn of_many_who_want_one_name_one_gets_it() {
    let (_server, builder, runtime) = demo().await;
    for number in 0..12 {
        let (name, value) = (format!("S_{number}"), format!("value {number}"));
        let made = builder.create_secret("demo", &name, v1::Visibility::Masked, Some(&value));
        made.await.unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let builder = builder.clone();
        let wanted = if number % 2 == 0 { "WANTED" } else { "wanted" };
        tasks.spawn(async move {
            let name = format!("S_{number}");
            let answer = builder.rename("demo", &name, wanted).await;
            answer.map(|_| (number, wanted))
        });
    }
    let answers = tasks.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 11));
    for answer in lost {
        crate::support::refused(answer).is(tonic::Code::AlreadyExists, "SECRET_EXISTS");
    }
    let (number, name) = won.into_iter().next().unwrap().unwrap();
    let (value, old) = (format!("value {number}"), format!("S_{number}"));
    for name in [name, &old] {
        assert_eq!(named(&runtime, &[name]).await.unwrap()[0].1, value);
    }
}
