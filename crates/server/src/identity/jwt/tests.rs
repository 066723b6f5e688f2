use super::*;
use serde_json::json;

/// The public half of a key that signed [`RS256`] and [`PS256`], by OpenSSL, and was thrown away.
const MODULUS: &str = "7a9PSUQS1IUyFLbw7tBbQWPUw2L5Uce_N_2JcXMOxtEiMj9RNvfmhVVQMzPhaBnl2jPKMZwcqVNXsbiDN8LtNcpxl_4PyPnN9lAQXTOHGSW8-gGbo5nyljBKDb2vmjWo-5E9yQY2fN-YNvVoLlWHr_Ea8qaHJbJjMVb92xNMwniZwV-PZfz0xwjGLq09YxrE1reKirTFuQaSpuwlNKC162m3o-oiPa9Yp2p1BAJRm3lo3Sc9Aye9g2xdMlzTKe5BsSAkeBO1Zqxs4tHqHvl52o6YzpPecYObTqFXE1-2zhlSQ6uRr4keXRAtxp9NY0tcjJdl3DhaqXV_I2yIA3Bqkw";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0Iiwic3ViIjoiam9iIiwiYXVkIjoid2F4c2VhbCIsImV4cCI6MjAwMDAwMDAwMH0.HPsVxTvHLLQvI3EuUFqN6chNgXBwAz_mR-HfKG3niqWdFHH2Ynwj8fJlalfhZzsDOjWGHmFgdZbeKknGKdtqb4Dzr2X_grNPAhqhnnjYuHJ6vFnwC1HK6QxaDudZ9STx-e41-iDnLgyK_R-jwl4yxufZMd_59AE8r-vhdZnL4OALhE6g1QAzqFuoE1qNEFJ5mTrVVyhXTC6H-I9-OZUqhxv6MmLIU_DbiCPY4lBTFG9o7Wo3es7zO_bIMnkeflMF3s1fvjGp7QWW2X_-zWkbAbL-H396KB0i5wCLHyTi73PuKRcGc0oIz8l6ElcDcZhbCjabrOHSOUTFVqMJkN1lpQ";
const PS256: &str = "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0Iiwic3ViIjoiam9iIiwiYXVkIjoid2F4c2VhbCIsImV4cCI6MjAwMDAwMDAwMH0.OrPfEnf4Ho07WtoUWIgo_TR4VRVnzhN84hiNtVn-l2RnEF4cJffIQBbNp370uKU_uupyNNoiB19-aO3UYiy1IZoGgAaHNLAdMHwcMsFNmQvclP5X1tfb6qPvq7WENk_BUN_VUZY_IuRy7Zzb7guPv75R79NgikK6kYdnzLFds6_odf62L9KWKB9Lphg3ZpEMfg3SZ11s5-FmeUtguERI8XPCmoQF-yLP1Xz5Sjwo8u-_GfsR04knXXxax_4ElEKpsbmhJkebTHzhuU08BUxx8RuneL92qw6czbdBJrqCLXXmZ5V81Ewtb1TQB6_XSMcrRKpdzHU3snBDrWMTF37V8w";

fn rsa(members: serde_json::Value) -> Option<Key> {
    let mut key = json!({ "kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB" });
    key.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    parse_keys(json!({ "keys": [key] }).to_string().as_bytes()).unwrap().pop()
}

#[test]
fn what_others_sign_verifies_by_its_own_algorithm_alone() {
    let (one, other) = (Token::parse(RS256).unwrap(), Token::parse(PS256).unwrap());
    for key in [rsa(json!({})).unwrap(), rsa(json!({ "alg": "RS256", "use": "sig" })).unwrap()] {
        assert!(one.is_signed_by(&key) && !other.is_signed_by(&key));
    }
    let key = rsa(json!({ "alg": "PS256", "key_ops": ["verify"] })).unwrap();
    assert!(other.is_signed_by(&key) && !one.is_signed_by(&key));
    assert_eq!((&*one.claims.iss, &*one.claims.sub), ("https://issuer.test", "job"));
}

#[test]
fn keys_for_something_else_are_passed_over() {
    for members in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["encrypt"] }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RSA-OAEP" }),
        json!({ "alg": "ES256" }),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kid": 7 }),
        json!({ "n": "!" }),
    ] {
        assert!(rsa(members.clone()).is_none(), "{members}");
    }
    let short =
        json!({ "keys": [{ "kty": "EC", "kid": "a", "crv": "P-256", "x": "AA", "y": "AA" }] });
    assert!(parse_keys(short.to_string().as_bytes()).unwrap().is_empty());
    assert!(parse_keys(b"<html>").is_none() && parse_keys(b"{}").is_none());
}

#[test]
fn every_bit_of_a_token_counts() {
    let key = rsa(json!({})).unwrap();
    for place in (0..RS256.len()).step_by(7) {
        let mut changed = RS256.to_owned().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let signed = Token::parse(&changed).is_ok_and(|token| token.is_signed_by(&key));
        assert!(!signed, "{place}");
    }
}

#[test]
fn a_token_is_three_parts_of_base64url() {
    for bad in ["", "a", "a.b", "a.b.c", "a.b.c.d", &format!("{RS256}."), &format!("{RS256}=")] {
        assert!(Token::parse(bad).is_err(), "{bad}");
    }
    assert!(Token::parse(&format!("{RS256}{}", "A".repeat(64 * 1024))).is_err());
}
