//! Paging: a list that is walked is complete, whatever happens meanwhile, and a page token is good
//! for one list and one caller, for a day, and carries no right.

mod access;
mod list;
mod tokens;

use crate::support::{Server, Setup, refused};
use list::{DEMO, List, Reader, add, entry, remove};
use std::collections::BTreeSet;
use waxseal_domain::caller::Role;

/// A server with these many entries in every list, beside `demo` and `main`.
async fn server_with(count: usize) -> Server {
    let mut setup = Setup::new();
    setup.config.max_environments = 1_000;
    let server = setup.start().await;
    let admin = server.admin().await;
    admin.create_project("demo").await.unwrap();
    for list in [List::Projects, List::Environments, List::Overrides] {
        for number in 0..count {
            add(&server, list, &DEMO, &entry(list, number)).await;
        }
    }
    server
}

/// What a list holds, in its order.
fn expected(list: List, count: usize) -> Vec<String> {
    let mut all: Vec<_> = (0..count).map(|number| entry(list, number)).collect();
    match list {
        List::Projects => all.push("demo".to_owned()),
        List::Environments => all.push("main".to_owned()),
        List::Secrets | List::Overrides => {}
    }
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_walk_of_any_page_size_gives_every_entry_once_and_in_order() {
    let server = server_with(15).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for list in List::ALL {
        let all = expected(list, 15);
        for size in [1, 2, 7, 15, 16, 17, 1_000, 0] {
            let pages = reader.walk(list, &DEMO, size).await;
            assert_eq!(pages.concat(), all, "{list:?} {size}");
            let size = if size == 0 { 100 } else { size as usize };
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == size), "{list:?} {size}");
            assert!(!last.is_empty() && last.len() <= size, "{list:?} {size}");
        }
    }
}

#[tokio::test]
async fn an_empty_list_is_one_page_without_a_next_one() {
    let server = Server::with_demo().await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for list in [List::Secrets, List::Overrides] {
        assert_eq!(reader.page(list, &DEMO, 1, "").await.unwrap(), (vec![], String::new()));
    }
}

#[tokio::test]
async fn zero_means_100_entries_and_more_than_1000_means_1000() {
    let server = server_with(101).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for list in List::ALL {
        let all = expected(list, 101);
        for (size, shown) in [(0, 100), (99, 99), (100, 100), (101, 101), (1_001, all.len())] {
            let (items, next) = reader.page(list, &DEMO, size, "").await.unwrap();
            assert_eq!(items, all[..shown], "{list:?} {size}");
            assert_eq!(next.is_empty(), shown == all.len(), "{list:?} {size}");
        }
        for size in [-1, -100, i32::MIN] {
            let answer = reader.page(list, &DEMO, size, "").await;
            refused(answer).is_about("INVALID_FIELD", "page_size");
            let token = reader.second(list, &DEMO).await;
            let answer = reader.page(list, &DEMO, size, &token).await;
            refused(answer).is_about("INVALID_FIELD", "page_size");
        }
    }
    let admin = server.admin().await;
    for number in 101..1_001 {
        admin.create_project(&format!("p{number:04}")).await.unwrap();
    }
    for size in [1_000, 1_001, i32::MAX] {
        let pages = reader.walk(List::Projects, &DEMO, size).await;
        let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1_000, 2], "{size}");
    }
}

#[tokio::test]
async fn what_stays_is_listed_once_whatever_comes_and_goes_between_the_pages() {
    for list in List::ALL {
        let server = server_with(12).await;
        let reader = Reader::of(&server, Role::Viewer).await;
        let name = |number| entry(list, number);
        let (mut seen, mut token, mut step) = (Vec::new(), String::new(), 0);
        loop {
            let (items, next) = reader.page(list, &DEMO, 2, &token).await.unwrap();
            seen.extend(items);
            assert!(step < 100, "{list:?}: the list has no end");
            if next.is_empty() {
                break;
            }
            token = next;
            match step {
                // Behind the reader; and the very entry that the token was made at.
                0 => {
                    remove(&server, list, &DEMO, &name(0)).await;
                    remove(&server, list, &DEMO, seen.last().unwrap()).await;
                }
                // Before the reader, the next one and a later one.
                1 => {
                    remove(&server, list, &DEMO, &name(5)).await;
                    remove(&server, list, &DEMO, &name(9)).await;
                }
                // New ones on either side.
                2 => {
                    add(&server, list, &DEMO, &format!("{}x", name(1)).to_owned()).await;
                    add(&server, list, &DEMO, &format!("{}x", name(10)).to_owned()).await;
                }
                _ => {}
            }
            step += 1;
        }
        let unique: BTreeSet<_> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "{list:?}: {seen:?}");
        assert!(seen.is_sorted(), "{list:?}: {seen:?}");
        let stayed = [1, 2, 3, 4, 6, 7, 8, 10, 11].map(name);
        for id in stayed {
            // One of them was the last of the first page and went after it was seen.
            assert!(seen.contains(&id), "{list:?}: {id} is missing in {seen:?}");
        }
        assert!(seen.contains(&format!("{}x", name(10))), "{list:?}: {seen:?}");
        assert!(!seen.contains(&format!("{}x", name(1))), "{list:?}: {seen:?}");
        let gone = list != List::Projects;
        assert_eq!(!seen.contains(&name(9)), gone, "{list:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_token_is_good_again_and_again_and_for_another_page_size() {
    let server = server_with(5).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for list in List::ALL {
        let all = expected(list, 5);
        let token = reader.second(list, &DEMO).await;
        for size in [1, 2, 1, 4] {
            let (items, _) = reader.page(list, &DEMO, size, &token).await.unwrap();
            assert_eq!(items, all[1..=size as usize], "{list:?}");
        }
        let other = reader.second(list, &DEMO).await;
        assert_ne!(token, other, "{list:?}: a token shows nothing of what it holds");
    }
}
