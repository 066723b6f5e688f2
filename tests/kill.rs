//! kill -9 in the middle of writes, again and again on the same data: what was acknowledged is
//! there, what was not is there whole or not at all, and a retry applies it once.

mod writers;

use crate::support::binary::{Serving, command};
use crate::support::stored::versions;
use crate::support::{Client, Setup, default_slot};
use futures::future::join_all;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use waxseal_domain::secret::Visibility as Class;
use waxseal_proto::v1::Visibility;
use writers::{Kind, Writer};

/// Two hundred together.
const IN_MEMORY: usize = 188;
const ON_DISK: usize = 12;
/// In one round of so many a ratchet is under way as well.
const RATCHET_EVERY: usize = 8;
const VERSIONS: i64 = 10;

/// The same tokens all along: they have to outlive every kill, too.
#[derive(Clone)]
struct Tokens {
    admin: String,
    builder: String,
    runtime: String,
}

#[derive(Clone)]
pub struct Callers {
    pub admin: Client,
    pub builder: Client,
    pub runtime: Client,
}

fn serve(setup: &Setup) -> Serving {
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data-dir"]);
    Serving::start(command.arg(setup.data_dir()).stderr(Stdio::inherit()))
}

impl Tokens {
    fn make(setup: &Setup) -> Self {
        let create = |role: &str, reveal: &[&str]| {
            let made = command()
                .args(["token", "create", "--scope", "deployment", "--expires", "1h", "--role"])
                .arg(role)
                .args(reveal)
                .arg("--data-dir")
                .arg(setup.data_dir())
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
        };
        Self {
            admin: crate::support::binary::first_token(&setup.data_dir()),
            builder: create("builder", &["--reveal"]),
            runtime: create("runtime", &[]),
        }
    }

    async fn connect(&self, serving: &Serving) -> Callers {
        let url = serving.url();
        Callers {
            admin: Client::connect(&url, &self.admin).await,
            builder: Client::connect(&url, &self.builder).await,
            runtime: Client::connect(&url, &self.runtime).await,
        }
    }
}

/// Somewhere between the first moments of the writes and when they are in full swing. Spread
/// evenly, so that two runs try the same.
fn patience(round: usize) -> Duration {
    const LONGEST: usize = 60;
    Duration::from_millis((round * 37 % LONGEST) as u64) + Duration::from_micros(300)
}

async fn kill_again_and_again(place: &Path, rounds: usize) {
    let setup = Setup::within(place);
    let mut serving = serve(&setup);
    let tokens = Tokens::make(&setup);
    let mut callers = tokens.connect(&serving).await;
    let mut writers = Kind::ALL.map(Writer::new);
    writers::make(&callers).await;

    for round in 0..rounds {
        let turning = round % RATCHET_EVERY == 0;
        let secret = format!("TURNED_{round}");
        if turning {
            fill(&callers.builder, &secret).await;
        }
        let writing =
            writers.map(|writer| tokio::spawn(writer.write_until_cut_off(callers.clone())));
        let ratchet = tokio::spawn({
            let (builder, secret) = (callers.builder.clone(), secret.clone());
            async move { !turning || builder.restrict("demo", &secret).await.is_ok() }
        });
        tokio::time::sleep(patience(round)).await;
        serving.kill();
        let ended: Vec<Writer> = join_all(writing).await.into_iter().map(Result::unwrap).collect();
        writers = ended.try_into().unwrap_or_else(|_| panic!("all of them"));
        let acknowledged = ratchet.await.unwrap();

        serving = serve(&setup);
        callers = tokens.connect(&serving).await;
        for writer in &mut writers {
            writer.settle(&callers).await;
        }
        if turning {
            turned_whole_or_not_at_all(&setup, &callers, &secret, acknowledged).await;
        }
        if round % 20 == 19 {
            let written: i64 = writers.iter().map(|writer| writer.applied).sum();
            println!("{} kills, {written} writes acknowledged or settled", round + 1);
        }
    }
    for writer in &writers {
        assert!(writer.applied > 0, "{:?} never wrote anything", writer.kind);
    }
    let unknown: usize = writers.iter().map(|writer| writer.unknown).sum();
    let found: usize = writers.iter().map(|writer| writer.found).sum();
    println!("of {unknown} writes without an answer {found} had been made");
    assert!(unknown > rounds, "the kills came when nothing was under way");
}

async fn fill(builder: &Client, secret: &str) {
    builder.create_secret("demo", secret, Visibility::Masked, None).await.unwrap();
    for version in 1..=VERSIONS {
        builder.set("demo", secret, default_slot(), &format!("{secret} {version}")).await.unwrap();
    }
}

async fn turned_whole_or_not_at_all(
    setup: &Setup,
    callers: &Callers,
    secret: &str,
    acknowledged: bool,
) {
    let stands = callers.builder.get_secret("demo", secret).await.unwrap().visibility();
    assert!(!acknowledged || stands == Visibility::Restricted, "{secret}");
    let class = if stands == Visibility::Masked { Class::Masked } else { Class::Restricted };
    let rows = versions(&setup.database(), "demo", secret);
    assert_eq!(rows.len(), usize::try_from(VERSIONS).unwrap());
    for row in rows {
        let right = format!("{secret} {}", row.version);
        assert_eq!(row.open(setup, class).await, Some(right));
    }
    callers.builder.restrict("demo", secret).await.unwrap();
    callers.builder.delete_secret("demo", secret).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    kill_again_and_again(&place, IN_MEMORY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_when_the_server_on_a_disk_is_killed() {
    kill_again_and_again(Path::new(env!("CARGO_TARGET_TMPDIR")), ON_DISK).await;
}
