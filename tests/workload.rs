//! Workloads that come with a certificate or a signed token of somebody else.
//!
//! Which tokens are taken, and for whom, is tested where it is decided, against an issuer that
//! publishes its keys over TLS: `identity/workloads/tests.rs` of the server. Here it is about what
//! can be seen from outside. Where each case is:
//!
//! | Case | Test |
//! |---|---|
//! | Certificates: no URI name, two, another trust domain, another form of a known id | `mapped::only_the_very_identity_gets_in`, `transport::certificates` |
//! | A certificate that ends on an open connection, under calls and a watch | `mapped::calls_and_watches_go_on_until_the_credential_ends` |
//! | A certificate that had ended before | `transport::certificates::certificates_that_do_not_verify_are_cut` |
//! | Tokens: `none`, another signer, the subject in other case, a space before or behind it | `mapped::only_the_very_identity_gets_in` |
//! | A token that ends, under calls and a watch | `mapped::calls_and_watches_go_on_until_the_credential_ends` |
//! | HS256 by the public key, `jku`, `x5u`, nested, 64 kB, something said twice, NUL in the subject | the server's `whatever_is_wrong_with_a_token_it_is_nobody` |
//! | Another issuer or audience, no end, an end in ten years, a beginning in 61 s | the same |
//! | A list of audiences | the server's `a_token_is_its_subject_as_it_stands` |
//! | A thousand names of unknown keys | the server's `names_of_unknown_keys_cost_a_fetch_in_ten_seconds` |
//! | A wrong token beside a good certificate | `mapped::only_the_very_identity_gets_in` |
//! | A principal that is disabled or deleted, a binding that is deleted | `mapped::what_is_taken_away_ends_it_at_once` |

mod line;
mod mapped;

use crate::support::Setup;
use crate::support::binary::{Serving, command};
use crate::support::raw::Raw;
use crate::support::refusal::read;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const ISSUER: &str = "https://issuer.test";
const PATIENCE: Duration = Duration::from_secs(40);

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn published(key: &KeyPair, id: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": base64url(key.der_bytes()) })
}

fn token(key: &KeyPair, id: &str, subject: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let header = json!({ "alg": "EdDSA", "kid": id });
    let claims =
        json!({ "iss": ISSUER, "sub": subject, "aud": "waxseal.test", "exp": now + 3_600 });
    let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let signature = base64url(key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// A list with one issuer, whose keys are in a file beside it.
fn list(dir: &Path, keys: &[Value]) -> PathBuf {
    std::fs::write(dir.join("keys.json"), json!({ "keys": keys }).to_string()).unwrap();
    let list = dir.join("issuers.toml");
    let text = format!(
        "[[issuer]]\nissuer = \"{ISSUER}\"\naudience = [\"waxseal.test\"]\njwks_file = \"keys.json\"\n"
    );
    std::fs::write(&list, text).unwrap();
    list
}

fn serve(setup: &Setup, list: &Path) -> std::process::Command {
    let mut command = command();
    command.args(["serve", "--log", "info,waxseal_server=debug", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(setup.data_dir()).arg("--workload-issuers").arg(list);
    command
}

#[tokio::test]
async fn a_caller_is_not_told_why_and_the_log_is_not_told_what() {
    const LOGGED: &str = "a workload's token is refused";
    let (setup, dir) = (Setup::sqlite(), tempfile::tempdir().unwrap());
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let list = list(dir.path(), &[published(&key, "a")]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = serve(&setup, &list);
    let serving = Serving::start(command.stderr(log.reopen().unwrap()));
    let raw = Raw::connect(&serving.url()).await;
    let said = || std::fs::read_to_string(log.path()).unwrap();
    let call = async |token: &str| {
        let status = raw.call("ListProjects", token, Vec::new()).await.unwrap_err();
        (read(&status), status.message().to_owned())
    };
    // The signature is right. Of its subject nobody has told the server.
    let unknown = token(&key, "a", "canary-subject");
    let first = call(&unknown).await;
    assert_eq!(first.0.reason, "CREDENTIALS_INVALID");
    assert!(!said().contains(LOGGED), "{}", said());
    // Here it is wrong, and so are others; the answer is the same to the letter.
    let changed = token(&KeyPair::generate_for(&PKCS_ED25519).unwrap(), "a", "canary-subject");
    let other = token(&key, "unknown", "canary-subject");
    let bad = [&*changed, &*other, "a.b.c", "canary-no-token", &"canary".repeat(1_500)];
    for (number, token) in (1..).zip(bad) {
        let second = call(token).await;
        assert_eq!(second, first);
        let begun = Instant::now();
        while said().matches(LOGGED).count() < number {
            assert!(begun.elapsed() < PATIENCE, "{}", said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let said = said();
    assert!(said.contains("its signature is not right"), "{said}");
    let parts = unknown.split('.').chain(changed.split('.'));
    for needle in parts.chain(["canary"]) {
        assert!(!said.contains(needle), "{said}");
    }
}

#[test]
fn a_server_does_not_start_with_a_list_of_no_use() {
    let (setup, dir) = (Setup::sqlite(), tempfile::tempdir().unwrap());
    let list = list(dir.path(), &[]);
    let good = std::fs::read_to_string(&list).unwrap();
    for (text, said) in [
        (good.replace("https:", "http:"), "must be an https:// URL"),
        (good.replace("jwks_file", "jwks"), "line 4"),
        (good.replace("jwks_file = \"keys.json\"", "algorithms = [\"HS256\"]"), "line 4"),
    ] {
        std::fs::write(&list, text).unwrap();
        let output = serve(&setup, &list).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(said), "{errors}");
    }
    std::fs::remove_file(&list).unwrap();
    let output = serve(&setup, &list).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && errors.contains("cannot read"), "{errors}");
}
