//! Certificates that are exchanged while a server runs.

use super::{PATIENCE, World};
use crate::support::Setup;
use crate::support::binary::{Serving, command};
use crate::support::tls::{self, Authority, Files, Leaf, Outcome, list_projects, write_private};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use waxseal_domain::caller::Role;

/// The certificate that a server shows.
async fn shown(world: &World) -> Vec<u8> {
    let stream = world.connect(None).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// Exchanges files as Kubernetes does: in a new directory, to which one link leads.
fn exchange(dir: &Path, number: usize, leaf: &Leaf) {
    let new = dir.join(format!("..{number}"));
    std::fs::create_dir(&new).unwrap();
    write_private(&new.join("key.pem"), &leaf.key_pem);
    std::fs::write(new.join("cert.pem"), &leaf.chain_pem).unwrap();
    let link = dir.join("..new");
    std::os::unix::fs::symlink(&new, &link).unwrap();
    std::fs::rename(&link, dir.join("..data")).unwrap();
}

#[tokio::test]
async fn no_handshake_fails_while_certificates_change() {
    const ROTATIONS: usize = 200;
    let authority = Authority::new("servers");
    let files = Files::new(&authority.server(), None);
    let dir = files.dir.path();
    exchange(dir, 0, &authority.server());
    for name in ["key.pem", "cert.pem"] {
        std::fs::remove_file(dir.join(name)).unwrap();
        std::os::unix::fs::symlink(dir.join("..data").join(name), dir.join(name)).unwrap();
    }
    let mut setup = Setup::sqlite();
    setup.config.transport = files.transport();
    let server = setup.start().await;
    let certificates = server.certificates.clone().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (over, address) = (over.clone(), server.address.clone());
            let config = tls::config(&authority, None);
            tokio::spawn(async move {
                let (mut seen, mut failed) = (HashSet::new(), 0);
                while !over.load(Ordering::Relaxed) {
                    match tls::connect(&address, config.clone()).await {
                        Ok(stream) => {
                            let shown = stream.get_ref().1.peer_certificates().unwrap();
                            seen.insert(shown[0].to_vec());
                        }
                        Err(_) => failed += 1,
                    }
                }
                (seen, failed)
            })
        })
        .collect();
    for number in 1..=ROTATIONS {
        exchange(dir, number, &authority.server());
        // The server looks at them by itself, too; who of the two was first does not matter.
        let taken = certificates.clone();
        tokio::task::spawn_blocking(move || taken.reload()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut seen = HashSet::new();
    for client in clients {
        let (of_client, failed) = client.await.unwrap();
        assert_eq!(failed, 0);
        seen.extend(of_client);
    }
    assert!(seen.len() > 20, "{} of {ROTATIONS} were seen", seen.len());
    assert_eq!(certificates.failed_reloads(), 0);
}

#[tokio::test]
async fn files_that_are_of_no_use_leave_everything_as_it_was() {
    let world = World::new().await;
    let certificates = world.server.certificates.clone().unwrap();
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let first = shown(&world).await;
    let stream = world.connect(None).await.unwrap();
    let good = world.authority.server();
    let other = world.authority.server();
    let stranger = Authority::new("stranger");
    let expired = {
        let mut params = tls::Params::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_after = (std::time::SystemTime::now() - Duration::from_secs(60)).into();
        world.authority.issue(&params)
    };
    let broken: [(&str, String, String); 7] = [
        ("no certificate", String::new(), good.key_pem.clone()),
        ("no PEM", "certificate".to_owned(), good.key_pem.clone()),
        ("half of one", good.chain_pem[..200].to_owned(), good.key_pem.clone()),
        ("no key", good.chain_pem.clone(), String::new()),
        ("another key", good.chain_pem.clone(), other.key_pem.clone()),
        ("another issuer", good.clone().behind(&stranger).chain_pem, good.key_pem.clone()),
        ("expired", expired.chain_pem, expired.key_pem),
    ];
    let before = certificates.not_after();
    for (number, (what, chain, key)) in (1..).zip(&broken) {
        std::fs::write(world.files.path("cert.pem"), chain).unwrap();
        write_private(&world.files.path("key.pem"), key);
        // By itself: nobody tells it.
        let begun = Instant::now();
        while certificates.failed_reloads() < number {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(shown(&world).await, first, "{what}");
        assert_eq!(certificates.not_after(), before);
    }
    world.files.write(&good);
    let begun = Instant::now();
    while shown(&world).await == first {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(certificates.failed_reloads(), broken.len() as u64);
    // A connection from before goes on.
    assert_eq!(list_projects(stream, Some(&token)).await, Outcome::Answered);
}

#[tokio::test]
async fn authorities_of_clients_change_too() {
    let world = World::new().await;
    let others = Authority::new("others");
    let leaf = others.client(&["spiffe://example.org/a"]);
    let outcome = async || match world.connect(Some(&leaf)).await {
        Ok(stream) => list_projects(stream, None).await,
        Err(_) => Outcome::Cut,
    };
    assert_eq!(outcome().await, Outcome::Cut);
    let both = world.clients.pem() + &others.pem();
    std::fs::write(world.files.path("client_ca.pem"), both).unwrap();
    let begun = Instant::now();
    while outcome().await != Outcome::refused("CREDENTIALS_INVALID") {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `waxseal serve` with these files.
fn serve(setup: &Setup, files: &Files) -> std::process::Command {
    let mut command = command();
    command.args(["serve", "--log", "info", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(setup.data_dir());
    command.arg("--tls-cert").arg(files.path("cert.pem"));
    command.arg("--tls-key").arg(files.path("key.pem"));
    command
}

#[test]
fn what_is_wrong_is_said_once_for_each_content() {
    const SAID: &str = "the new certificates are of no use";
    let (setup, authority) = (Setup::sqlite(), Authority::new("servers"));
    let files = Files::new(&authority.server(), None);
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = serve(&setup, &files);
    let serving = Serving::start(command.stderr(log.reopen().unwrap()));
    let said = || std::fs::read_to_string(log.path()).unwrap();
    let wait = |times: usize| {
        let begun = Instant::now();
        while said().matches(SAID).count() < times {
            assert!(begun.elapsed() < PATIENCE, "{}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    assert!(said().contains("not_after="), "{}", said());
    std::fs::write(files.path("cert.pem"), "one").unwrap();
    wait(1);
    // Told to look, it has nothing new to say, and does not end of it either.
    let pid = rustix::process::Pid::from_child(&serving.child);
    for _ in 0..3 {
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        std::thread::sleep(Duration::from_millis(500));
    }
    std::fs::write(files.path("cert.pem"), "two").unwrap();
    wait(2);
    files.write(&authority.server());
    let begun = Instant::now();
    while said().matches("certificates are loaded").count() < 2 {
        assert!(begun.elapsed() < PATIENCE, "{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(said().matches(SAID).count(), 2, "{}", said());
}

#[test]
fn a_server_does_not_start_with_files_of_no_use() {
    let (setup, authority) = (Setup::sqlite(), Authority::new("servers"));
    let files = Files::new(&authority.server(), None);
    let refused = |said: &str| {
        let output = serve(&setup, &files).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(said), "{errors}");
        assert!(!errors.contains("BEGIN"), "{errors}");
    };
    use std::os::unix::fs::PermissionsExt as _;
    let key = files.path("key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("chmod 600");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    write_private(&key, &authority.server().key_pem);
    refused("is not that of the certificate");
    std::fs::remove_file(&key).unwrap();
    refused("cannot read");
}
