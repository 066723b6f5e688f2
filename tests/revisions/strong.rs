//! After every acknowledged write, every view is what a model of the rules says: hundreds of
//! random writes, and reads over another connection.

use crate::support::client::shown;
use crate::support::{Client, Server, default_slot, override_slot};
use std::collections::BTreeMap;
use waxseal_proto::v1::{self, Fallback, Origin, Stage, UnsetReason, Visibility};

const WRITES: usize = 600;
const SECRETS: [&str; 5] = ["A", "B", "C", "D", "E"];
const VIEWS: [(&str, Stage); 4] = [
    ("main", Stage::Draft),
    ("main", Stage::Live),
    ("staging", Stage::Draft),
    ("staging", Stage::Live),
];

/// Numbers that look random and are the same every time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// A slot: the highest version, and the value of the current one.
#[derive(Clone, Default)]
struct Slot {
    version: i64,
    value: Option<String>,
}

impl Slot {
    fn write(&mut self, value: Option<String>) -> i64 {
        self.version += 1;
        self.value = value;
        self.version
    }
}

#[derive(Clone, Default)]
struct Secret {
    deleted: bool,
    default: Slot,
    overrides: [Slot; VIEWS.len()],
}

impl Secret {
    fn slot(&mut self, view: Option<usize>) -> &mut Slot {
        match view {
            None => &mut self.default,
            Some(view) => &mut self.overrides[view],
        }
    }
}

/// What the project should be.
#[derive(Default)]
struct Model {
    secrets: BTreeMap<&'static str, Secret>,
    denies: BTreeMap<&'static str, bool>,
}

/// Secret; value, origin and version, or why there is none.
type Line = (String, Result<(String, Origin, i64), UnsetReason>);

impl Model {
    fn view(&self, index: usize) -> Vec<Line> {
        let denies = self.denies[VIEWS[index].0];
        let line = |secret: &Secret| {
            let (over, default) = (&secret.overrides[index], &secret.default);
            match (&over.value, &default.value) {
                (Some(value), _) => Ok((value.clone(), Origin::Override, over.version)),
                (None, None) => Err(UnsetReason::NoValue),
                (None, Some(_)) if denies => Err(UnsetReason::FallbackDenied),
                (None, Some(value)) => Ok((value.clone(), Origin::Default, default.version)),
            }
        };
        let standing = self.secrets.iter().filter(|(_, secret)| !secret.deleted);
        standing.map(|(name, secret)| ((*name).to_owned(), line(secret))).collect()
    }
}

fn lines(view: &v1::ResolveEnvironmentResponse) -> Vec<Line> {
    let values = view.secrets.iter().map(|entry| {
        let value = shown(entry.payload.as_ref()).to_owned();
        (entry.secret.clone(), Ok((value, entry.origin(), entry.version)))
    });
    let unset = view.unset.iter().map(|entry| (entry.secret.clone(), Err(entry.reason())));
    let mut lines: Vec<_> = values.chain(unset).collect();
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}

struct Writer {
    admin: Client,
    numbers: Numbers,
    model: Model,
}

impl Writer {
    /// Some write that the rules allow; `count` makes its values unlike all others.
    async fn write(&mut self, count: usize) {
        let Self { admin, numbers, model } = self;
        let name = SECRETS[numbers.below(SECRETS.len())];
        let view = numbers.below(VIEWS.len() + 1).checked_sub(1);
        let slot = match view {
            None => default_slot(),
            Some(view) => override_slot(VIEWS[view].0, VIEWS[view].1),
        };
        let secret = model.secrets.get_mut(name).unwrap();
        match numbers.below(20) {
            0 => {
                let (environment, _) = VIEWS[numbers.below(VIEWS.len())];
                let denies = model.denies.get_mut(environment).unwrap();
                *denies = !*denies;
                let fallback = if *denies { Fallback::Deny } else { Fallback::Allow };
                let settings = v1::Environment { fallback: fallback.into(), ..Default::default() };
                let paths = ["fallback"];
                admin.update_environment("demo", environment, settings, &paths).await.unwrap();
            }
            1 | 2 if secret.deleted => {
                secret.deleted = false;
                admin.undelete_secret("demo", name).await.unwrap();
            }
            1 => {
                secret.deleted = true;
                admin.delete_secret("demo", name).await.unwrap();
            }
            2..=4 => {
                let view = view.unwrap_or(0);
                let value = format!("batch {count}");
                let mut batch = Vec::new();
                for (name, secret) in &mut model.secrets {
                    if !secret.deleted {
                        batch.push((*name, value.as_str()));
                        secret.overrides[view].write(Some(value.clone()));
                    }
                }
                if !batch.is_empty() {
                    let (environment, stage) = VIEWS[view];
                    admin.batch_set("demo", environment, stage, &batch).await.unwrap();
                }
            }
            _ if secret.deleted => {}
            5..=8 if secret.slot(view).value.is_some() => {
                let version = secret.slot(view).write(None);
                assert_eq!(admin.clear("demo", name, slot).await.unwrap().version, version);
            }
            _ => {
                let value = format!("write {count}");
                let version = secret.slot(view).write(Some(value.clone()));
                assert_eq!(admin.set("demo", name, slot, &value).await.unwrap().version, version);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_view_is_right_after_each_of_hundreds_of_random_writes() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let mut model = Model::default();
    for name in SECRETS {
        admin.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
        model.secrets.insert(name, Secret::default());
    }
    model.denies = VIEWS.iter().map(|(environment, _)| (*environment, false)).collect();
    let mut writer = Writer { admin, numbers: Numbers(1), model };

    for count in 0..WRITES {
        writer.write(count).await;
        // Not all of them every time, so that some are read long after they were changed.
        for _ in 0..2 {
            let index = writer.numbers.below(VIEWS.len());
            let (environment, stage) = VIEWS[index];
            let view = runtime.resolve("demo", environment, stage).await.unwrap();
            let expected = writer.model.view(index);
            assert_eq!(lines(&view), expected, "write {count}, {environment} {stage:?}");
        }
    }
    // What is in the memory of the process is also what is stored.
    let server = server.stop().await.start().await;
    let runtime = server.runtime().await;
    for (index, (environment, stage)) in VIEWS.into_iter().enumerate() {
        let view = runtime.resolve("demo", environment, stage).await.unwrap();
        assert_eq!(lines(&view), writer.model.view(index), "{environment} {stage:?}");
    }
}
