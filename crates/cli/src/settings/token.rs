//! The API token: from a file or the environment, never from the command line.

use super::{Error, Profile};
use crate::surroundings::{Surroundings, variable};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// More than any token has.
const TOKEN_BYTES: u64 = 256;
const PREFIX: &str = "wxs_";

/// The token of an option, else of the environment, else of the profile.
pub(super) fn find(
    option: Option<PathBuf>,
    surroundings: &Surroundings,
    profile: &Profile,
) -> Result<Zeroizing<String>, Error> {
    if let Some(path) = option {
        return read(&path);
    }
    if let Some(token) = surroundings.get(variable::TOKEN) {
        let token = token.to_str().unwrap_or_default();
        return checked(token, || variable::TOKEN.to_owned());
    }
    if let Some(path) = surroundings.get(variable::TOKEN_FILE) {
        return read(Path::new(path));
    }
    match (&profile.token, &profile.token_file) {
        (Some(token), _) => checked(token, || "the profile".to_owned()),
        (None, Some(path)) => read(path),
        (None, None) => Err(Error::NoToken),
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    // A slip of this kind must not put the token into a message.
    let is_token = |part: &std::ffi::OsStr| part.to_string_lossy().starts_with(PREFIX);
    let failed = |source| match path.file_name().is_some_and(is_token) {
        true => Error::TokenAsPath,
        false => Error::TokenFile { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES as usize));
    file.take(TOKEN_BYTES).read_to_string(&mut text).map_err(failed)?;
    checked(&text, || path.display().to_string())
}

fn checked(text: &str, from: impl FnOnce() -> String) -> Result<Zeroizing<String>, Error> {
    let token = text.trim_ascii_end();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match token.starts_with(PREFIX) && token.bytes().all(plain) {
        true => Ok(Zeroizing::new(token.to_owned())),
        false => Err(Error::NotAToken { from: from() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word() {
        assert_eq!(*checked("wxs_run_a\n", String::new).unwrap(), "wxs_run_a");
        for bad in ["", "canary", "wxs_a wxs_b", "wxs_a\nwxs_b", " wxs_a", "wxs_ä"] {
            let refused = checked(bad, || "it".to_owned()).unwrap_err().to_string();
            assert!(!refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn a_token_in_the_place_of_a_path_is_not_repeated() {
        for path in ["wxs_run_canary", "./wxs_run_canary"] {
            let refused = read(Path::new(path)).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        }
    }
}
