//! The name in a client's certificate, by the rules of X.509 SVIDs.

use super::Vouched;
use rustls::pki_types::CertificateDer;
use waxseal_domain::identity::{Identity, SpiffeId};
use waxseal_domain::time::Timestamp;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

const MICROS: i64 = 1_000_000;

/// Whom a certificate names that has been verified; or, for the log, why it names nobody.
pub(crate) fn spiffe(certificate: &CertificateDer<'_>) -> Result<Vouched, &'static str> {
    const UNREADABLE: &str = "it does not read";
    let Ok(([], certificate)) = X509Certificate::from_der(certificate) else {
        return Err(UNREADABLE);
    };
    let extended = certificate.extended_key_usage().map_err(|_| UNREADABLE)?;
    if !extended.is_some_and(|usage| usage.value.client_auth) {
        return Err("it is not meant for clients");
    }
    let usage = certificate.key_usage().map_err(|_| UNREADABLE)?;
    let signs_others =
        usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
    if certificate.is_ca() || signs_others {
        return Err("it is an authority's");
    }
    let names = certificate.subject_alternative_name().map_err(|_| UNREADABLE)?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uri = match (uris.next(), uris.next()) {
        (Some(uri), None) => uri,
        (None, _) => return Err("it has no URI name"),
        (Some(_), Some(_)) => return Err("it has more than one URI name"),
    };
    let id = SpiffeId::parse(uri).map_err(|_| "its URI name is not a SPIFFE id")?;
    let end = certificate.validity().not_after.timestamp().saturating_mul(MICROS);
    Ok(Vouched::new(Identity::Spiffe(id), Timestamp::from_micros(end)))
}
