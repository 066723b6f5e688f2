//! The lists of who may do what.

use crate::support::refusal::read;
use crate::support::{Client, Server, refused, token_of};
use std::time::Duration;
use tonic::{Code, Status};
use waxseal_domain::caller::Role as Held;
use waxseal_proto::v1::{self, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Principals,
    Bindings,
    Tokens,
}

const ALL: [List; 3] = [List::Principals, List::Bindings, List::Tokens];

impl List {
    /// The names in a page of it, and the token of the next one.
    async fn page(
        self,
        client: &Client,
        parent: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<String>, String), Status> {
        let (parent, page_token) = (parent.to_owned(), page_token.to_owned());
        let mut access = client.access.clone();
        Ok(match self {
            Self::Principals => {
                let request = v1::ListPrincipalsRequest { page_size, page_token };
                let page = access.list_principals(request).await?.into_inner();
                let names = page.principals.into_iter().map(|item| item.name);
                (names.collect(), page.next_page_token)
            }
            Self::Bindings => {
                let request = v1::ListBindingsRequest { parent, page_size, page_token };
                let page = access.list_bindings(request).await?.into_inner();
                (page.bindings.into_iter().map(|item| item.name).collect(), page.next_page_token)
            }
            Self::Tokens => {
                let request = v1::ListApiTokensRequest { parent, page_size, page_token };
                let page = access.list_api_tokens(request).await?.into_inner();
                (page.api_tokens.into_iter().map(|item| item.name).collect(), page.next_page_token)
            }
        })
    }

    async fn walk(self, client: &Client, size: i32) -> Vec<Vec<String>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let (names, next) = self.page(client, ANN, size, &token).await.unwrap();
            pages.push(names);
            assert!(pages.len() < 100, "{self:?}: the list has no end");
            if next.is_empty() {
                return pages;
            }
            token = next;
        }
    }

    /// The token of the page after the first entry.
    async fn second(self, client: &Client) -> String {
        let (names, token) = self.page(client, ANN, 1, "").await.unwrap();
        assert!(names.len() == 1 && !token.is_empty(), "{self:?}");
        token
    }
}

const ANN: &str = "principals/ann";
const BEN: &str = "principals/ben";

/// Two principals with seven bindings and tokens each, and seven more without any.
async fn server() -> (Server, Client) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for id in ["ann", "ben"] {
        admin.create_principal(id).await.unwrap();
        for number in 0..7 {
            admin.create_principal(&format!("{id}-{number}")).await.unwrap();
            let role = if number % 2 == 0 { Role::Viewer } else { Role::Auditor };
            admin.bind(id, role, "projects/demo").await.unwrap();
            let token = token_of(Role::Viewer, "projects/demo");
            admin.issue(id, token).await.unwrap();
        }
    }
    (server, admin)
}

#[tokio::test]
async fn a_walk_of_any_page_size_gives_every_entry_once_and_in_order() {
    let (_server, admin) = server().await;
    for list in ALL {
        let (all, next) = list.page(&admin, ANN, 1_000, "").await.unwrap();
        assert!(next.is_empty() && all.is_sorted(), "{list:?}: {all:?}");
        match list {
            List::Principals => assert!(all.len() >= 16, "{all:?}"),
            List::Bindings | List::Tokens => assert_eq!(all.len(), 7, "{all:?}"),
        }
        for size in [1, 2, 6, 7, 8, 1_001, 0] {
            let pages = list.walk(&admin, size).await;
            assert_eq!(pages.concat(), all, "{list:?} {size}");
            let size = if size == 0 { 100 } else { size as usize };
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == size), "{list:?} {size}");
            assert!(!last.is_empty() && last.len() <= size, "{list:?} {size}");
        }
        for size in [-1, i32::MIN] {
            let answer = list.page(&admin, ANN, size, "").await;
            refused(answer).is_about("INVALID_FIELD", "page_size");
        }
    }
}

#[tokio::test]
async fn what_stays_is_listed_once_whatever_goes_between_the_pages() {
    let (_server, admin) = server().await;
    for list in ALL {
        let (all, _) = list.page(&admin, ANN, 1_000, "").await.unwrap();
        let (mut seen, token) = list.page(&admin, ANN, 2, "").await.unwrap();
        // The entry that the token was made at goes, and one that is yet to come. A token that is
        // revoked stays in the list.
        let gone = [&all[1], &all[4]];
        for name in gone {
            match list {
                List::Principals => admin.delete_principal(&name["principals/".len()..]).await,
                List::Bindings => admin.unbind(name).await,
                List::Tokens => admin.revoke(name).await.map(drop),
            }
            .unwrap();
        }
        let (rest, next) = list.page(&admin, ANN, 1_000, &token).await.unwrap();
        seen.extend(rest);
        let stay = |name: &&String| list == List::Tokens || *name != gone[1];
        let expected: Vec<_> = all.iter().filter(stay).cloned().collect();
        assert_eq!((seen, next.as_str()), (expected, ""), "{list:?}");
    }
}

#[tokio::test]
async fn a_page_token_is_of_one_list_one_principal_and_one_caller_for_a_day() {
    let (server, admin) = server().await;
    let long = Duration::from_secs(72 * 3_600);
    let token = server.token_for(Held::Admin, false, "deployment", long).await;
    let reader = Client::connect(&server.address, &token).await;
    let other = admin;
    let is_none = async |list: List, client: &Client, parent: &str, token: &str, case: &str| {
        let answer = list.page(client, parent, 1, token).await;
        let Err(status) = answer else { panic!("{list:?}: {case} was taken") };
        read(&status).is_about("INVALID_PAGE_TOKEN", "page_token");
        assert!(!status.message().contains(token), "{list:?}: {case} is repeated");
    };
    let mut tokens = Vec::new();
    for list in ALL {
        let token = list.second(&reader).await;
        for another in ALL.into_iter().filter(|another| *another != list) {
            is_none(another, &reader, ANN, &token, "of another list").await;
        }
        if list != List::Principals {
            is_none(list, &reader, BEN, &token, "of another principal").await;
        }
        is_none(list, &other, ANN, &token, "of another caller").await;
        is_none(list, &reader, ANN, &token[..token.len() - 1], "cut").await;
        is_none(list, &reader, ANN, "garbage", "garbage").await;
        list.page(&reader, ANN, 1, &token).await.unwrap();
        tokens.push((list, token));
    }
    // Who may not see the list is told nothing of the token.
    let viewer = server.client(Held::Viewer, false, "deployment").await;
    for (list, token) in &tokens {
        for token in [token, "", "garbage"] {
            let answer = list.page(&viewer, ANN, 1, token).await;
            refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
        }
    }
    server.pass(Duration::from_secs(25 * 3_600));
    for (list, token) in &tokens {
        is_none(*list, &reader, ANN, token, "expired").await;
    }
}
