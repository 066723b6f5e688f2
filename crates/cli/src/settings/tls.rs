//! Certificates of both sides, for servers at https:// addresses.

use super::{Address, Error, Profile, text};
use crate::options::TlsFlags;
use crate::surroundings::{Surroundings, variable};
use std::fs;
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use zeroize::Zeroizing;

/// What TLS with a server is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Authorities of the server's certificate; where none is named, those of the machine.
    ca: Option<PathBuf>,
    /// A certificate and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

/// What options, variables and the profile say about TLS with this address; `None` where it is
/// reached without.
pub(super) fn find(
    flags: TlsFlags,
    address: &Address,
    surroundings: &Surroundings,
    profile: &Profile,
) -> Result<Option<Tls>, Error> {
    let Address::Tls(_) = address else {
        // A profile may be for several addresses; an option is meant for this one.
        return match flags == TlsFlags::default() {
            true => Ok(None),
            false => Err(Error::NotTls),
        };
    };
    let path = |option: Option<PathBuf>, name, profile: &Option<PathBuf>| {
        let variable = text(surroundings, name)?.map(PathBuf::from);
        Ok::<_, Error>(option.or(variable).or(profile.clone()))
    };
    let ca = path(flags.ca, variable::CA, &profile.ca)?;
    let certificate = path(flags.cert, variable::CERT, &profile.cert)?;
    let key = path(flags.key, variable::KEY, &profile.key)?;
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(Error::HalfOfIdentity),
    };
    Ok(Some(Tls { ca, identity }))
}

impl Tls {
    /// Whether there is a certificate to be known by, so that no token is needed.
    pub(crate) fn is_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Reads the files.
    pub(crate) fn config(&self) -> Result<ClientTlsConfig, Error> {
        let mut config = ClientTlsConfig::new();
        config = match &self.ca {
            Some(path) => {
                let ca = read(path)?;
                let is_pem = ca.windows(27).any(|line| line == b"-----BEGIN CERTIFICATE-----");
                if !is_pem {
                    return Err(Error::NotPem { path: path.clone() });
                }
                config.ca_certificate(Certificate::from_pem(&*ca))
            }
            None => config.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(&*read(certificate)?, &*read(key)?));
        }
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |source| Error::TlsFile { path: path.to_owned(), source };
    fs::read(path).map(Zeroizing::new).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Mode;

    fn found(flags: TlsFlags, address: &str, vars: &[(&str, &str)]) -> Result<Option<Tls>, Error> {
        let vars = vars.iter().map(|(name, content)| ((*name).into(), (*content).into()));
        let surroundings = Surroundings::of(vars.collect::<Vec<_>>(), Mode::empty());
        let profile = Profile { ca: Some("/profile".into()), ..Profile::default() };
        find(flags, &address.parse().unwrap(), &surroundings, &profile)
    }

    #[test]
    fn options_win_over_variables_and_variables_over_the_profile() {
        let tls = found(TlsFlags::default(), "https://h:1", &[]).unwrap().unwrap();
        assert_eq!((tls.ca.clone(), tls.is_identity()), (Some("/profile".into()), false));
        let vars =
            [("WAXSEAL_CA_FILE", "/a"), ("WAXSEAL_CERT_FILE", "/c"), ("WAXSEAL_KEY_FILE", "/k")];
        let flags = TlsFlags { cert: Some("/option".into()), ..TlsFlags::default() };
        let tls = found(flags, "https://h:1", &vars).unwrap().unwrap();
        let identity = Some(("/option".into(), "/k".into()));
        assert_eq!(tls, Tls { ca: Some("/a".into()), identity });
    }

    #[test]
    fn half_of_an_identity_and_certificates_without_tls_are_slips() {
        let half = found(TlsFlags::default(), "https://h:1", &[("WAXSEAL_CERT_FILE", "/c")]);
        assert!(matches!(half, Err(Error::HalfOfIdentity)));
        let flags = TlsFlags { ca: Some("/a".into()), ..TlsFlags::default() };
        assert!(matches!(found(flags.clone(), "http://h:1", &[]), Err(Error::NotTls)));
        assert!(matches!(found(flags, "unix:/s", &[]), Err(Error::NotTls)));
        let vars = [("WAXSEAL_CERT_FILE", "/c")];
        assert!(matches!(found(TlsFlags::default(), "unix:/s", &vars), Ok(None)));
    }
}
