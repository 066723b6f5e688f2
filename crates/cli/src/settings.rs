//! What a command that speaks to a server needs to know: from its options, else from the
//! environment, else from a profile.

mod address;
mod profile;
mod tls;
mod token;

pub(crate) use address::Address;
pub(crate) use profile::Profile;
pub(crate) use tls::Tls;

use crate::options::{Flags, Format, StageName};
use crate::surroundings::{Surroundings, variable};
use clap::ValueEnum as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use waxseal_proto::v1::Stage;
use zeroize::Zeroizing;

/// Where to speak to, as whom, about what, and what to print.
pub(crate) struct Settings {
    pub(crate) address: Address,
    /// For an https:// address.
    pub(crate) tls: Option<Tls>,
    /// None where a certificate does.
    pub(crate) token: Option<Zeroizing<String>>,
    pub(crate) format: Format,
    pub(crate) timeout: Duration,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) stage: Option<Stage>,
}

/// Why there are no settings. Never holds a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "the address (--address, WAXSEAL_ADDRESS) must be https://HOST:PORT, http://HOST:PORT or unix:PATH"
    )]
    Address,
    #[error(
        "--ca, --cert and --key are for an address https://HOST:PORT (--address, WAXSEAL_ADDRESS)"
    )]
    NotTls,
    #[error(
        "a certificate and its key go together: set both --cert (WAXSEAL_CERT_FILE) and --key \
         (WAXSEAL_KEY_FILE), or neither"
    )]
    HalfOfIdentity,
    #[error("{path} cannot be read: {source}")]
    TlsFile { path: PathBuf, source: io::Error },
    #[error("{path} holds no certificate in PEM")]
    NotPem { path: PathBuf },
    #[error(
        "no token: set --token-file, WAXSEAL_TOKEN_FILE or WAXSEAL_TOKEN, or token_file in a \
         profile; on the machine of the server `waxseal token create` makes one"
    )]
    NoToken,
    #[error(
        "a token stands where the path of a file belongs: put it into a file for --token-file, or \
         into the variable WAXSEAL_TOKEN"
    )]
    TokenAsPath,
    #[error("the token file {path} cannot be read: {source}")]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("what {from} holds is not a token: it is one line that begins with wxs_")]
    NotAToken { from: String },
    #[error("{name} must be {rule}")]
    Variable { name: &'static str, rule: &'static str },
    #[error("the profiles {path} cannot be read: {source}")]
    Profiles { path: PathBuf, source: io::Error },
    #[error("neither XDG_CONFIG_HOME nor HOME says where profiles are: leave --profile out")]
    NoHome,
    #[error("there is no profile of that name in {path}: it has {known}")]
    NoProfile { path: PathBuf, known: String },
    #[error(
        "{path} holds a token or the path of one, and others may read or write it: \
         chmod 600 {path}"
    )]
    Exposed { path: PathBuf },
    #[error(
        "line {line} of {path} is not as profiles are written: a heading [NAME], then address, \
         ca, cert, key, token, token_file, project, environment, stage or output, each = \"TEXT\""
    )]
    Syntax { path: PathBuf, line: usize },
}

impl Format {
    /// As far as it is known before the profile is read.
    pub(crate) fn asked(flags: &Flags, surroundings: &Surroundings) -> Self {
        let variable = surroundings.get(variable::OUTPUT).and_then(|text| text.to_str());
        flags.output.or_else(|| Self::from_str(variable?, false).ok()).unwrap_or_default()
    }
}

impl Settings {
    pub(crate) fn gather(flags: Flags, surroundings: &Surroundings) -> Result<Self, Error> {
        let Flags { address, tls, token_file, profile, output, timeout, .. } = flags;
        let Flags { project, environment, stage, .. } = flags;
        let text = |name| text(surroundings, name);
        let profile = Profile::load(profile.or(text(variable::PROFILE)?).as_deref(), surroundings)?;
        let address = match address.or(text(variable::ADDRESS)?).or(profile.address.clone()) {
            Some(address) => address.parse()?,
            None => Address::default(),
        };
        let tls = tls::find(tls, &address, surroundings, &profile)?;
        let token = match token::find(token_file, surroundings, &profile) {
            Err(Error::NoToken) if tls.as_ref().is_some_and(Tls::is_identity) => None,
            found => Some(found?),
        };
        let format = match output {
            None => choice(variable::OUTPUT, "table or json", text(variable::OUTPUT)?)?,
            given => given,
        };
        let stage = match stage {
            None => choice(variable::STAGE, "draft or live", text(variable::STAGE)?)?,
            given => given,
        };
        Ok(Self {
            token,
            address,
            tls,
            format: format.or(profile.output).unwrap_or_default(),
            timeout,
            project: project.or(text(variable::PROJECT)?).or(profile.project),
            environment: environment.or(text(variable::ENVIRONMENT)?).or(profile.environment),
            stage: stage.or(profile.stage).map(StageName::into),
        })
    }
}

fn text(surroundings: &Surroundings, name: &'static str) -> Result<Option<String>, Error> {
    let text = |content: &std::ffi::OsStr| {
        content.to_str().map(str::to_owned).ok_or(Error::Variable { name, rule: "UTF-8" })
    };
    surroundings.get(name).map(text).transpose()
}

fn choice<T: clap::ValueEnum>(
    name: &'static str,
    rule: &'static str,
    text: Option<String>,
) -> Result<Option<T>, Error> {
    let parse =
        |text: String| T::from_str(&text, false).map_err(|_| Error::Variable { name, rule });
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests;
