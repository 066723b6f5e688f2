//! The eight calls that disclose something.

use super::world::marked;
use crate::support::{Client, default_slot, override_slot};
use tonic::{Response, Status, Streaming};
use waxseal_proto::v1::{self, Stage};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    RevealDefault,
    RevealOverride,
    RevealOld,
    Resolve,
    ResolveSome,
    Render,
    WatchFirst,
    WatchLater,
}

pub const CALLS: [Call; 8] = [
    Call::RevealDefault,
    Call::RevealOverride,
    Call::RevealOld,
    Call::Resolve,
    Call::ResolveSome,
    Call::Render,
    Call::WatchFirst,
    Call::WatchLater,
];

/// A builder with the grant, and an agent.
#[derive(Clone)]
pub struct Callers {
    pub builder: Client,
    pub runtime: Client,
}

pub type Views = Streaming<v1::WatchEnvironmentResponse>;

impl Call {
    pub const fn action(self) -> &'static str {
        match self {
            Self::RevealDefault | Self::RevealOverride | Self::RevealOld => "RevealSecretValue",
            Self::Resolve => "ResolveEnvironment",
            Self::ResolveSome => "ResolveSecrets",
            Self::Render => "RenderTemplates",
            Self::WatchFirst | Self::WatchLater => "WatchEnvironment",
        }
    }

    /// What has to be there before.
    pub async fn begin(self, callers: &Callers) -> Option<Views> {
        if self != Self::WatchLater {
            return None;
        }
        let mut views = watch(callers).await.unwrap();
        views.message().await.unwrap().unwrap();
        Some(views)
    }

    /// Makes the call; it is an error, or something was disclosed.
    pub async fn make(self, callers: &Callers, views: &mut Option<Views>) -> Result<(), Status> {
        self.change(callers).await;
        self.ask(callers, views).await
    }

    /// What a stream is to speak of.
    pub async fn change(self, callers: &Callers) {
        if self == Self::WatchLater {
            let live = override_slot("staging", Stage::Live);
            let value = marked(&uuid::Uuid::new_v4().to_string());
            callers.builder.set("demo", "KEY", live, &value).await.unwrap();
        }
    }

    /// What [`Self::make`] does after the change.
    pub async fn ask(self, callers: &Callers, views: &mut Option<Views>) -> Result<(), Status> {
        let (builder, live) = (&callers.builder, override_slot("staging", Stage::Live));
        let name = "projects/demo/environments/staging".to_owned();
        match self {
            Self::RevealDefault => builder.reveal("demo", "KEY", default_slot()).await.map(drop),
            Self::RevealOverride => builder.reveal("demo", "KEY", live).await.map(drop),
            Self::RevealOld => {
                builder.reveal_version("demo", "KEY", default_slot(), 1).await.map(drop)
            }
            Self::Resolve => {
                callers.runtime.resolve("demo", "staging", Stage::Live).await.map(drop)
            }
            Self::ResolveSome => {
                let runtime = &callers.runtime;
                let some = runtime.resolve_named("demo", "staging", Stage::Live, &["KEY"], false);
                some.await.map(drop)
            }
            Self::Render => {
                let template = v1::Template {
                    id: "t".to_owned(),
                    text: "{secret:KEY}".to_owned(),
                    context: v1::RenderContext::Text.into(),
                };
                let request = v1::RenderTemplatesRequest {
                    name,
                    stage: Stage::Live.into(),
                    templates: vec![template],
                    ..Default::default()
                };
                callers.runtime.runtime.clone().render_templates(request).await.map(drop)
            }
            Self::WatchFirst => watch(callers).await?.message().await.map(drop),
            Self::WatchLater => match views.as_mut().unwrap().message().await? {
                Some(_) => Ok(()),
                None => panic!("a stream that ends says why"),
            },
        }
    }
}

pub async fn watch(callers: &Callers) -> Result<Views, Status> {
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/staging".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    callers.runtime.runtime.clone().watch_environment(request).await.map(Response::into_inner)
}
