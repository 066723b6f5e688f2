//! The command line as a client of a server with TLS.

use super::{PATIENCE, World};
use crate::support::binary::command;
use crate::support::tls::{Authority, Files, Params, write_private};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant, SystemTime};
use waxseal_domain::caller::Role;

/// What `waxseal project list` says with these options.
async fn list(world: &World, options: &[&str], token: Option<&str>) -> Output {
    list_at(&world.server.address, options, token).await
}

async fn list_at(address: &str, options: &[&str], token: Option<&str>) -> Output {
    let mut command = command();
    command.args(["project", "list", "--address", address]).args(options);
    command.env("XDG_CONFIG_HOME", "/does/not/exist");
    if let Some(token) = token {
        command.env("WAXSEAL_TOKEN", token);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn write_ca(dir: &Path, authority: &Authority) -> String {
    let path = dir.join("ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_is_known_by_its_authority() {
    let world = World::new().await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let ca = write_ca(world.files.dir.path(), &world.authority);
    let listed = list(&world, &["--ca", &ca], Some(&token)).await;
    assert!(listed.status.success(), "{}", said(&listed));
    let localhost = world.server.address.replace("127.0.0.1", "localhost");
    let listed = list_at(&localhost, &["--ca", &ca], Some(&token)).await;
    assert!(listed.status.success(), "{}", said(&listed));

    let other = tempfile::tempdir().unwrap();
    let stranger = write_ca(other.path(), &Authority::new("strangers"));
    let key = world.files.path("key.pem").to_str().unwrap().to_owned();
    let plain = world.server.address.replace("https:", "http:");
    for (address, options, wanted) in [
        (&*world.server.address, &["--ca", &*stranger][..], "nobody who is trusted vouches"),
        (&*plain, &["--ca", &ca], "are for an address https://"),
        (&*plain, &[], "its address is https://HOST:PORT"),
        (&*world.server.address, &["--ca", &key], "holds no certificate"),
        (&*world.server.address, &["--ca", "/does/not/exist"], "/does/not/exist cannot be read"),
        (&*world.server.address, &["--ca", &ca, "--cert", &ca], "go together"),
        (
            &*world.server.address,
            &["--ca", &ca, "--cert", &ca, "--key", &ca],
            "must be a certificate and its private key",
        ),
    ] {
        let refused = list_at(address, options, Some(&token)).await;
        let said = said(&refused);
        assert!(!refused.status.success() && said.contains(wanted), "{options:?}: {said}");
        assert!(!said.contains("BEGIN") && !said.contains(&token), "{said}");
    }

    let mut of_another = Params::new(vec!["another.test".to_owned()]).unwrap();
    for wanted in ["its certificate is for another name", "its certificate has expired"] {
        world.files.write(&world.authority.issue(&of_another));
        let begun = Instant::now();
        loop {
            let refused = list(&world, &["--ca", &ca], Some(&token)).await;
            if said(&refused).contains(wanted) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{wanted}: {}", said(&refused));
        }
        // Valid when it is loaded, and no longer when it is looked at.
        of_another = Params::new(vec!["127.0.0.1".to_owned()]).unwrap();
        of_another.not_after = (SystemTime::now() + Duration::from_secs(6)).into();
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_away() {
    let server = crate::support::Server::on_sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let ca = write_ca(dir.path(), &Authority::new("servers"));
    let token = server.token(Role::Admin, false, "deployment").await;
    let secure = server.address.replace("http:", "https:");
    let refused = list_at(&secure, &["--ca", &ca], Some(&token)).await;
    assert!(!refused.status.success() && said(&refused).contains("no TLS with"), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_takes_the_place_of_a_token() {
    let world = World::new().await;
    let ca = write_ca(world.files.dir.path(), &world.authority);
    let write = |name: &str, authority: &Authority| {
        let leaf = authority.client(&["spiffe://example.org/people/ada"]);
        let files = Files { dir: tempfile::tempdir_in(world.files.dir.path()).unwrap() };
        let (cert, key) = (files.path(name), files.path("key"));
        std::fs::write(&cert, leaf.chain_pem).unwrap();
        write_private(&key, &leaf.key_pem);
        (files, cert.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
    };
    // Nobody has told the server of this one; that it was asked at all is the certificate's doing.
    let (_kept, cert, key) = write("good", &world.clients);
    let refused = list(&world, &["--ca", &ca, "--cert", &cert, "--key", &key], None).await;
    assert!(said(&refused).contains("CREDENTIALS_INVALID"), "{}", said(&refused));
    let (_kept, cert, key) = write("bad", &Authority::new("strangers"));
    let refused = list(&world, &["--ca", &ca, "--cert", &cert, "--key", &key], None).await;
    let not_taken = ["did not take the certificate", "does not take the certificate"];
    let said_so = not_taken.iter().any(|words| said(&refused).contains(words));
    assert!(said_so, "{}", said(&refused));
    let without = list(&world, &["--ca", &ca], None).await;
    assert!(said(&without).contains("no token"), "{}", said(&without));
}
