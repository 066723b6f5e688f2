//! Keys of issuers, each for one algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;

/// How a token is signed: with the private half of a pair of keys. None and those with a shared
/// secret are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(in crate::identity) enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this name, written exactly so.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A public key of an issuer.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::identity) struct Key {
    pub(in crate::identity) id: String,
    pub(in crate::identity) algorithm: Algorithm,
    material: Material,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, as the algorithm's curve writes it.
    Point(Vec<u8>),
}

impl Key {
    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let point = |algorithm: &'static dyn VerificationAlgorithm| match &self.material {
            Material::Point(point) => {
                UnparsedPublicKey::new(algorithm, point).verify(signed, signature).is_ok()
            }
            Material::Rsa { .. } => false,
        };
        let rsa = |algorithm| match &self.material {
            Material::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(algorithm, signed, signature).is_ok()
            }
            Material::Point(_) => false,
        };
        match self.algorithm {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::Es256 => point(&ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => point(&ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDsa => point(&ED25519),
        }
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// A key as issuers publish it (RFC 7517).
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a published set that can be used; those of other kinds are passed over. `None` where
/// it is no such set.
pub(in crate::identity) fn parse_keys(json: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(json).ok()?;
    let read = |key| serde_json::from_value(key).ok().and_then(read_key);
    Some(set.keys.into_iter().filter_map(read).collect())
}

fn read_key(key: Published) -> Option<Key> {
    let Published { kty, kid, alg, usage, key_ops, crv, n, e, x, y } = key;
    let signs = usage.is_none_or(|usage| usage == "sig")
        && key_ops.is_none_or(|all| all.iter().any(|one| one == "verify"));
    let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let (algorithm, material) = match (&*kty, crv.as_deref()) {
        ("RSA", None) => {
            // What a key of this kind is for where it does not say so is what everybody takes it
            // for.
            let algorithm = alg.as_deref().map_or(Some(Algorithm::Rs256), Algorithm::parse)?;
            let fits = matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256);
            let material = Material::Rsa { n: bytes(n)?, e: bytes(e)? };
            (fits.then_some(algorithm)?, material)
        }
        ("EC", Some(curve)) => {
            let (algorithm, length) = match curve {
                "P-256" => (Algorithm::Es256, 32),
                "P-384" => (Algorithm::Es384, 48),
                _ => return None,
            };
            let (x, y) = (bytes(x)?, bytes(y)?);
            let whole = x.len() == length && y.len() == length;
            (whole.then_some(algorithm)?, Material::Point([&[4], &*x, &*y].concat()))
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, Material::Point(bytes(x)?)),
        _ => return None,
    };
    let said = alg.is_none_or(|alg| Algorithm::parse(&alg) == Some(algorithm));
    (signs && said).then_some(Key { id: kid, algorithm, material })
}
