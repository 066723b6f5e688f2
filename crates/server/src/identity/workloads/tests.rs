use super::*;
use crate::identity::testing::{Publisher, Signer, base64url};
use ring::hmac;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;

const ISSUER: &str = "https://issuer.test";
const PATIENCE: Duration = Duration::from_secs(60);

fn seconds(from_now: i64) -> i64 {
    SystemClock.now().micros() / 1_000_000 + from_now
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "job", "aud": "waxseal", "exp": seconds(3_600) })
}

/// These claims, with other members in place.
fn with(members: Value) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    claims
}

fn workload(subject: &str) -> Identity {
    Identity::Workload {
        issuer: waxseal_domain::identity::Issuer::parse(ISSUER).unwrap(),
        subject: Subject::parse(subject).unwrap(),
    }
}

async fn outcome(workloads: &Workloads, token: &str) -> Result<Identity, Why> {
    let vouched = workloads.verify(token, SystemClock.now()).await?;
    Ok(vouched.identity.clone())
}

/// Asks until the answer is this one.
async fn becomes(workloads: &Workloads, token: &str, wanted: Result<Identity, Why>) {
    let begun = Instant::now();
    loop {
        let found = outcome(workloads, token).await;
        if found == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?} in place of {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_token_is_its_subject_as_it_stands() {
    let (ec, ed) = (Signer::es256(), Signer::ed_dsa());
    let publisher = Publisher::start(&[ec.published("ec"), ed.published("ed")]).await;
    let workloads = Workloads::open(&publisher.list(ISSUER)).unwrap();
    for (signer, id) in [(&ec, "ec"), (&ed, "ed")] {
        for subject in ["job", "Job", "job ", "system:serviceaccount:ns:name"] {
            let token = signer.token(id, &with(json!({ "sub": subject })));
            assert_eq!(outcome(&workloads, &token).await, Ok(workload(subject)));
        }
    }
    for good in [
        json!({ "aud": ["other", "waxseal.test"] }),
        json!({ "nbf": seconds(25) }),
        json!({ "exp": seconds(-25) }),
        json!({ "exp": (seconds(60) as f64) + 0.5 }),
        json!({ "kubernetes.io": { "namespace": "ns" } }),
    ] {
        let token = ec.token("ec", &with(good.clone()));
        assert_eq!(outcome(&workloads, &token).await, Ok(workload("job")), "{good}");
    }
    assert_eq!(publisher.fetched(), 1);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_it_is_nobody() {
    let begun = Instant::now();
    let (signer, stranger) = (Signer::es256(), Signer::es256());
    let published = signer.published("a");
    let publisher = Publisher::start(std::slice::from_ref(&published)).await;
    let workloads = Workloads::open(&publisher.list(ISSUER)).unwrap();
    let good = signer.token("a", &claims());
    assert_eq!(outcome(&workloads, &good).await, Ok(workload("job")));

    let header = json!({ "alg": "ES256", "kid": "a" });
    let headed = |members: Value| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        signer.token_of(&header.to_string(), &claims().to_string())
    };
    let parts: Vec<&str> = good.split('.').collect();
    let none = base64url(json!({ "alg": "none", "kid": "a" }).to_string());
    let hs256 = format!(
        "{}.{}",
        base64url(json!({ "alg": "HS256", "kid": "a" }).to_string()),
        base64url(claims().to_string())
    );
    let public = hmac::Key::new(hmac::HMAC_SHA256, published.to_string().as_bytes());
    let mac = base64url(hmac::sign(&public, hs256.as_bytes()));
    let twice = |name: &str, value: &str| {
        let claims = claims().to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        signer.token_of(&header.to_string(), &claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        signer.token("a", &claims)
    };
    let key = published.clone();
    for (what, token) in [
        ("none", format!("{none}.{}.", parts[1])),
        ("none with a signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("HS256 by the public key", format!("{hs256}.{mac}")),
        ("RS256", headed(json!({ "alg": "RS256" }))),
        ("small letters", headed(json!({ "alg": "es256" }))),
        ("another signer", stranger.token("a", &claims())),
        ("another signer, its own name", stranger.token("b", &claims())),
        ("no name of a key", signer.token_of(r#"{"alg":"ES256"}"#, &claims().to_string())),
        ("jku", headed(json!({ "jku": publisher.url }))),
        ("x5u", headed(json!({ "x5u": publisher.url }))),
        ("jwk", headed(json!({ "jwk": key }))),
        ("crit", headed(json!({ "crit": ["x"], "x": 1 }))),
        ("b64", headed(json!({ "b64": false }))),
        ("nested", headed(json!({ "cty": "JWT" }))),
        ("nested in place of claims", signer.token_of(&header.to_string(), &good)),
        ("another type", headed(json!({ "typ": "dpop+jwt" }))),
        (
            "two algorithms",
            signer.token_of(r#"{"alg":"none","alg":"ES256","kid":"a"}"#, &claims().to_string()),
        ),
        ("another issuer", signer.token("a", &with(json!({ "iss": "https://other.test" })))),
        (
            "the issuer and a slash",
            signer.token("a", &with(json!({ "iss": format!("{ISSUER}/") }))),
        ),
        ("another audience", signer.token("a", &with(json!({ "aud": "other" })))),
        ("other audiences", signer.token("a", &with(json!({ "aud": ["other", "Waxseal"] })))),
        ("no audience in a list", signer.token("a", &with(json!({ "aud": [] })))),
        ("an audience that is a number", signer.token("a", &with(json!({ "aud": 1 })))),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("no audience", without("aud")),
        ("no end", without("exp")),
        ("an end that is text", signer.token("a", &with(json!({ "exp": "4102444800" })))),
        ("an end that is null", signer.token("a", &with(json!({ "exp": null })))),
        ("an end before 1970", signer.token("a", &with(json!({ "exp": -1 })))),
        ("an end after all days", signer.token("a", &with(json!({ "exp": 1e300 })))),
        ("an end in ten years", signer.token("a", &with(json!({ "exp": seconds(315_360_000) })))),
        ("an end in 25 hours", signer.token("a", &with(json!({ "exp": seconds(90_000) })))),
        ("over for 35 s", signer.token("a", &with(json!({ "exp": seconds(-35) })))),
        ("not before 61 s", signer.token("a", &with(json!({ "nbf": seconds(61) })))),
        ("a beginning that is text", signer.token("a", &with(json!({ "nbf": "0" })))),
        ("a subject twice", twice("sub", "\"admin\"")),
        ("an issuer twice", twice("iss", "\"https://other.test\"")),
        ("an end twice", twice("exp", "1")),
        ("something else twice", twice("x", "{\"y\":1,\"y\":2}")),
        ("NUL in the subject", signer.token("a", &with(json!({ "sub": "job\0" })))),
        ("an empty subject", signer.token("a", &with(json!({ "sub": "" })))),
        ("a subject that is a list", signer.token("a", &with(json!({ "sub": ["job"] })))),
        ("64 kB", signer.token("a", &with(json!({ "x": "x".repeat(64 * 1024) })))),
        ("a space before", format!(" {good}")),
        ("a line end behind", format!("{good}\n")),
        ("padding", format!("{good}=")),
    ] {
        let found = outcome(&workloads, &token).await;
        assert!(found.is_err(), "{what}: {found:?}");
    }
    assert_eq!(outcome(&workloads, &good).await, Ok(workload("job")));
    // One at the start; for names of keys that it does not have, one more at most in ten seconds.
    let most = 2 + begun.elapsed().as_secs() as usize / 10;
    assert!(publisher.fetched() <= most, "{}", publisher.fetched());
}

#[tokio::test]
async fn names_of_unknown_keys_cost_a_fetch_in_ten_seconds() {
    let signer = Signer::es256();
    let publisher = Publisher::start(&[signer.published("a")]).await;
    let workloads = Arc::new(Workloads::open(&publisher.list(ISSUER)).unwrap());
    becomes(&workloads, &signer.token("a", &claims()), Ok(workload("job"))).await;
    let begun = Instant::now();
    for batch in 0..20 {
        let asked = (0..50).map(|one| {
            let token = signer.token(&format!("unknown-{batch}-{one}"), &claims());
            let workloads = workloads.clone();
            tokio::spawn(async move { outcome(&workloads, &token).await })
        });
        for asked in asked.collect::<Vec<_>>() {
            assert_eq!(asked.await.unwrap(), Err("its key is not known"));
        }
    }
    let most = 1 + begun.elapsed().as_secs() as usize / 10 + 1;
    assert!(publisher.fetched() <= most, "{} in {:?}", publisher.fetched(), begun.elapsed());
}

#[tokio::test]
async fn a_key_comes_and_a_key_goes() {
    let (old, new) = (Signer::es256(), Signer::ed_dsa());
    let publisher = Publisher::start(&[old.published("old")]).await;
    let workloads = Workloads::open(&publisher.list(ISSUER)).unwrap();
    let (of_old, of_new) = (old.token("old", &claims()), new.token("new", &claims()));
    becomes(&workloads, &of_old, Ok(workload("job"))).await;
    publisher.publish(&[new.published("new")]);
    becomes(&workloads, &of_new, Ok(workload("job"))).await;
    // What the old one has signed was remembered, and is no longer.
    assert_eq!(outcome(&workloads, &of_old).await, Err("its key is not known"));
}

#[tokio::test]
async fn an_issuer_that_is_away_or_confused_keeps_its_keys() {
    let (old, new) = (Signer::es256(), Signer::es256());
    let publisher = Publisher::start(&[old.published("old")]).await;
    let workloads = Workloads::open(&publisher.list(ISSUER)).unwrap();
    becomes(&workloads, &old.token("old", &claims()), Ok(workload("job"))).await;
    let keys = json!({ "keys": [new.published("new")] }).to_string();
    let moved = format!("302 Found\r\nlocation: {}", publisher.url);
    for (head, body) in [
        ("500 Internal Server Error", &*keys),
        (&moved, &keys),
        ("200 OK", "<html>"),
        ("200 OK", r#"{"keys":[]}"#),
        ("200 OK", &format!("{keys}{}", " ".repeat(300 * 1024))),
    ] {
        publisher.answer_with(head, body);
        let (trusted, before) = (&workloads.issuers[ISSUER], publisher.fetched());
        let begun = Instant::now();
        trusted.fetch_at_once().await;
        assert!(publisher.fetched() > before && begun.elapsed() < PATIENCE);
        let found = outcome(&workloads, &new.token("new", &claims())).await;
        assert_eq!(found, Err("its key is not known"), "{head}");
        let fresh = old.token("old", &with(json!({ "x": head })));
        assert_eq!(outcome(&workloads, &fresh).await, Ok(workload("job")), "{head}");
    }
    let reachable = workloads.issuers[ISSUER].clone();
    drop(publisher);
    reachable.fetch_at_once().await;
    let fresh = old.token("old", &with(json!({ "x": "away" })));
    assert_eq!(outcome(&workloads, &fresh).await, Ok(workload("job")));
}

#[tokio::test]
async fn only_whom_the_authority_names_publishes_keys() {
    let signer = Signer::es256();
    let publisher = Publisher::start(&[signer.published("a")]).await;
    let other = Publisher::start(&[]).await;
    let list = publisher.list(ISSUER);
    let text = std::fs::read_to_string(&list).unwrap();
    let text = text.replace(publisher.ca.to_str().unwrap(), other.ca.to_str().unwrap());
    std::fs::write(&list, text).unwrap();
    let workloads = Workloads::open(&list).unwrap();
    let found = outcome(&workloads, &signer.token("a", &claims())).await;
    assert_eq!((found, publisher.fetched()), (Err("its key is not known"), 0));
}

#[tokio::test]
async fn what_is_remembered_ends_with_the_token() {
    let signer = Signer::es256();
    let publisher = Publisher::start(&[signer.published("a")]).await;
    let workloads = Workloads::open(&publisher.list(ISSUER)).unwrap();
    let token = signer.token("a", &with(json!({ "exp": seconds(60) })));
    let now = SystemClock.now();
    let first = workloads.verify(&token, now).await.unwrap();
    let again = workloads.verify(&token, now).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "it costs a hash");
    assert!(workloads.verify(&token, now.after(Duration::from_secs(85))).await.is_ok());
    let over = workloads.verify(&token, now.after(Duration::from_secs(95))).await;
    assert_eq!(over.unwrap_err(), "it has expired");
}

/// By a file, so that no time passes but the one that is made to.
#[tokio::test(start_paused = true)]
async fn keys_are_looked_at_again_and_end_when_nobody_vouches_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let (list, keys) = (dir.path().join("issuers.toml"), dir.path().join("keys.json"));
    let text = format!(
        "[[issuer]]\nissuer = \"{ISSUER}\"\naudience = [\"waxseal\"]\njwks_file = \"keys.json\"\n"
    );
    std::fs::write(&list, text).unwrap();
    let (old, new) = (Signer::es256(), Signer::es256());
    std::fs::write(&keys, json!({ "keys": [old.published("a")] }).to_string()).unwrap();
    let workloads = Workloads::open(&list).unwrap();
    let (of_old, of_new) = (old.token("a", &claims()), new.token("a", &claims()));
    assert_eq!(outcome(&workloads, &of_old).await, Ok(workload("job")));
    std::fs::write(&keys, json!({ "keys": [new.published("a")] }).to_string()).unwrap();
    assert_eq!(outcome(&workloads, &of_old).await, Ok(workload("job")));
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    assert!(outcome(&workloads, &of_old).await.is_err());
    assert_eq!(outcome(&workloads, &of_new).await, Ok(workload("job")));
    std::fs::remove_file(&keys).unwrap();
    tokio::time::sleep(Duration::from_secs(23 * 3_600)).await;
    assert_eq!(outcome(&workloads, &of_new).await, Ok(workload("job")));
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(outcome(&workloads, &of_new).await, Err("its key is not known"));
}
