//! Token files: how a token reaches the person who asked for it, and nobody else.

use crate::failure::Failure;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use waxseal_domain::caller::{Role, ScopeName};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::Clock as _;
use waxseal_engine::{Engine, Error, NewToken, SystemClock};
use zeroize::Zeroizing;

/// How long the tokens in files are valid.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// More than any token has.
const TOKEN_BYTES: u64 = 256;

/// A token, and the file that holds it.
pub(crate) struct Issued {
    pub(crate) path: PathBuf,
    pub(crate) token: Zeroizing<String>,
}

/// Where the token of a role is, or would be.
pub(crate) fn path(dir: &Path, role: Role) -> PathBuf {
    dir.join(format!("{}.token", role.as_str()))
}

/// Makes a token for the whole deployment and writes it to the file of its role.
///
/// The file comes first: a token that could not be kept is not made.
pub(crate) async fn issue(
    engine: &Engine,
    dir: &Path,
    role: Role,
    reveal: bool,
) -> Result<Issued, Failure> {
    let path = path(dir, role);
    let mut file = create(&path)?;
    let expires = SystemClock.now().after(YEAR);
    let principal = PrincipalId::parse(role.as_str());
    let principal = principal.map_err(|error| Failure::Token(Error::Internal(error.into())))?;
    let scope = ScopeName::Deployment;
    let new = NewToken { principal, role, reveal, scope, expires };
    let filled = match engine.create_token(new).await {
        Ok(token) => match fill(&mut file, &token) {
            Ok(()) => return Ok(Issued { path, token }),
            Err(source) => Failure::TokenFile { path: path.clone(), source },
        },
        Err(error) => Failure::Token(error),
    };
    let _ = fs::remove_file(&path);
    Err(filled)
}

/// The token in a file; `None` where there is none to be had.
pub(crate) fn read(path: &Path) -> Option<Zeroizing<String>> {
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nofollow).open(path).ok()?;
    let mut token = Zeroizing::new(String::with_capacity(TOKEN_BYTES as usize));
    file.take(TOKEN_BYTES).read_to_string(&mut token).ok()?;
    let trimmed = token.trim_end();
    (!trimmed.is_empty()).then(|| Zeroizing::new(trimmed.to_owned()))
}

/// A new file that only its owner may read, and that nobody has put there before: neither a file
/// nor a link to one.
pub(crate) fn create(path: &Path) -> Result<File, Failure> {
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).custom_flags(nofollow);
    let mut created = options.open(path);
    if matches!(&created, Err(error) if error.kind() == io::ErrorKind::AlreadyExists)
        && is_left_over(path)
    {
        created = fs::remove_file(path).and_then(|()| options.open(path));
    }
    created.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Failure::TokenFileExists { path: path.to_owned() },
        _ => Failure::TokenFile { path: path.to_owned(), source },
    })
}

/// Whether a start was killed between making the file and filling it.
fn is_left_over(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// Without a newline, so that the file is the token, whatever reads it.
pub(crate) fn fill(file: &mut File, token: &str) -> io::Result<()> {
    file.write_all(token.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_private_and_holds_the_token_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), Role::Builder);
        assert!(path.ends_with("builder.token"));
        fill(&mut create(&path).unwrap(), "wxs_x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "wxs_x");
        assert_eq!(*read(&path).unwrap(), "wxs_x");
    }

    #[test]
    fn what_is_there_is_left_alone_unless_it_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let (full, empty, link) =
            (dir.path().join("full"), dir.path().join("empty"), dir.path().join("link"));
        fs::write(&full, "something").unwrap();
        fs::write(&empty, "").unwrap();
        symlink(dir.path().join("elsewhere"), &link).unwrap();
        assert!(matches!(create(&full), Err(Failure::TokenFileExists { .. })));
        assert!(matches!(create(&link), Err(Failure::TokenFileExists { .. })));
        assert!(create(&empty).is_ok());
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn a_token_is_not_read_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "wxs_x\n").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(*read(&file).unwrap(), "wxs_x");
        assert!(read(&link).is_none());
        assert!(read(&dir.path().join("absent")).is_none());
    }
}
