//! What the process was started in: its environment variables, and its file mode creation mask.

use rustix::fs::Mode;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use waxseal_server::config::{self, ConfigError};

/// The environment variables of the commands that speak to a server.
pub(crate) mod variable {
    pub(crate) const ADDRESS: &str = "WAXSEAL_ADDRESS";
    pub(crate) const TOKEN: &str = "WAXSEAL_TOKEN";
    pub(crate) const TOKEN_FILE: &str = "WAXSEAL_TOKEN_FILE";
    pub(crate) const PROFILE: &str = "WAXSEAL_PROFILE";
    pub(crate) const PROJECT: &str = "WAXSEAL_PROJECT";
    pub(crate) const ENVIRONMENT: &str = "WAXSEAL_ENVIRONMENT";
    pub(crate) const STAGE: &str = "WAXSEAL_STAGE";
    pub(crate) const OUTPUT: &str = "WAXSEAL_OUTPUT";
    pub(crate) const CA: &str = "WAXSEAL_CA_FILE";
    pub(crate) const CERT: &str = "WAXSEAL_CERT_FILE";
    pub(crate) const KEY: &str = "WAXSEAL_KEY_FILE";

    pub(crate) const ALL: [&str; 11] =
        [ADDRESS, TOKEN, TOKEN_FILE, PROFILE, PROJECT, ENVIRONMENT, STAGE, OUTPUT, CA, CERT, KEY];
}

/// Looked at once, when the process starts, and handed on.
pub(crate) struct Surroundings {
    variables: BTreeMap<String, OsString>,
    /// The mask before the process hardened itself.
    pub(crate) umask: Mode,
}

impl Surroundings {
    pub(crate) fn of(vars: impl IntoIterator<Item = (OsString, OsString)>, umask: Mode) -> Self {
        let named =
            |(name, content): (OsString, OsString)| Some((name.into_string().ok()?, content));
        Self { variables: vars.into_iter().filter_map(named).collect(), umask }
    }

    /// What a variable holds. An empty one counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str).filter(|content| !content.is_empty())
    }

    /// Whether a variable is there and holds nothing.
    pub(crate) fn is_empty(&self, name: &OsStr) -> bool {
        let content = name.to_str().and_then(|name| self.variables.get(name));
        content.is_some_and(|content| content.is_empty())
    }

    /// Refuses variables that begin with `WAXSEAL_` and are of no command.
    pub(crate) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let others = self.variables.keys().filter(|name| !variable::ALL.contains(&name.as_str()));
        config::refuse_unknown(others.map(|name| (name, ""))).map_err(|error| match error {
            ConfigError::UnknownVariable { name, nearest } => {
                let nearest = nearer(&name, nearest);
                ConfigError::UnknownVariable { name, nearest }
            }
            other => other,
        })
    }
}

/// The known variable that resembles `name` most, of the server's nearest and those of here.
fn nearer(name: &str, nearest: String) -> String {
    let ours = variable::ALL.into_iter().min_by_key(|known| strsim::levenshtein(known, name));
    match ours {
        Some(ours) if strsim::levenshtein(ours, name) < strsim::levenshtein(&nearest, name) => {
            ours.to_owned()
        }
        _ => nearest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Surroundings {
        let vars = vars.iter().map(|(name, content)| (name.into(), content.into()));
        Surroundings::of(vars.collect::<Vec<_>>(), Mode::empty())
    }

    #[test]
    fn variables_of_servers_and_of_callers_are_known() {
        let all: Vec<_> = variable::ALL.map(|name| (name, "x")).to_vec();
        assert_eq!(with(&all).refuse_unknown(), Ok(()));
        assert_eq!(with(&[("WAXSEAL_LISTEN", ""), ("PATH", "")]).refuse_unknown(), Ok(()));
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest_of_all() {
        for (name, nearest) in
            [("WAXSEAL_PROJCT", "WAXSEAL_PROJECT"), ("WAXSEAL_LISTENS", "WAXSEAL_LISTEN")]
        {
            let refused = with(&[(name, "canary")]).refuse_unknown().unwrap_err().to_string();
            assert!(refused.ends_with(&format!("did you mean {nearest}?")), "{refused}");
            assert!(!refused.contains("canary"));
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let surroundings = with(&[("WAXSEAL_PROJECT", ""), ("WAXSEAL_STAGE", "live")]);
        assert_eq!(surroundings.get(variable::PROJECT), None);
        assert_eq!(surroundings.get(variable::STAGE), Some(OsStr::new("live")));
    }
}
