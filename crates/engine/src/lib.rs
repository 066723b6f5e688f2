//! The use cases of Waxseal. A verb reads like its rule; what all verbs share is written once:
//! who may ([`Permit`]), how a change is made (`change.rs`), how a state is trusted
//! (`manifest.rs`), how keys are used (`keys.rs`).
//!
//! **Architecture Invariant:** a verb cannot be called without a [`Permit`], and every mutation
//! goes through `Engine::change`.

mod access;
mod audit;
mod authenticate;
mod batch_set_overrides;
mod called;
mod change;
mod check;
mod clear_secret_value;
mod clock;
mod clone_environment;
mod copy_store;
mod create_environment;
mod create_project;
mod create_secret;
mod create_token;
mod delete_environment;
mod delete_secret;
mod destroy_secret_version;
mod error;
pub mod etag;
mod explain_environment;
mod export_project;
mod held;
mod in_flight;
mod key_status;
mod keys;
mod list_overrides;
mod list_secret_versions;
mod list_secrets;
mod manifest;
mod outline;
mod page;
mod parse_references;
mod permit;
mod projects;
mod purge;
mod read_environments;
mod release_secret_alias;
mod rename_secret;
mod render_templates;
mod request;
mod resolve;
mod reveal_secret_value;
mod revision;
mod revoked;
mod rewrap_data_keys;
mod rollback_secret_value;
mod secret_state;
mod set_secret_value;
mod step;
mod undelete_secret;
mod update_environment;
mod update_project;
mod update_secret;
mod verify_data_keys;
mod verify_projects;
mod verify_secret_value;
mod watch_environment;
mod without;

pub use access::{
    BindingState, ChangePrincipal, CreateApiToken, CreateBinding, CreatePrincipal, Initialize,
    Initialized, NewApiToken, TokenState, UpdatePrincipal,
};
pub use audit::{
    AuditCounts, AuditParent, AuditSettings, Checkpoint, Counts, Exporting, Head, Hex, Line,
    ListAuditEvents, Problem, ProjectHead, Record, Verdict, Verifier, WitnessError, verify_export,
};
pub use batch_set_overrides::{BatchSetOverrides, BatchWritten};
pub use called::{called, in_same_call};
pub use change::Written;
pub use clear_secret_value::ClearSecretValue;
pub use clock::SystemClock;
pub use clone_environment::{CloneEnvironment, Cloned};
pub use copy_store::{Copied, CopyError, compare_stores, copy_store};
pub use create_environment::CreateEnvironment;
pub use create_project::CreateProject;
pub use create_secret::{CreateSecret, SecretCreated};
pub use create_token::NewToken;
pub use delete_environment::DeleteEnvironment;
pub use delete_secret::ChangeSecret;
pub use error::{Error, Offenders, OpenError};
pub use explain_environment::Explained;
pub use export_project::{DuplicateProject, ImportProject};
pub use held::holding;
pub use key_status::KeyStatus;
pub use list_overrides::OverrideState;
pub use list_secret_versions::{ListSecretVersions, VersionState, Versions};
pub use list_secrets::ListSecrets;
pub use outline::Imported;
pub use page::{Listed, Page};
pub use parse_references::{ParseReferences, Reference, ReferenceState};
pub use permit::Permit;
pub use release_secret_alias::ReleaseSecretAlias;
pub use rename_secret::RenameSecret;
pub use render_templates::{RenderTemplates, Rendering, Renderings, TemplateText, Used};
pub use request::RequestKey;
pub use resolve::{Consistency, Resolution, Resolve, ViewEncoder};
pub use reveal_secret_value::{RevealSecretValue, Revealed};
pub use rewrap_data_keys::{FailedKey, RewrapProgress, Rewrapping};
pub use rollback_secret_value::ChangeVersion;
pub use secret_state::{SecretState, SlotState};
pub use set_secret_value::{SetSecretValue, ValueWritten};
pub use step::{Step, Watcher, watched};
pub use update_environment::UpdateEnvironment;
pub use update_project::{ChangeProject, UpdateProject};
pub use update_secret::UpdateSecret;
pub use verify_data_keys::CheckedKeys;
pub use verify_secret_value::VerifySecretValue;
pub use watch_environment::{Watch, WatchEnvironment};
pub use without::Without;

use keys::Keys;
use std::sync::Arc;
use waxseal_cache::{SharedCache, ViewCache};
use waxseal_domain::limits::Quotas;
use waxseal_domain::time::{Clock, Timestamp};
use waxseal_domain::uid::{Deployment, Incarnation};
use waxseal_kms::KeyProvider;
use waxseal_storage::{Meta, Store};

/// What the engine is put together from.
pub struct Parts {
    /// Sealed rows.
    pub store: Arc<dyn Store>,
    /// Who wraps and unwraps data keys.
    pub keys: Arc<dyn KeyProvider>,
    /// Encoded views.
    pub cache: Arc<dyn ViewCache>,
    /// Encoded views, sealed, for other processes too.
    pub shared: Option<Arc<dyn SharedCache>>,
    /// How a view is encoded; the engine does not know.
    pub encoder: Arc<dyn ViewEncoder>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The limits that the operator may set.
    pub quotas: Quotas,
    /// How the audit trail is kept.
    pub audit: AuditSettings,
    /// The deployment that the keys belong to.
    pub deployment: Deployment,
    /// What is left out, to measure it.
    pub without: Without,
}

/// The use cases.
pub struct Engine {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    cache: Arc<dyn ViewCache>,
    encoder: Arc<dyn ViewEncoder>,
    clock: Arc<dyn Clock>,
    quotas: Quotas,
    deployment: Deployment,
    /// The store's life as it was when this engine opened, for page tokens.
    incarnation: Incarnation,
    /// Views for other processes, sealed.
    shared: Option<Arc<dyn SharedCache>>,
    /// Mutations under way, so that a retry does not overtake the call it repeats.
    in_flight: in_flight::InFlight,
    /// Fills under way, so that many callers of one cold view cost one fill.
    fills: resolve::Fills,
    /// Callers that were read lately.
    callers: authenticate::KnownCallers,
    /// Verifications of values within the last minute.
    verifications: verify_secret_value::Verifications,
    /// Views out of the shared cache that did not open.
    unopened_views: std::sync::atomic::AtomicU64,
    /// Puts disclosures and denials on record.
    audit: audit::Recorder,
    /// Signs checkpoints of the audit trail.
    signer: audit::Signer,
    /// Keeps checkpoints outside the store.
    witness: Option<audit::Witness>,
    without: Without,
}

impl Engine {
    /// The time by the clock that everything here goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Opens the engine, and makes the deployment's service key where the store is empty. That
    /// the service key opens proves that store and key provider belong together.
    ///
    /// # Errors
    /// What does not fit or cannot be reached.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, OpenError> {
        let Parts {
            store,
            keys: provider,
            cache,
            shared,
            encoder,
            clock,
            quotas,
            audit,
            deployment,
            without,
        } = parts;
        let (meta, service) = match store.snapshot().await?.meta().await? {
            Some(meta) => (meta.clone(), open_service_key(&meta, &*provider, deployment).await?),
            // A conflict: another process founded it at the same moment, and this one begins anew.
            None => found(&*store, &*provider, deployment, &*clock).await?,
        };
        let Meta { deployment, incarnation, .. } = meta;
        let signer = audit::signer(&*store, &*provider, deployment).await?;
        let AuditSettings { window, checkpoints, adopt } = audit;
        let witness = match checkpoints {
            Some(path) => Some(audit::Witness::open(&path, &*store, adopt).await?),
            None => None,
        };
        let health = provider.health();
        let engine = Arc::new(Self {
            keys: Arc::new(Keys::new(provider, deployment, &service)),
            audit: audit::Recorder::start(store.clone(), window),
            signer,
            witness,
            store,
            cache,
            shared,
            encoder,
            clock,
            quotas,
            deployment,
            incarnation,
            in_flight: in_flight::InFlight::default(),
            fills: resolve::Fills::default(),
            callers: authenticate::KnownCallers::default(),
            verifications: verify_secret_value::Verifications::default(),
            unopened_views: std::sync::atomic::AtomicU64::default(),
            without,
        });
        engine.record_adoption().await?;
        tokio::spawn(revoked::follow(Arc::downgrade(&engine), health));
        Ok(engine)
    }
}

async fn open_service_key(
    meta: &Meta,
    provider: &dyn KeyProvider,
    deployment: Deployment,
) -> Result<waxseal_envelope::Key, OpenError> {
    if deployment != meta.deployment {
        return Err(OpenError::OtherDeployment { store: meta.deployment, keys: deployment });
    }
    let wrapped = keys::wrapped(&meta.service_key).ok_or(OpenError::ServiceKey)?;
    Ok(provider.unwrap(&wrapped, &waxseal_kms::KeyContext::service(meta.deployment)).await?)
}

/// Founds a deployment in an empty store.
async fn found(
    store: &dyn Store,
    provider: &dyn KeyProvider,
    deployment: Deployment,
    clock: &dyn Clock,
) -> Result<(Meta, waxseal_envelope::Key), OpenError> {
    let context = waxseal_kms::KeyContext::service(deployment);
    let (service, wrapped) = provider.generate(&context).await?;
    let meta = Meta {
        deployment,
        incarnation: Incarnation::from_bytes(random()?),
        service_key: keys::stored(wrapped),
        created: clock.now(),
        unscrubbed: false,
        epoch: 0,
    };
    let mut tx = store.begin("found").await?;
    tx.insert_meta(meta.clone()).await?;
    tx.commit().await?;
    Ok((meta, service))
}

fn random() -> Result<[u8; 16], OpenError> {
    let mut random = [0; 16];
    waxseal_envelope::fill_random(&mut random).map_err(OpenError::Randomness)?;
    Ok(random)
}
