//! What every part of the appliance needs, and the small calls of the API.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::{Stream, StreamExt as _};
use granary_gateway::{Logins, Sessions};
use granary_grain::Grains;
use granary_sandbox::LauncherConfig;
use granary_store::Store;
use tokio_util::sync::CancellationToken;

use crate::api::problem::{Problem, Result};
use crate::api::types::{Event, Status};
use crate::changes::Changes;
use crate::folder::Folder;
use crate::front::Desktop;
use crate::health::{Entry, Health, Subject};
use crate::installs::Installs;
use crate::settings::Chosen;
use crate::updates::Updates;
use crate::words::{Dictionary, Languages};

/// The appliance's parts. What its calls do stands beside what they are about: apps, grains, settings.
pub(crate) struct Core {
    pub(crate) folder: Folder,
    pub(crate) store: Arc<Store>,
    pub(crate) grains: Grains,
    pub(crate) logins: Logins,
    pub(crate) sessions: Sessions,
    pub(crate) health: Health,
    pub(crate) updates: Updates,
    pub(crate) changes: Arc<Changes>,
    pub(crate) dictionary: Dictionary,
    pub(crate) installs: Installs,
    pub(crate) settings: RwLock<Chosen>,
    /// Held for reading while a package is being installed, for writing while unused ones are removed.
    pub(crate) packages: tokio::sync::RwLock<()>,
    pub(crate) launcher: LauncherConfig,
    /// The desktop that this process is, if it is one.
    pub(crate) desktop: Option<Arc<dyn Desktop>>,
    pub(crate) ending: CancellationToken,
    pub(crate) instance: String,
    /// When, in ms since 1970: tells one run from another.
    pub(crate) started: i64,
    pub(crate) origin: String,
    pub(crate) port: u16,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            port: self.port,
            origin: self.origin.clone(),
            instance: self.instance.clone(),
            data_dir: self.folder.root().display().to_string(),
            health: self.health.problems(),
        }
    }

    /// A one-time URL that logs a browser in and leads to `path`.
    pub(crate) fn login_url(&self, path: Option<&str>) -> Result<String> {
        let path = path.unwrap_or("/");
        let local = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| (0x21..0x7f).contains(&b));
        if !local || path.len() > 1024 || path.contains(['#', '\\']) {
            return Err(Problem::invalid("bad-path", "Not a page of Granary", "A path begins with one slash."));
        }
        Ok(self.logins.url(path))
    }

    /// Everything from now on, in the words of the first of `languages` that there are any in.
    pub(crate) fn watch(self: &Arc<Self>, languages: Languages) -> impl Stream<Item = Event> + Send + use<> {
        let core = Arc::clone(self);
        self.updates.watch().map(move |event| core.in_words(event, &languages))
    }

    /// Runs the self-test again; what it finds replaces what was known.
    pub(crate) async fn doctor(&self) -> Result<Vec<Entry>> {
        for entry in crate::self_test(&self.launcher).await {
            self.notice(Subject::Appliance, entry).await;
        }
        Ok(self.health.all())
    }

    /// Puts an entry into the registry and tells front ends when it is news.
    pub(crate) async fn notice(&self, subject: Subject, entry: Entry) {
        if !self.health.set(subject.clone(), &entry) {
            return;
        }
        self.updates.tell(Event::Notice { entry: entry.clone(), grain_id: subject.grain_id() });
        self.remember_entry(&subject, &entry).await;
    }

    /// Takes an entry out of the registry and tells front ends that it is settled.
    pub(crate) fn settle(&self, subject: &Subject, code: &str) {
        if let Some(entry) = self.health.clear(subject, code) {
            self.updates.tell(Event::Notice { entry: Entry { ok: true, ..entry }, grain_id: subject.grain_id() });
        }
    }

    /// Runs database work where waiting for the disk holds nobody up.
    pub(crate) async fn db<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        blocking(move || work(&store)).await
    }

    pub(crate) fn chosen(&self) -> Chosen {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs work that waits for the disk on a thread for such.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(error.to_string()))?
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
