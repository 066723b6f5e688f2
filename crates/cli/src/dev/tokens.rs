//! The three tokens that a development server hands out.

use crate::failure::Failure;
use crate::token_file::{self, Issued};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use waxseal_domain::caller::Role;
use waxseal_engine::{Engine, Error};
use zeroize::Zeroizing;

/// Those who have a part in the story.
const ROLES: [Role; 3] = [Role::Admin, Role::Builder, Role::Runtime];

/// A token, and what became of its file.
pub(super) struct Kept {
    pub(super) role: Role,
    pub(super) file: PathBuf,
    pub(super) state: State,
    pub(super) token: Zeroizing<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Written,
    Found,
    Missing,
    Invalid,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written now",
            Self::Found => "found",
            Self::Missing => "written anew, since it was missing",
            Self::Invalid => "written anew, since the one that was there is not valid",
        }
    }
}

/// Finds the token files, and makes those that are missing or of no use.
pub(super) async fn keep(engine: &Engine, dir: &Path) -> Result<Vec<Kept>, Failure> {
    let first = !engine.is_initialized().await.map_err(Failure::Token)?;
    let mut kept = Vec::with_capacity(ROLES.len());
    for role in ROLES {
        let file = token_file::path(dir, role);
        let found = token_file::read(&file);
        let state = match &found {
            Some(token) if is_valid(engine, token, role).await? => State::Found,
            _ if remove(&file)? => State::Invalid,
            _ if first => State::Written,
            _ => State::Missing,
        };
        kept.push(match found {
            Some(token) if state == State::Found => Kept { role, file, state, token },
            _ => {
                let reveal = role == Role::Builder;
                let Issued { path: file, token } =
                    token_file::issue(engine, dir, role, reveal).await?;
                Kept { role, file, state, token }
            }
        });
    }
    Ok(kept)
}

async fn is_valid(engine: &Engine, token: &str, role: Role) -> Result<bool, Failure> {
    match engine.authenticate(token).await {
        Ok(caller) => Ok(caller.grants.iter().any(|grant| grant.role == role)),
        Err(Error::CredentialsInvalid) => Ok(false),
        Err(error) => Err(Failure::Token(error)),
    }
}

/// Removes what stands where a token should; whether there was anything.
fn remove(file: &Path) -> Result<bool, Failure> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Failure::TokenFile { path: file.to_owned(), source }),
    }
}
