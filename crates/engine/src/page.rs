//! Paging. A page token is sealed: it cannot be made, read or altered outside, it is good for
//! one list and one caller only, and it carries no right.

use crate::{Engine, Error, Permit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use waxseal_domain::caller::Action;
use waxseal_domain::limits::{PAGE_DEFAULT, PAGE_MAX, PAGE_TOKEN_LIFE};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::Incarnation;
use waxseal_envelope::{Context, Purpose, open, seal};

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many entries; 0 is 100, more than 1,000 is 1,000.
    pub size: i32,
    /// Where the page before ended; empty for the first page.
    pub token: String,
}

/// A page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The token of the next page; empty at the end.
    pub next: String,
    /// Entries on all pages together.
    pub total: u64,
}

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES: usize = 2_048;

#[derive(Serialize, Deserialize)]
struct Cursor {
    incarnation: Incarnation,
    action: String,
    principal: String,
    arguments: Vec<String>,
    after: String,
    expires: Timestamp,
}

/// A page that was read: how many entries, and after which key.
pub(crate) struct Wanted {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
}

impl Wanted {
    /// Cuts a page out of a whole list that is sorted by `key`.
    pub(crate) fn cut<T>(
        self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let Self { limit, after } = self;
        let rest = |item: &T| after.as_ref().is_none_or(|after| key(item) > *after);
        let mut items: Vec<T> = all.into_iter().filter(rest).take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more).map(key);
        (items, last)
    }
}

impl Engine {
    /// Reads a page wish. `arguments` are all other arguments of the list.
    pub(crate) fn wanted(
        &self,
        page: &Page,
        permit: &Permit<'_>,
        action: Action,
        arguments: &[&str],
    ) -> Result<Wanted, Error> {
        let limit = match usize::try_from(page.size) {
            Ok(0) => PAGE_DEFAULT,
            Ok(size) => size.min(PAGE_MAX),
            Err(_) => {
                let rule = "must not be negative; 0 means 100".to_owned();
                return Err(Error::InvalidField { field: "page_size".to_owned(), rule });
            }
        };
        if page.token.is_empty() {
            return Ok(Wanted { limit, after: None });
        }
        let cursor = self.read_cursor(&page.token).ok_or(Error::InvalidPageToken)?;
        let fits = cursor.incarnation == self.incarnation
            && cursor.action == action.as_str()
            && cursor.principal == permit.caller.principal
            && cursor.arguments == arguments
            && cursor.expires > self.clock.now();
        if !fits {
            return Err(Error::InvalidPageToken);
        }
        Ok(Wanted { limit, after: Some(cursor.after) })
    }

    fn read_cursor(&self, token: &str) -> Option<Cursor> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let record = URL_SAFE_NO_PAD.decode(token).ok()?;
        let plain =
            open(&self.keys.page_token, Purpose::PageToken, &Context::page_token(), &record)
                .ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// The token of the page after the entry with this key.
    pub(crate) fn next(
        &self,
        after: Option<String>,
        permit: &Permit<'_>,
        action: Action,
        arguments: &[&str],
    ) -> Result<String, Error> {
        let Some(after) = after else { return Ok(String::new()) };
        let cursor = Cursor {
            incarnation: self.incarnation,
            action: action.as_str().to_owned(),
            principal: permit.caller.principal.clone(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            after,
            expires: self.clock.now().after(PAGE_TOKEN_LIFE),
        };
        let plain = serde_json::to_vec(&cursor).map_err(|error| Error::Internal(error.into()))?;
        let record =
            seal(&self.keys.page_token, Purpose::PageToken, &Context::page_token(), &plain)?;
        Ok(URL_SAFE_NO_PAD.encode(record))
    }
}
