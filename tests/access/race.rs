//! Ten thousand rights taken away, each while it is read with.

use super::LIVE;
use crate::support::raw::Raw;
use crate::support::{Client, Server, refused, token_of};
use futures::future::join_all;
use prost::Message as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::oneshot;
use tonic::Code;
use waxseal_proto::v1::{self, Role, Stage};

const LANES: usize = 10;
/// Of a lane; each takes away two rights.
const ROUNDS: usize = 500;

/// What was read with rights that were about to go.
#[derive(Default)]
struct Reads {
    all: AtomicUsize,
    /// Let in while the right was being taken away.
    admitted: AtomicUsize,
    /// Begun after the answer to that, and refused: the last of each race.
    refused: AtomicUsize,
}

struct Lane<'a> {
    admin: &'a Client,
    raw: &'a Raw,
    reads: &'a Reads,
    request: Vec<u8>,
}

impl Lane<'_> {
    /// A new token for each round, revoked; and between them the one binding of another token's
    /// principal, made again each time and deleted.
    async fn run(&self, lane: usize) {
        let (agent, other) = (format!("agent-{lane}"), format!("other-{lane}"));
        for id in [&agent, &other] {
            self.admin.create_principal(id).await.unwrap();
        }
        self.admin.bind(&agent, Role::Runtime, LIVE).await.unwrap();
        let mut binding = self.admin.bind(&other, Role::Runtime, LIVE).await.unwrap();
        let (_, kept) = self.admin.issue(&other, token_of(Role::Runtime, LIVE)).await.unwrap();
        for round in 0..ROUNDS {
            let token = token_of(Role::Runtime, LIVE);
            let (token, shown) = self.admin.issue(&agent, token).await.unwrap();
            let revoke = async { drop(self.admin.revoke(&token.name).await.unwrap()) };
            let said = (Code::Unauthenticated, "CREDENTIALS_INVALID");
            self.race(&format!("lane {lane}, token {round}"), &shown, revoke, said).await;

            let unbind = async { self.admin.unbind(&binding.name).await.unwrap() };
            let said = (Code::PermissionDenied, "PERMISSION_DENIED");
            self.race(&format!("lane {lane}, binding {round}"), &kept, unbind, said).await;
            binding = self.admin.bind(&other, Role::Runtime, LIVE).await.unwrap();
        }
    }

    /// Reads with this token, without a pause and until that is refused after the answer; once it
    /// was let in, the right to it is taken away.
    async fn race(
        &self,
        cell: &str,
        token: &str,
        take: impl Future<Output = ()>,
        (code, reason): (Code, &'static str),
    ) {
        let (gone, (good, known)) = (AtomicBool::new(false), oneshot::channel());
        let reader = async {
            let mut good = Some(good);
            loop {
                let after = gone.load(Ordering::SeqCst);
                match self.read(token).await {
                    Ok(_) => {
                        assert!(!after, "{cell}: let in after the answer");
                        match good.take() {
                            Some(good) => good.send(()).unwrap(),
                            None => drop(self.reads.admitted.fetch_add(1, Ordering::Relaxed)),
                        }
                    }
                    refusal => {
                        refused(refusal).is(code, reason);
                        assert!(good.is_none(), "{cell}: refused before anything was taken");
                        if after {
                            self.reads.refused.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                    }
                }
            }
        };
        let take = async {
            known.await.unwrap();
            take.await;
            gone.store(true, Ordering::SeqCst);
        };
        futures::join!(reader, take);
    }

    async fn read(&self, token: &str) -> Result<tonic::Response<Vec<u8>>, tonic::Status> {
        self.reads.all.fetch_add(1, Ordering::Relaxed);
        self.raw.call("ResolveEnvironment", token, self.request.clone()).await
    }
}

/// None of the strong reads that begin after the answer is let in, whichever way they fall.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_rights_that_are_taken_away_none_is_good_after_the_answer() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let raw = Raw::connect(&server.address).await;
    let request = v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let reads = Reads::default();
    let lane = Lane { admin: &admin, raw: &raw, reads: &reads, request: request.encode_to_vec() };
    join_all((0..LANES).map(|number| lane.run(number))).await;
    let taken = 2 * LANES * ROUNDS;
    let Reads { all, admitted, refused } = reads;
    let (all, admitted) = (all.into_inner(), admitted.into_inner());
    println!("{all} reads around {taken} rights taken away, {admitted} let in meanwhile");
    assert_eq!(taken, 10_000);
    assert_eq!(refused.into_inner(), taken);
    assert!(admitted > 0, "no read was under way");
}
