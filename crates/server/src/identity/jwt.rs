//! Signed tokens: their form, their signature, their claims.
//!
//! Only the compact form of one signature over one object is read. Nothing that a token says about
//! itself decides how it is verified: the key says by which algorithm, the configuration says whose
//! key. The signatures are ring's, as those of TLS are.

mod json;
mod key;

pub(super) use key::{Algorithm, Key, parse_keys};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::time::Duration;
use waxseal_domain::time::Timestamp;

/// The longest token, in bytes.
pub(super) const TOKEN_BYTES: usize = 8 * 1024;
/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(30);
/// How far in the future a token may end. Longer is a key that somebody lost, not a token.
const LIFE: Duration = Duration::from_secs(24 * 3_600);

/// A token that was taken apart. Nothing in it is verified.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: String,
    pub(super) claims: Claims,
    signed: &'a [u8],
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    // Whoever sends one of these wants the token to be read in another way than it is here: by a
    // key that it brings itself, by rules that it names, or as a cover around another token.
    jku: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    crit: Option<IgnoredAny>,
    cty: Option<IgnoredAny>,
    enc: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// What a token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    aud: Audience,
    exp: serde_json::Number,
    nbf: Option<serde_json::Number>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Why a token is refused; for the log, never for the caller.
pub(super) type Why = &'static str;

impl<'a> Token<'a> {
    /// Takes a token apart, if it has the one form that is read.
    pub(super) fn parse(token: &'a str) -> Result<Self, Why> {
        if token.len() > TOKEN_BYTES {
            return Err("it is too long");
        }
        let form = "it is not of three parts";
        let (signed, signature) = token.rsplit_once('.').ok_or(form)?;
        let (header, claims) = signed.split_once('.').ok_or(form)?;
        if claims.contains('.') {
            return Err(form);
        }
        let header: Header = decoded(header)?;
        let Header { alg, kid, typ, jku, jwk, x5u, crit, cty, enc, zip, b64 } = header;
        if [jku, jwk, x5u, crit, cty, enc, zip, b64].iter().any(Option::is_some) {
            return Err("its header asks to be read in another way");
        }
        if typ.is_some_and(|typ| !["jwt", "at+jwt"].contains(&&*typ.to_ascii_lowercase())) {
            return Err("it is of another type");
        }
        Ok(Self {
            algorithm: Algorithm::parse(&alg).ok_or("its algorithm is none of ours")?,
            key_id: kid.ok_or("it names no key")?,
            claims: decoded(claims)?,
            signed: signed.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| "it is not base64url")?,
        })
    }

    /// Whether the key has signed it, by the algorithm of both.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        key.algorithm == self.algorithm && key.verifies(self.signed, &self.signature)
    }
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Why> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| "it is not base64url")?;
    if !json::is_unambiguous(&json) {
        return Err("it is not JSON, or says something twice");
    }
    serde_json::from_slice(&json).map_err(|_| "something is missing, or of another type")
}

impl Claims {
    /// Whether it is for one of these audiences.
    pub(super) fn is_for(&self, audiences: &[String]) -> bool {
        let ours = |audience: &String| audiences.contains(audience);
        match &self.aud {
            Audience::One(audience) => ours(audience),
            Audience::Several(audiences) => audiences.iter().any(ours),
        }
    }

    /// Until when it holds, if it does.
    pub(super) fn until(&self, now: Timestamp) -> Result<Timestamp, Why> {
        let end = date(&self.exp)?;
        if end > now.after(LIFE) {
            return Err("it would hold for too long");
        }
        let until = end.after(LEEWAY);
        if until <= now {
            return Err("it has expired");
        }
        if let Some(begin) = &self.nbf
            && date(begin)? > now.after(LEEWAY)
        {
            return Err("it does not hold yet");
        }
        Ok(until)
    }
}

/// Seconds since the Unix epoch. The standard allows parts of them; those are dropped.
fn date(number: &serde_json::Number) -> Result<Timestamp, Why> {
    const YEAR_9999: f64 = 253_402_300_800.0;
    match number.as_f64() {
        Some(seconds) if (0.0..YEAR_9999).contains(&seconds) => {
            Ok(Timestamp::from_micros(0).after(Duration::from_secs(seconds as u64)))
        }
        _ => Err("a time in it is out of range"),
    }
}

#[cfg(test)]
mod tests;
