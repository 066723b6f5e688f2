//! TLS of the TCP addresses: version 1.3 and HTTP/2, nothing else.
//!
//! **Architecture Invariant:** what is served was loaded as a whole: a certificate with its own
//! key, and authorities that read. Whatever is wrong with newer files, the older ones go on.

mod load;
mod reload;

pub use load::TlsError;
pub(crate) use load::certificates;
pub(crate) use reload::Reloading;

use crate::config::TlsFiles;
use load::{Contents, Loaded};
use rustls::ServerConfig;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;
use tokio::sync::Semaphore;

/// Handshakes at a time. More would only make each take longer.
const HANDSHAKES: usize = 256;

/// The certificates of a server, as they are at the moment.
pub struct Certificates {
    files: TlsFiles,
    current: RwLock<Arc<Loaded>>,
    /// What was looked at last, whether it was of use or not.
    seen: Mutex<[u8; 32]>,
    failed: AtomicU64,
    pub(crate) handshakes: Semaphore,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let loaded = Loaded::new(&files, &contents)?;
        loaded.tell();
        Ok(Self {
            files,
            seen: Mutex::new(contents.digest()),
            current: RwLock::new(Arc::new(loaded)),
            failed: AtomicU64::new(0),
            handshakes: Semaphore::new(HANDSHAKES),
        })
    }

    /// Until when the server's certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.current().not_after
    }

    /// When the first authority of client certificates ends to be valid, where there are any.
    #[must_use]
    pub fn client_ca_not_after(&self) -> Option<SystemTime> {
        self.current().client_ca_not_after
    }

    /// How often new files were of no use, each content counted once.
    #[must_use]
    pub fn failed_reloads(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Looks at the files, and takes what is in them if it is new and of use. Says whether it did.
    ///
    /// # Errors
    /// What is wrong with them, once for each content; the certificates from before stay.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let contents = Contents::read(&self.files);
        let digest = contents.as_ref().map_or_else(TlsError::digest, Contents::digest);
        let seen = mem::replace(&mut *self.seen(), digest);
        if seen == digest {
            return Ok(false);
        }
        let loaded = contents.and_then(|contents| Loaded::new(&self.files, &contents));
        match loaded {
            Ok(loaded) => {
                loaded.tell();
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                Ok(true)
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Whether the files are others than those that were looked at last.
    fn have_changed(&self) -> bool {
        let contents = Contents::read(&self.files);
        let digest = contents.as_ref().map_or_else(TlsError::digest, Contents::digest);
        *self.seen() != digest
    }

    /// What a connection that begins now is served with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current().config.clone()
    }

    fn seen(&self) -> MutexGuard<'_, [u8; 32]> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Loaded> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}
