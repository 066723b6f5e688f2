//! The environment variables that are known, and the others.

use super::{Config, ConfigError};
use clap::Args;
use std::ffi::OsStr;

const PREFIX: &str = "WAXSEAL_";

/// Refuses environment variables that begin with `WAXSEAL_` and are none of this server's: a
/// setting that was misspelt must not silently be the default. Hand in `std::env::vars_os()`.
///
/// # Errors
/// The first unknown variable, with the known one that it resembles most.
pub fn refuse_unknown<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<(), ConfigError>
where
    N: AsRef<OsStr>,
{
    let known = known();
    for (name, _) in vars {
        let name = name.as_ref().to_string_lossy();
        if name.starts_with(PREFIX) && !known.iter().any(|known| *known == name) {
            let nearest = known.iter().min_by_key(|known| strsim::levenshtein(known, &name));
            let nearest = nearest.cloned().unwrap_or_default();
            return Err(ConfigError::UnknownVariable { name: name.into_owned(), nearest });
        }
    }
    Ok(())
}

/// The variables of all options, as the options themselves say.
fn known() -> Vec<String> {
    Config::augment_args(clap::Command::new("waxseal"))
        .get_arguments()
        .filter_map(|option| option.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_known_is_refused_with_the_nearest() {
        let refused = refuse_unknown([("PATH", ""), ("WAXSEAL_LISTENS", "1")]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the environment variable WAXSEAL_LISTENS is not known; did you mean WAXSEAL_LISTEN?"
        );
    }

    #[test]
    fn known_variables_and_those_of_others_pass() {
        let known = known();
        assert!(known.len() > 5, "{known:?}");
        let vars = known.iter().map(String::as_str).chain(["HOME", "waxseal_x", "X_WAXSEAL_Y"]);
        assert_eq!(refuse_unknown(vars.map(|name| (name, ""))), Ok(()));
    }

    #[test]
    fn every_variable_is_shown_as_effective() {
        let effective = Config::default().effective();
        for name in known() {
            assert!(effective.contains(&format!("{name}=")), "{name}");
        }
    }
}
