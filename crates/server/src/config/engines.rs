//! What a server is put together from: store, key provider, shared cache.

use super::ConfigError;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A setting that may hold a password. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(String);

/// Where values, keys and shared views are kept. Without any of these a server keeps everything in
/// its data directory.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Production engines")]
pub struct Engines {
    /// The PostgreSQL database, 15 or newer: postgres://USER:PASSWORD@HOST:PORT/DATABASE, with
    /// ?sslmode=require&sslrootcert=FILE for TLS. Without it the store is a SQLite file in the data
    /// directory. Better given as a variable or a file: other users of a machine see options.
    #[arg(long, env = "WAXSEAL_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Sensitive>,

    /// A file that holds the URL of the PostgreSQL database.
    #[arg(
        long,
        env = "WAXSEAL_DATABASE_URL_FILE",
        value_name = "FILE",
        conflicts_with = "database_url"
    )]
    pub database_url_file: Option<PathBuf>,

    /// Most connections to PostgreSQL, beside the two that follow the heads of projects.
    #[arg(
        long,
        env = "WAXSEAL_DATABASE_CONNECTIONS",
        value_name = "COUNT",
        value_parser = super::units::count,
        default_value_t = Engines::default().database_connections
    )]
    pub database_connections: usize,

    /// Take a PostgreSQL database that was restored to an older state for what it is, and begin a
    /// new life of it: revisions and page tokens given before are no longer valid. For one start.
    #[arg(
        long,
        env = "WAXSEAL_ADOPT_RESTORED",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        default_value_t = false,
        default_missing_value = "true"
    )]
    pub adopt_restored: bool,

    /// Redis, 7 or newer, for views that other servers have filled: redis://HOST:PORT or
    /// rediss://HOST:PORT; several, separated by commas, are nodes of one cluster. Everything in it
    /// is sealed, and nothing depends on it.
    #[arg(
        long,
        env = "WAXSEAL_REDIS_URL",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub redis_url: Vec<Sensitive>,

    /// A file that holds the URL of Redis, or several separated by commas.
    #[arg(long, env = "WAXSEAL_REDIS_URL_FILE", value_name = "FILE", conflicts_with = "redis_url")]
    pub redis_url_file: Option<PathBuf>,

    /// Whether the one URL of Redis is that of a node of a cluster.
    #[arg(
        long,
        env = "WAXSEAL_REDIS_CLUSTER",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        default_value_t = false,
        default_missing_value = "true"
    )]
    pub redis_cluster: bool,

    /// The AWS KMS key that wraps data keys: its ARN, id or alias. Credentials and region are found
    /// as by any AWS client. Without it the wrapping keys are in the data directory's key file.
    #[arg(long, env = "WAXSEAL_KMS_KEY", value_name = "KEY")]
    pub kms_key: Option<String>,

    /// Further KMS keys that may unwrap what they wrapped earlier, separated by commas.
    #[arg(long, env = "WAXSEAL_KMS_ALSO", value_name = "KEY", value_delimiter = ',')]
    pub kms_also: Vec<String>,

    /// Another address of KMS than the region's own: a VPC endpoint, or an emulator.
    #[arg(long, env = "WAXSEAL_KMS_ENDPOINT", value_name = "URL")]
    pub kms_endpoint: Option<String>,

    /// Keep the wrapping keys of a PostgreSQL database in a key file. Every server then needs the
    /// same file in its data directory, and who has file and database has every value.
    #[arg(
        long,
        env = "WAXSEAL_ALLOW_LOCAL_KEYS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        default_value_t = false,
        default_missing_value = "true"
    )]
    pub allow_local_keys: bool,
}

impl Default for Engines {
    fn default() -> Self {
        Self {
            database_url: None,
            database_url_file: None,
            database_connections: 16,
            adopt_restored: false,
            redis_url: Vec::new(),
            redis_url_file: None,
            redis_cluster: false,
            kms_key: None,
            kms_also: Vec::new(),
            kms_endpoint: None,
            allow_local_keys: false,
        }
    }
}

impl Engines {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.has_database() && self.kms_key().is_none() && !self.allow_local_keys {
            return Err(ConfigError::LocalKeys);
        }
        let settings = !self.kms_also().is_empty() || self.kms_endpoint().is_some();
        if self.kms_key().is_none() && settings {
            return Err(ConfigError::NoKmsKey);
        }
        Ok(())
    }

    /// Whether the store is PostgreSQL.
    #[must_use]
    pub fn has_database(&self) -> bool {
        self.database_url.as_ref().is_some_and(|url| !url.0.is_empty())
            || self.database_url_file.as_ref().is_some_and(|path| !path.as_os_str().is_empty())
    }

    /// The KMS key that wraps data keys. A variable that is set to nothing is not set: that is how
    /// files that list all of them look.
    #[must_use]
    pub fn kms_key(&self) -> Option<&str> {
        self.kms_key.as_deref().filter(|key| !key.is_empty())
    }

    pub(crate) fn kms_endpoint(&self) -> Option<&str> {
        self.kms_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }

    pub(crate) fn kms_also(&self) -> Vec<String> {
        self.kms_also.iter().filter(|key| !key.is_empty()).cloned().collect()
    }

    /// Whether store or keys are in the data directory.
    #[must_use]
    pub fn needs_data_dir(&self) -> bool {
        !self.has_database() || self.kms_key().is_none()
    }

    /// The URL of PostgreSQL, from wherever it is.
    pub(crate) fn database(&self) -> Result<Option<Sensitive>, ConfigError> {
        match self.database_url_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => read(path).map(Some),
            None => Ok(self.database_url.clone().filter(|url| !url.0.is_empty())),
        }
    }

    /// The URLs of Redis, from wherever they are.
    pub(crate) fn redis(&self) -> Result<Vec<Sensitive>, ConfigError> {
        let urls = match self.redis_url_file.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => {
                let urls = read(path)?;
                urls.expose().split(',').map(|url| Sensitive(url.trim().to_owned())).collect()
            }
            None => self.redis_url.clone(),
        };
        Ok(urls.into_iter().filter(|url| !url.0.is_empty()).collect())
    }

    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn fmt::Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self {
            database_url,
            database_url_file,
            database_connections,
            adopt_restored,
            redis_url,
            redis_url_file,
            redis_cluster,
            kms_key,
            kms_also,
            kms_endpoint,
            allow_local_keys,
        } = self;
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let redis: Vec<String> = redis_url.iter().map(Sensitive::redacted).collect();
        line("DATABASE_URL", &database_url.as_ref().map(Sensitive::redacted).unwrap_or_default());
        line("DATABASE_URL_FILE", &path(database_url_file));
        line("DATABASE_CONNECTIONS", database_connections);
        line("ADOPT_RESTORED", adopt_restored);
        line("REDIS_URL", &redis.join(","));
        line("REDIS_URL_FILE", &path(redis_url_file));
        line("REDIS_CLUSTER", redis_cluster);
        line("KMS_KEY", &kms_key.as_deref().unwrap_or_default());
        line("KMS_ALSO", &kms_also.join(","));
        line("KMS_ENDPOINT", &kms_endpoint.as_deref().unwrap_or_default());
        line("ALLOW_LOCAL_KEYS", allow_local_keys);
    }
}

fn read(path: &Path) -> Result<Sensitive, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Sensitive(text.trim().to_owned())),
        Err(source) => {
            Err(ConfigError::File { path: path.to_owned(), kind: source.kind().to_string() })
        }
    }
}

impl Sensitive {
    /// The setting, to be used and not to be printed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A URL with nothing left of it but its scheme.
    fn redacted(&self) -> String {
        let scheme = self.0.split_once("://").map_or("", |(scheme, _)| scheme);
        let known = ["postgres", "postgresql", "redis", "rediss", "unix"].contains(&scheme);
        format!("{}redacted", if known { format!("{scheme}://") } else { String::new() })
    }
}

impl FromStr for Sensitive {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere() {
        let url: Sensitive = "postgres://u:hunter2@db.example/waxseal".parse().unwrap();
        let engines = Engines {
            database_url: Some(url),
            redis_url: vec!["hunter2".parse().unwrap()],
            ..Engines::default()
        };
        let mut shown = format!("{engines:?}");
        engines.show(&mut |name, content| shown.push_str(&format!("{name}={content}\n")));
        assert!(shown.contains("DATABASE_URL=postgres://redacted\n"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("db.example"), "{shown}");
    }

    #[test]
    fn a_database_without_kms_has_to_be_meant() {
        let database_url = Some("postgres://h/d".parse().unwrap());
        let local = Engines { database_url, ..Engines::default() };
        assert_eq!(local.check(), Err(ConfigError::LocalKeys));
        assert_eq!(Engines { allow_local_keys: true, ..local.clone() }.check(), Ok(()));
        let kms = Engines { kms_key: Some("alias/waxseal".to_owned()), ..local };
        assert_eq!(kms.check(), Ok(()));
        assert!(!kms.needs_data_dir());
        let slip = Engines { kms_also: vec!["x".to_owned()], ..Engines::default() };
        assert_eq!(slip.check(), Err(ConfigError::NoKmsKey));
    }

    #[test]
    fn what_is_set_to_nothing_is_not_set() {
        let nothing = || "".parse::<Sensitive>().unwrap();
        let engines = Engines {
            database_url: Some(nothing()),
            database_url_file: Some(PathBuf::new()),
            redis_url: vec![nothing()],
            redis_url_file: Some(PathBuf::new()),
            kms_key: Some(String::new()),
            kms_also: vec![String::new()],
            kms_endpoint: Some(String::new()),
            ..Engines::default()
        };
        assert_eq!(engines.check(), Ok(()));
        assert!(!engines.has_database() && engines.needs_data_dir());
        assert_eq!((engines.database(), engines.redis()), (Ok(None), Ok(Vec::new())));
    }

    #[test]
    fn urls_come_from_files_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "redis://a:1, redis://b:2\n").unwrap();
        let redis_url_file = Some(file.path().to_owned());
        let urls = Engines { redis_url_file, ..Engines::default() }.redis().unwrap();
        assert_eq!(
            urls.iter().map(Sensitive::expose).collect::<Vec<_>>(),
            ["redis://a:1", "redis://b:2"]
        );
        let database_url_file = Some(PathBuf::from("/does/not/exist"));
        let refused = Engines { database_url_file, ..Engines::default() }.database();
        assert!(matches!(refused, Err(ConfigError::File { .. })), "{refused:?}");
    }
}
