//! The four lists, asked in one way.

use crate::support::raw::Raw;
use crate::support::{Server, override_slot};
use prost::Message;
use std::time::Duration;
use tonic::Status;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Projects,
    Environments,
    Secrets,
    Overrides,
}

/// The arguments of a list but for the page.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub(super) project: &'static str,
    pub(super) environment: &'static str,
    pub(super) stage: Stage,
    pub(super) prefix: &'static str,
    pub(super) show_deleted: bool,
}

pub(super) const DEMO: Of = Of {
    project: "demo",
    environment: "main",
    stage: Stage::Draft,
    prefix: "",
    show_deleted: false,
};

impl List {
    pub(super) const ALL: [Self; 4] =
        [Self::Projects, Self::Environments, Self::Secrets, Self::Overrides];

    fn request(self, of: &Of, page_size: i32, page_token: String) -> (&'static str, Vec<u8>) {
        let Of { project, environment, stage, prefix, show_deleted } = of.clone();
        let parent = format!("projects/{project}");
        match self {
            Self::Projects => (
                "ListProjects",
                v1::ListProjectsRequest { page_size, page_token, ..Default::default() }
                    .encode_to_vec(),
            ),
            Self::Environments => {
                let request = v1::ListEnvironmentsRequest { parent, page_size, page_token };
                ("ListEnvironments", request.encode_to_vec())
            }
            Self::Secrets => {
                let request = v1::ListSecretsRequest {
                    parent,
                    page_size,
                    page_token,
                    prefix: prefix.to_owned(),
                    environment: environment.to_owned(),
                    stage: stage.into(),
                    show_deleted,
                };
                ("ListSecrets", request.encode_to_vec())
            }
            Self::Overrides => {
                let parent = format!("{parent}/environments/{environment}");
                let stage = stage.into();
                let request = v1::ListOverridesRequest { parent, stage, page_size, page_token };
                ("ListOverrides", request.encode_to_vec())
            }
        }
    }

    /// The ids in an answer, and the token of the next page.
    fn read(self, answer: &[u8]) -> (Vec<String>, String) {
        let id = |name: &str| name.rsplit('/').next().unwrap().to_owned();
        match self {
            Self::Projects => {
                let answer = v1::ListProjectsResponse::decode(answer).unwrap();
                let ids = answer.projects.iter().map(|item| id(&item.name)).collect();
                (ids, answer.next_page_token)
            }
            Self::Environments => {
                let answer = v1::ListEnvironmentsResponse::decode(answer).unwrap();
                let ids = answer.environments.iter().map(|item| id(&item.name)).collect();
                (ids, answer.next_page_token)
            }
            Self::Secrets => {
                let answer = v1::ListSecretsResponse::decode(answer).unwrap();
                let ids = answer.secrets.iter().map(|item| id(&item.name)).collect();
                (ids, answer.next_page_token)
            }
            Self::Overrides => {
                let answer = v1::ListOverridesResponse::decode(answer).unwrap();
                let ids = answer.overrides.iter().map(|item| id(&item.secret)).collect();
                (ids, answer.next_page_token)
            }
        }
    }
}

/// Somebody who lists.
pub(super) struct Reader {
    raw: Raw,
    token: String,
}

impl Reader {
    /// One whose own token outlives those of the pages.
    pub(super) async fn of(server: &Server, role: Role) -> Self {
        let life = Duration::from_secs(48 * 3600);
        let token = server.token_for(role, false, "deployment", life).await;
        Self { raw: Raw::connect(&server.address).await, token }
    }

    /// The same one at another server.
    pub(super) async fn again(self, server: &Server) -> Self {
        Self { raw: Raw::connect(&server.address).await, ..self }
    }

    pub(super) async fn page(
        &self,
        list: List,
        of: &Of,
        size: i32,
        token: &str,
    ) -> Result<(Vec<String>, String), Status> {
        let (method, request) = list.request(of, size, token.to_owned());
        let answer = self.raw.call(method, &self.token, request).await?;
        Ok(list.read(&answer.into_inner()))
    }

    /// The token of the page after the first entry.
    pub(super) async fn second(&self, list: List, of: &Of) -> String {
        let (items, token) = self.page(list, of, 1, "").await.unwrap();
        assert!(items.len() == 1 && !token.is_empty(), "{list:?} {of:?}");
        token
    }

    /// Every page, in order.
    pub(super) async fn walk(&self, list: List, of: &Of, size: i32) -> Vec<Vec<String>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let (items, next) = self.page(list, of, size, &token).await.unwrap();
            pages.push(items);
            assert!(pages.len() < 2_000, "{list:?}: the list has no end");
            if next.is_empty() {
                return pages;
            }
            token = next;
        }
    }
}

/// The name of an entry; they sort by their numbers.
pub(super) fn entry(list: List, number: usize) -> String {
    match list {
        List::Projects => format!("p{number:03}"),
        List::Environments => format!("e{number:03}"),
        List::Secrets | List::Overrides => format!("S{number:03}"),
    }
}

/// Adds an entry.
pub(super) async fn add(server: &Server, list: List, of: &Of, id: &str) {
    let admin = server.admin().await;
    match list {
        List::Projects => drop(admin.create_project(id).await.unwrap()),
        List::Environments => drop(admin.create_environment(of.project, id).await.unwrap()),
        List::Secrets => {
            drop(admin.create_secret(of.project, id, Visibility::Masked, None).await.unwrap());
        }
        List::Overrides => {
            let created = admin.create_secret(of.project, id, Visibility::Masked, None).await;
            drop(created);
            let slot = override_slot(of.environment, of.stage);
            admin.set(of.project, id, slot, "value").await.unwrap();
        }
    }
}

/// Takes an entry away; a project cannot be.
pub(super) async fn remove(server: &Server, list: List, of: &Of, id: &str) {
    let admin = server.admin().await;
    match list {
        List::Projects => {}
        List::Environments => {
            let name = format!("projects/{}/environments/{id}", of.project);
            let request = v1::DeleteEnvironmentRequest { name, ..Default::default() };
            admin.environments.clone().delete_environment(request).await.unwrap();
        }
        List::Secrets => drop(admin.delete_secret(of.project, id).await.unwrap()),
        List::Overrides => {
            let slot = override_slot(of.environment, of.stage);
            admin.clear(of.project, id, slot).await.unwrap();
        }
    }
}
