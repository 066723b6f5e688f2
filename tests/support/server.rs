//! A server in this process, on a free port, on a data directory or on production engines of its
//! own.

use super::Client;
use super::production::{self, Production};
use async_trait::async_trait;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, RwLock, oneshot};
use tokio::task::JoinHandle;
use waxseal_domain::caller::Role;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::{Clock, Timestamp};
use waxseal_engine::{Engine, NewToken, SystemClock};
use waxseal_envelope::Key;
use waxseal_kms::{Counted, Counts, Error, HealthWatch, KeyContext, KeyProvider, WrappedKey};
use waxseal_server::config::{Engines, Limits};
use waxseal_server::{Certificates, Config, Listeners, wiring};

/// How long a test that writes to the database by hand waits for the server that has it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test's server is started with.
#[derive(Clone)]
pub struct Setup {
    pub config: Config,
    dir: Arc<tempfile::TempDir>,
    clock: Arc<TestClock>,
    /// How often it tries whether its key service's key can be used, where not as by default.
    pub probe: Option<Duration>,
    /// What it runs on in place of the data directory, made by the first start.
    production: Option<Arc<OnceCell<Production>>>,
    /// Whether it takes the engines of the run, so that nothing may count on a data directory.
    any: bool,
}

impl Setup {
    /// Nothing yet, on the engines that this run is for: those of the data directory, or with
    /// `TEST_ENGINES=production` those that a deployment has.
    pub fn new() -> Self {
        let production = production::is_wanted().then(Arc::default);
        Self { production, any: true, ..Self::sqlite() }
    }

    /// A new, empty data directory, in memory where the machine has such a place; whatever this
    /// run is for. For tests that look into it.
    pub fn sqlite() -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self::within(&place)
    }

    /// A new, empty data directory within this one.
    pub fn within(place: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("waxseal-test.").tempdir_in(place).unwrap();
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            data_dir: Some(dir.path().join("data")),
            // Many servers run beside each other here.
            workers: 1,
            // And all callers come from one address, many of them with wrong credentials.
            limits: Limits { failure_limit: 0, ..Limits::default() },
            ..Config::default()
        };
        let (dir, clock) = (Arc::new(dir), Arc::default());
        Self { config, dir, clock, probe: None, production: None, any: false }
    }

    /// A server beside those of this setup, on the same engines but as `engines` reach them, and
    /// with the same clock.
    pub fn beside(&self, engines: Engines) -> Self {
        let mut other = Self { clock: self.clock.clone(), ..Self::sqlite() };
        other.config = Config { engines, data_dir: None, ..other.config };
        other
    }

    /// A data directory of its own with what is in this one, whose server has to be stopped.
    pub fn copied(&self) -> Self {
        let copy = Self::sqlite();
        let made = std::fs::DirBuilder::new().mode(0o700).create(copy.data_dir());
        made.unwrap();
        for entry in std::fs::read_dir(self.data_dir()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.data_dir().join(entry.file_name())).unwrap();
        }
        copy
    }

    pub fn data_dir(&self) -> PathBuf {
        assert!(!self.any, "a test that looks into it begins on SQLite");
        self.dir.path().join("data")
    }

    /// The database, to look at or to tamper with. A test that writes to it beneath a running server
    /// is multi-threaded: while it waits for the server's own write, the server has to go on.
    pub fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.data_dir().join("waxseal.db")).unwrap();
        // The server beneath may be writing, and a busy disk takes its time.
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    pub async fn start(&self) -> Server {
        let mut config = self.config.clone();
        if let Some(production) = &self.production {
            config.engines = production.get_or_init(Production::create).await.engines();
            config.data_dir = None;
        }
        let (handed, taken) = std::sync::mpsc::channel();
        let seams = wiring::Seams {
            clock: self.clock.clone(),
            keys: Box::new(move |provider| {
                let keys = Arc::new(TestKeys::new(provider));
                handed.send(keys.clone()).unwrap();
                keys
            }),
            probe: self.probe,
            ..wiring::Seams::default()
        };
        let opened = wiring::open_with(&config, seams).await.unwrap();
        let keys = taken.recv().unwrap();
        let listeners = Listeners::bind(&config).await.unwrap();
        let certificates = listeners.certificates();
        let scheme = if certificates.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", listeners.tcp_addr().unwrap());
        let engine = opened.engine.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            waxseal_server::run(&config, opened, listeners, shutdown).await.unwrap();
        });
        Server { setup: self.clone(), address, certificates, engine, keys, stop: Some(stop), task }
    }
}

/// A running server.
pub struct Server {
    pub setup: Setup,
    pub address: String,
    /// With TLS, what it serves.
    pub certificates: Option<Arc<Certificates>>,
    pub engine: Arc<Engine>,
    keys: Arc<TestKeys>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server without anything in it.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// A server on an empty data directory; see [`Setup::sqlite`].
    pub async fn on_sqlite() -> Self {
        Setup::sqlite().start().await
    }

    /// [`Self::with_demo`] on a data directory; see [`Setup::sqlite`].
    pub async fn demo_on_sqlite() -> Self {
        let server = Self::on_sqlite().await;
        server.make_demo().await;
        server
    }

    /// A server with the project `demo` and in it the environments `main` and `staging`.
    pub async fn with_demo() -> Self {
        let server = Self::start().await;
        server.make_demo().await;
        server
    }

    pub async fn make_demo(&self) {
        let admin = self.admin().await;
        admin.create_project("demo").await.unwrap();
        admin.create_environment("demo", "staging").await.unwrap();
    }

    /// Stops the server; what it ran on stays.
    pub async fn stop(mut self) -> Setup {
        drop(self.stop.take());
        let Self { setup, engine, task, .. } = self;
        drop(engine);
        tokio::time::timeout(Duration::from_secs(35), task).await.expect("it stops").unwrap();
        setup
    }

    /// Stops the server, lets the test at the database, and starts it again.
    pub async fn tamper(self, tamper: impl FnOnce(&rusqlite::Connection)) -> Self {
        let setup = self.stop().await;
        tamper(&setup.database());
        setup.start().await
    }

    /// A token for the whole deployment, or for a narrower scope.
    pub async fn token(&self, role: Role, reveal: bool, scope: &str) -> String {
        self.token_for(role, reveal, scope, Duration::from_secs(3600)).await
    }

    /// A token with a life of its own.
    pub async fn token_for(&self, role: Role, reveal: bool, scope: &str, life: Duration) -> String {
        let expires = self.setup.clock.now().after(life);
        let principal = new_principal();
        let scope = scope.parse().unwrap();
        let new = NewToken { principal, role, reveal, scope, expires };
        self.engine.create_token(new).await.unwrap().to_string()
    }

    pub async fn client(&self, role: Role, reveal: bool, scope: &str) -> Client {
        Client::connect(&self.address, &self.token(role, reveal, scope).await).await
    }

    pub async fn admin(&self) -> Client {
        self.client(Role::Admin, false, "deployment").await
    }

    /// A builder with the reveal grant.
    pub async fn builder(&self) -> Client {
        self.client(Role::Builder, true, "deployment").await
    }

    pub async fn runtime(&self) -> Client {
        self.client(Role::Runtime, false, "deployment").await
    }

    pub async fn viewer(&self) -> Client {
        self.client(Role::Viewer, false, "deployment").await
    }

    /// Operations of the key provider so far.
    pub fn key_operations(&self) -> Counts {
        self.keys.inner.counts()
    }

    /// Makes every operation of the key provider wait until the guard is dropped.
    pub async fn pause_keys(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.keys.gate.write().await
    }

    /// Makes the next operation of the key provider wait until the sender is dropped; those
    /// after it pass.
    pub fn hold_next_key(&self) -> oneshot::Sender<()> {
        self.hold_key_after(0)
    }

    /// Lets this many operations of the key provider pass and makes the next one wait until the
    /// sender is dropped; those after it pass.
    pub fn hold_key_after(&self, passing: usize) -> oneshot::Sender<()> {
        let (release, released) = oneshot::channel();
        *self.keys.held.lock().unwrap() = Some((passing, released));
        release
    }

    /// Lets this many operations of the key provider pass and makes the next so many fail.
    pub fn fail_keys_after(&self, passing: usize, failing: usize, error: Error) {
        *self.keys.failing.lock().unwrap() = Some((passing, failing, error));
    }

    /// Lets this many operations of the key provider pass and makes those after them panic, with a
    /// text that nobody may see; `None` ends it.
    pub fn panic_keys_after(&self, passing: Option<usize>) {
        *self.keys.panicking.lock().unwrap() = passing;
    }

    /// Ends what [`Self::fail_keys_after`] began.
    pub fn heal_keys(&self) {
        *self.keys.failing.lock().unwrap() = None;
    }

    /// Operations of the key provider that are held or stand before the closed gate.
    pub fn waiting_for_keys(&self) -> usize {
        self.keys.waiting.load(Ordering::SeqCst)
    }

    /// Makes every operation of the key provider fail in this way; `None` ends it.
    pub fn refuse_keys(&self, refusal: Option<Error>) {
        *self.keys.refusal.lock().unwrap() = refusal;
    }

    /// Moves the server's clock back.
    pub fn turn_back(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.setup.clock.ahead.fetch_sub(micros, Ordering::SeqCst);
    }

    /// Moves the server's clock.
    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.setup.clock.ahead.fetch_add(micros, Ordering::SeqCst);
    }
}

/// An id that nobody else has: who sets and who resolves are two.
pub fn new_principal() -> PrincipalId {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    PrincipalId::parse(&format!("test-{number}")).unwrap()
}

/// The machine's clock, and some.
#[derive(Default)]
struct TestClock {
    ahead: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.ahead.load(Ordering::SeqCst))
    }
}

/// The real key provider, counted, with a gate in front of it.
struct TestKeys {
    inner: Counted<Arc<dyn KeyProvider>>,
    gate: RwLock<()>,
    waiting: AtomicUsize,
    refusal: std::sync::Mutex<Option<Error>>,
    held: std::sync::Mutex<Option<(usize, oneshot::Receiver<()>)>>,
    failing: std::sync::Mutex<Option<(usize, usize, Error)>>,
    panicking: std::sync::Mutex<Option<usize>>,
}

impl TestKeys {
    fn new(provider: Arc<dyn KeyProvider>) -> Self {
        Self {
            inner: Counted::new(provider),
            gate: RwLock::default(),
            waiting: AtomicUsize::new(0),
            refusal: std::sync::Mutex::default(),
            held: std::sync::Mutex::default(),
            failing: std::sync::Mutex::default(),
            panicking: std::sync::Mutex::default(),
        }
    }

    async fn pass(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        let held = self.held();
        if held.is_none()
            && let Ok(open) = self.gate.try_read()
        {
            return open;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if let Some(released) = held {
            let _ = released.await;
        }
        let open = self.gate.read().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        open
    }

    fn held(&self) -> Option<oneshot::Receiver<()>> {
        let mut held = self.held.lock().unwrap();
        let (passing, _) = held.as_mut()?;
        if *passing == 0 {
            return held.take().map(|(_, released)| released);
        }
        *passing -= 1;
        None
    }

    fn refuse(&self) -> Result<(), Error> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)?;
        // Not while it is locked.
        let panics = match self.panicking.lock().unwrap().as_mut() {
            Some(0) => true,
            Some(passing) => {
                *passing -= 1;
                false
            }
            None => false,
        };
        assert!(!panics, "CANARY of a panic");
        let mut failing = self.failing.lock().unwrap();
        let Some((passing, left, error)) = failing.as_mut() else { return Ok(()) };
        if *passing > 0 {
            *passing -= 1;
            return Ok(());
        }
        let error = error.clone();
        *left -= 1;
        if *left == 0 {
            *failing = None;
        }
        Err(error)
    }
}

#[async_trait]
impl KeyProvider for TestKeys {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        let _open = self.pass().await;
        self.refuse()?;
        self.inner.generate(context).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        let _open = self.pass().await;
        self.refuse()?;
        self.inner.unwrap(wrapped, context).await
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        let _open = self.pass().await;
        self.refuse()?;
        self.inner.wrap(key, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        let _open = self.pass().await;
        self.refuse()?;
        self.inner.rewrap(wrapped, context).await
    }

    fn active_key_id(&self) -> String {
        self.inner.active_key_id()
    }

    fn health(&self) -> HealthWatch {
        self.inner.health()
    }
}
