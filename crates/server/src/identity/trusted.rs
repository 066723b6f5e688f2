//! One issuer, and its keys as they were published last.

use super::fetch;
use super::issuers::{IssuersError, KeysFrom, Settings};
use super::jwt::{Key, Token, Why, parse_keys};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use waxseal_domain::identity::Issuer;

/// How old keys may be before they are fetched again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long keys are used while their issuer is away.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Between two fetches, whoever asks for them and however often.
const APART: Duration = Duration::from_secs(10);
/// How soon a fetch is repeated that failed.
const AGAIN: Duration = Duration::from_secs(30);
/// What a fetch may take.
const FETCH: Duration = Duration::from_secs(5);

/// An issuer that is believed.
pub(super) struct Trusted {
    settings: Settings,
    state: Mutex<State>,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
    /// Where fetches run: whoever asked may be gone before it is answered.
    background: Handle,
}

#[derive(Default)]
struct State {
    keys: Arc<Vec<Key>>,
    /// When the keys were fetched; `None` before.
    since: Option<Instant>,
    /// Raised with every other set of keys.
    generation: u64,
    /// When the last fetch began, and whether it is under way.
    attempted: Option<Instant>,
    under_way: bool,
}

impl Trusted {
    /// Begins to follow the issuer's keys, until this is dropped.
    pub(super) fn new(settings: Settings) -> Result<Arc<Self>, IssuersError> {
        if let KeysFrom::Url { authorities: Some(path), .. } = &settings.keys {
            fetch::authorities(path)?;
        }
        let trusted = Arc::new(Self {
            settings,
            state: Mutex::default(),
            ended: watch::Sender::new(0),
            background: Handle::current(),
        });
        tokio::spawn(follow(Arc::downgrade(&trusted)));
        Ok(trusted)
    }

    pub(super) fn issuer(&self) -> &str {
        self.settings.issuer.as_str()
    }

    pub(super) fn name(&self) -> Issuer {
        self.settings.issuer.clone()
    }

    /// Whether a token may be this issuer's for this server, by what it says of itself.
    pub(super) fn takes(&self, token: &Token<'_>) -> Result<(), Why> {
        if !self.settings.algorithms.contains(&token.algorithm) {
            return Err("its algorithm is not one of its issuer");
        }
        if !token.claims.is_for(&self.settings.audience) {
            return Err("it is for somebody else");
        }
        Ok(())
    }

    /// Which set of keys is in use, if any is.
    pub(super) fn generation(&self) -> Option<u64> {
        self.state().in_use().map(|(_, generation)| generation)
    }

    /// The set of keys with one of which the token is signed. Where none has its name the keys are
    /// fetched once more, unless they just were.
    pub(super) async fn ensure_signed(self: &Arc<Self>, token: &Token<'_>) -> Result<u64, Why> {
        const UNKNOWN: Why = "its key is not known";
        if let Some(known) = self.try_keys(token) {
            return known;
        }
        let mut ended = self.ended.subscribe();
        if self.fetch_soon() {
            // Only bounds it: every fetch ends.
            let _ = timeout(FETCH + FETCH, ended.changed()).await;
        }
        self.try_keys(token).unwrap_or(Err(UNKNOWN))
    }

    /// `None` if there is no key of that name.
    fn try_keys(&self, token: &Token<'_>) -> Option<Result<u64, Why>> {
        let (keys, generation) = self.state().in_use()?;
        let mut named = keys.iter().filter(|key| key.id == token.key_id).peekable();
        named.peek()?;
        let signed = named.any(|key| token.is_signed_by(key));
        Some(signed.then_some(generation).ok_or("its signature is not right"))
    }

    /// Sees to it that the keys are fetched. Says no where that was done a moment ago.
    fn fetch_soon(self: &Arc<Self>) -> bool {
        {
            let mut state = self.state();
            if state.under_way {
                return true;
            }
            if state.attempted.is_some_and(|attempted| attempted.elapsed() < APART) {
                return false;
            }
            state.under_way = true;
            state.attempted = Some(Instant::now());
        }
        let this = self.clone();
        self.background.spawn(async move {
            let fetched = timeout(FETCH, this.fetch()).await;
            this.put(fetched.unwrap_or(Err("it did not answer in time")));
        });
        true
    }

    /// Fetches the keys although they just were.
    #[cfg(test)]
    pub(super) async fn fetch_at_once(self: &Arc<Self>) {
        self.state().attempted = None;
        let mut ended = self.ended.subscribe();
        assert!(self.fetch_soon());
        ended.changed().await.unwrap();
    }

    async fn fetch(&self) -> Result<Vec<Key>, Why> {
        let json = match &self.settings.keys {
            KeysFrom::File(path) => fetch::file(path)?,
            KeysFrom::Url { url, authorities, bearer } => {
                fetch::url(url, authorities.as_deref(), bearer.as_deref()).await?
            }
        };
        let keys = parse_keys(&json).ok_or("it is not a set of keys")?;
        if keys.is_empty() { Err("there is no key in it that could be used") } else { Ok(keys) }
    }

    fn put(&self, fetched: Result<Vec<Key>, Why>) {
        let mut state = self.state();
        state.under_way = false;
        match fetched {
            Ok(keys) => {
                state.since = Some(Instant::now());
                if *state.keys != keys {
                    tracing::info!(issuer = self.issuer(), "other keys than before are published");
                    state.keys = Arc::new(keys);
                    state.generation += 1;
                }
            }
            // Those from before stay.
            Err(why) => tracing::warn!(issuer = self.issuer(), why, "no keys could be fetched"),
        }
        drop(state);
        self.ended.send_modify(|ended| *ended += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn in_use(&self) -> Option<(Arc<Vec<Key>>, u64)> {
        let kept = self.since.is_some_and(|since| since.elapsed() < KEPT);
        kept.then(|| (self.keys.clone(), self.generation))
    }

    fn is_fresh(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() < FRESH)
    }
}

/// Fetches the keys whenever they are too old, until the issuer is let go.
async fn follow(trusted: Weak<Trusted>) {
    loop {
        let pause = {
            let Some(trusted) = trusted.upgrade() else { return };
            if !trusted.state().is_fresh() {
                trusted.fetch_soon();
                AGAIN
            } else {
                let age = trusted.state().since.map_or(FRESH, |since| since.elapsed());
                FRESH.saturating_sub(age).max(Duration::from_secs(1))
            }
        };
        // Whoever lets go of the issuer does not wait for this.
        sleep(pause.min(AGAIN)).await;
    }
}
