//! Profiles: settings that a person keeps under a name.

use super::Error;
use crate::options::{Format, StageName};
use crate::surroundings::Surroundings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// More than anybody writes by hand.
const FILE_BYTES: u64 = 1 << 20;
/// The profile that is taken when none is asked for.
const DEFAULT: &str = "default";

/// What one profile says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) address: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    #[serde(default, deserialize_with = "hidden")]
    pub(crate) token: Option<Zeroizing<String>>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    #[serde(default, deserialize_with = "chosen")]
    pub(crate) stage: Option<StageName>,
    #[serde(default, deserialize_with = "chosen")]
    pub(crate) output: Option<Format>,
}

type Profiles = BTreeMap<String, Profile>;

impl Profile {
    /// The profile of that name; without a name the one called default, if there is one.
    pub(crate) fn load(name: Option<&str>, surroundings: &Surroundings) -> Result<Self, Error> {
        let Some(path) = path(surroundings) else {
            return if name.is_some() { Err(Error::NoHome) } else { Ok(Self::default()) };
        };
        let mut profiles = match read(&path) {
            Ok((text, mode)) => parse(&path, &text, mode)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && name.is_none() => {
                return Ok(Self::default());
            }
            Err(source) => return Err(Error::Profiles { path, source }),
        };
        match (profiles.remove(name.unwrap_or(DEFAULT)), name) {
            (Some(profile), _) => Ok(profile.beside(&path)),
            (None, None) => Ok(Self::default()),
            (None, Some(_)) => {
                let known = crate::words::list(&profiles.into_keys().collect::<Vec<_>>());
                let known = if known.is_empty() { "none".to_owned() } else { known };
                Err(Error::NoProfile { path, known })
            }
        }
    }

    /// With files that are relative to the profiles.
    fn beside(mut self, path: &Path) -> Self {
        let Some(dir) = path.parent() else { return self };
        let files = [&mut self.token_file, &mut self.ca, &mut self.cert, &mut self.key];
        for file in files.into_iter().flatten() {
            *file = dir.join(&*file);
        }
        self
    }
}

/// Where the profiles are. A relative path counts for none, as the XDG specification asks.
fn path(surroundings: &Surroundings) -> Option<PathBuf> {
    let absolute =
        |name| Some(Path::new(surroundings.get(name)?)).filter(|path| path.is_absolute());
    let config = match absolute("XDG_CONFIG_HOME") {
        Some(config) => config.to_owned(),
        None => absolute("HOME")?.join(".config"),
    };
    Some(config.join("waxseal/profiles.toml"))
}

/// The text, and the permissions of the very file that it was read from.
fn read(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES).read_to_string(&mut text)?;
    Ok((text, mode))
}

fn parse(path: &Path, text: &str, mode: u32) -> Result<Profiles, Error> {
    let profiles: Profiles = toml::from_str(text).map_err(|mut error| {
        // Its words may repeat a token, and so may the text that it keeps.
        let at = error.span().map_or(0, |span| span.start);
        error.set_input(None);
        let line = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        Error::Syntax { path: path.to_owned(), line }
    })?;
    let tells = |profile: &Profile| profile.token.is_some() || profile.token_file.is_some();
    if mode & 0o077 != 0 && profiles.values().any(tells) {
        return Err(Error::Exposed { path: path.to_owned() });
    }
    Ok(profiles)
}

fn hidden<'de, D>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(Some(Zeroizing::new(String::deserialize(deserializer)?)))
}

fn chosen<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: clap::ValueEnum,
{
    let mut text = String::deserialize(deserializer)?;
    let chosen = T::from_str(&text, false);
    text.zeroize();
    chosen.map(Some).map_err(|_| serde::de::Error::custom("not one of the choices"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/h/.config/waxseal/profiles.toml";

    fn parsed(text: &str, mode: u32) -> Result<Profiles, Error> {
        parse(Path::new(PATH), text, mode)
    }

    #[test]
    fn a_profile_is_a_heading_and_settings() {
        let text = "[default]\nproject = \"demo\"\n\n[production]\naddress = \"http://h:1\"\n\
                    token_file = \"production.token\"\nstage = \"live\"\noutput = \"json\"\n";
        let mut profiles = parsed(text, 0o100_600).unwrap();
        assert_eq!(profiles["default"].project.as_deref(), Some("demo"));
        let production = profiles.remove("production").unwrap().beside(Path::new(PATH));
        assert_eq!(production.stage, Some(StageName::Live));
        assert_eq!(production.output, Some(Format::Json));
        assert_eq!(
            production.token_file.unwrap(),
            Path::new("/h/.config/waxseal/production.token")
        );
    }

    #[test]
    fn a_file_with_a_token_is_private() {
        for secret in ["token = \"wxs_x\"", "token_file = \"t\""] {
            let text = format!("[a]\n{secret}\n[b]\nproject = \"demo\"\n");
            for open in [0o640, 0o604, 0o622, 0o666] {
                let refused = parsed(&text, open).map(drop).unwrap_err();
                assert!(refused.to_string().ends_with(&format!("chmod 600 {PATH}")), "{refused}");
            }
            assert!(parsed(&text, 0o600).is_ok());
            assert!(parsed(&text, 0o400).is_ok());
        }
        assert!(parsed("[a]\nproject = \"demo\"\n", 0o644).is_ok());
    }

    #[test]
    fn a_slip_is_told_by_its_line_and_not_by_its_text() {
        for (text, line) in [
            ("[a]\ntokn = \"canary\"\n", 2),
            ("[a]\n\ntoken = canary\n", 3),
            ("[a]\nstage = \"canary\"\n", 2),
            ("[a]\ntoken = 7\n", 2),
            ("token = \"canary\"\n", 1),
            ("[a]\ntoken = \"canary\ncanary\"\n", 3),
        ] {
            let refused = parsed(text, 0o600).map(drop).unwrap_err();
            assert!(
                matches!(refused, Error::Syntax { line: found, .. } if found == line),
                "{text}"
            );
            assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        }
    }
}
